
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "codec.h"


static uint64_t ngx_ohttp_relay_load(const void *p);


/* the sum of the classes: 3 is both, a byte of a token is text */

const u_char  ngx_ohttp_relay_byte_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,   /* TAB */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 3, 2, 3, 3, 3, 3, 3, 2, 2, 3, 3, 2, 3, 3, 2,   /* !"#$%&'()*+,-./ */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2,   /* 0123456789:;<=>? */
    2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,   /* @ABCDEFGHIJKLMNO */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 3, 3,   /* PQRSTUVWXYZ[\]^_ */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,   /* `abcdefghijklmno */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 3, 2, 3, 0,   /* pqrstuvwxyz{|}~ */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2
};


int
ngx_ohttp_relay_token_equal(const u_char *p, const u_char *last,
    const char *lower, size_t len)
{
    size_t    i;
    uint64_t  letters, word;

    if ((size_t) (last - p) != len) {
        return 0;
    }

    if (len < 8) {

        for (i = 0; i < len; i++) {
            if (p[i] != (u_char) lower[i]
                && (lower[i] < 'a' || lower[i] > 'z'
                    || p[i] != (u_char) (lower[i] & ~0x20)))
            {
                return 0;
            }
        }

        return 1;
    }

    /*
     * Eight bytes at a time; the last step may overlap the one before.  The
     * names of a head are compared for each response, so this is worth it.
     */

    for (i = 0; ; i += 8) {

        if (i > len - 8) {
            i = len - 8;
        }

        word = ngx_ohttp_relay_load(lower + i);

        /* 0x20 for each byte of lower in a..z: there the case may differ */

        letters = (word + ngx_ohttp_relay_word(0x80 - 'a'))
                  & ~(word + ngx_ohttp_relay_word(0x80 - 'z' - 1))
                  & ngx_ohttp_relay_word(0x80);

        if ((ngx_ohttp_relay_load(p + i) ^ word) & ~(letters >> 2)) {
            return 0;
        }

        if (i == len - 8) {
            return 1;
        }
    }
}


int
ngx_ohttp_relay_is_text(const u_char *p, const u_char *last)
{
    uint64_t  word, low, del;

    while (last - p >= 8) {
        word = ngx_ohttp_relay_load(p);

        /* the high bit is set if any byte is below 0x20, or is 0x7f */

        low = (word - ngx_ohttp_relay_word(0x20)) & ~word;
        del = word ^ ngx_ohttp_relay_word(0x7f);
        del = (del - ngx_ohttp_relay_word(1)) & ~del;

        if ((low | del) & ngx_ohttp_relay_word(0x80)) {
            break;
        }

        p += 8;

        if (p < last && last - p < 8) {
            p = last - 8;
        }
    }

    /* fewer than eight bytes, or from a word with a TAB or a control byte on */

    for ( /* void */ ; p < last; p++) {
        if (!(ngx_ohttp_relay_byte_class[*p] & NGX_OHTTP_RELAY_BYTE_TEXT)) {
            return 0;
        }
    }

    return 1;
}


void
ngx_ohttp_relay_trim(const u_char **p, const u_char **last)
{
    while (*p < *last && (**p == ' ' || **p == '\t')) {
        (*p)++;
    }

    while (*p < *last && ((*last)[-1] == ' ' || (*last)[-1] == '\t')) {
        (*last)--;
    }
}


static uint64_t
ngx_ohttp_relay_load(const void *p)
{
    uint64_t  word;

    /* compilers make one load of this, whatever the alignment */

    memcpy(&word, p, sizeof(uint64_t));

    return word;
}
