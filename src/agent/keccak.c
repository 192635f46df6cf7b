
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "keccak.h"


/* words of the state, and those of them that take input: 1088 bits */
#define NGX_OHTTP_RELAY_KECCAK_WORDS   25
#define NGX_OHTTP_RELAY_KECCAK_RATE    17
#define NGX_OHTTP_RELAY_KECCAK_ROUNDS  24

/* n is above 0 and below 64 */
#define ngx_ohttp_relay_rotate(w, n)  ((w) << (n) | (w) >> (64 - (n)))


static void ngx_ohttp_relay_keccak_absorb(uint64_t *state, const u_char *p);
static void ngx_ohttp_relay_keccak_permute(uint64_t *state);
static uint64_t ngx_ohttp_relay_keccak_constant(unsigned *lfsr);


/*
 * FIPS 202, sections 3.2.2 and 3.2.3, along the way that pi goes through all
 * words but the first: by how much each is turned, and where it goes.
 */

static const u_char  ngx_ohttp_relay_keccak_turns[] = {
    1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18,
    39, 61, 20, 44
};

static const u_char  ngx_ohttp_relay_keccak_way[] = {
    10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14,
    22, 9, 6, 1
};


void
ngx_ohttp_relay_keccak(const u_char *p, const u_char *last,
    u_char out[NGX_OHTTP_RELAY_KECCAK])
{
    size_t    i, block;
    u_char    end[NGX_OHTTP_RELAY_KECCAK_RATE * 8];
    uint64_t  state[NGX_OHTTP_RELAY_KECCAK_WORDS];

    memset(state, 0, sizeof(state));
    block = sizeof(end);

    for ( /* void */ ; (size_t) (last - p) >= block; p += block) {
        ngx_ohttp_relay_keccak_absorb(state, p);
    }

    memset(end, 0, block);

    if (p != last) {
        memcpy(end, p, last - p);
    }

    /* SHA-3 has 0x06 here */

    end[last - p] = 0x01;
    end[block - 1] |= 0x80;

    ngx_ohttp_relay_keccak_absorb(state, end);

    for (i = 0; i < NGX_OHTTP_RELAY_KECCAK; i++) {
        out[i] = (u_char) (state[i / 8] >> 8 * (i % 8));
    }
}


static void
ngx_ohttp_relay_keccak_absorb(uint64_t *state, const u_char *p)
{
    size_t  i;

    for (i = 0; i < NGX_OHTTP_RELAY_KECCAK_RATE * 8; i++) {
        state[i / 8] ^= (uint64_t) p[i] << 8 * (i % 8);
    }

    ngx_ohttp_relay_keccak_permute(state);
}


/* FIPS 202, section 3.3, with 24 rounds of five steps */

static void
ngx_ohttp_relay_keccak_permute(uint64_t *state)
{
    unsigned  i, k, lfsr, round;
    uint64_t  column[5], held, moved, row[5];

    lfsr = 1;

    for (round = 0; round < NGX_OHTTP_RELAY_KECCAK_ROUNDS; round++) {

        /* theta */

        for (i = 0; i < 5; i++) {
            column[i] = state[i] ^ state[i + 5] ^ state[i + 10]
                        ^ state[i + 15] ^ state[i + 20];
        }

        for (i = 0; i < NGX_OHTTP_RELAY_KECCAK_WORDS; i++) {
            held = column[(i + 1) % 5];
            state[i] ^= column[(i + 4) % 5] ^ ngx_ohttp_relay_rotate(held, 1);
        }

        /* rho and pi */

        held = state[1];

        for (i = 0; i < sizeof(ngx_ohttp_relay_keccak_way); i++) {
            k = ngx_ohttp_relay_keccak_way[i];
            moved = state[k];
            state[k] = ngx_ohttp_relay_rotate(held,
                                           ngx_ohttp_relay_keccak_turns[i]);
            held = moved;
        }

        /* chi */

        for (k = 0; k < NGX_OHTTP_RELAY_KECCAK_WORDS; k += 5) {

            memcpy(row, &state[k], sizeof(row));

            for (i = 0; i < 5; i++) {
                state[k + i] ^= ~row[(i + 1) % 5] & row[(i + 2) % 5];
            }
        }

        /* iota */

        state[0] ^= ngx_ohttp_relay_keccak_constant(&lfsr);
    }
}


/* the constant of a round: seven bits of a shift register, section 3.2.5 */

static uint64_t
ngx_ohttp_relay_keccak_constant(unsigned *lfsr)
{
    unsigned  i;
    uint64_t  constant;

    for (constant = 0, i = 0; i < 7; i++) {

        if (*lfsr & 1) {
            constant |= (uint64_t) 1 << ((1U << i) - 1);
        }

        *lfsr <<= 1;

        if (*lfsr & 0x100) {
            *lfsr ^= 0x171;
        }
    }

    return constant;
}
