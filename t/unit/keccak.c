
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "hex.h"
#include "keccak.h"

#include <openssl/evp.h>


static void test_vector(const u_char *p, size_t len, const char *hex,
    const char *name);
static void test_lengths(void);


int
main(void)
{
    u_char  config[41], twos[32];

    memset(twos, 2, sizeof(twos));

    /* a key configuration of X25519 with this key */

    memcpy(config, "\x01\x00\x20", 3);
    memset(config + 3, 2, 32);
    memcpy(config + 35, "\x00\x04\x00\x01\x00\x03", 6);

    test_vector((const u_char *) "", 0,
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
        "nothing");
    test_vector((const u_char *) "abc", 3,
        "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
        "abc");
    test_vector((const u_char *) "OPENGRADIENT_TEE_OHTTP_CONFIG_V1", 32,
        "ff122683e0feb4f7d9e972e601b45f228210d60754c0f594e28eff64ca7bde9b",
        "the domain of OpenGradient's signatures");
    test_vector(twos, 32,
        "ee4a079f5b14a24465181d45af32a8053c2d446446d7019359e210b82e53b8ba",
        "a public key");
    test_vector(config, 41,
        "3827281822b13de403eabe9f6bae1e5d233664d52ddd966fe2f6cc19e47aaad0",
        "a key configuration");

    test_lengths();

    return tap_done();
}


static void
test_vector(const u_char *p, size_t len, const char *hex, const char *name)
{
    u_char  *copy, out[32], right[32];

    copy = tap_copy(p, len);

    ngx_ohttp_relay_hex((const u_char *) hex, (const u_char *) hex + 64,
                        right);
    ngx_ohttp_relay_keccak(copy, copy + len, out);

    tap_ok(memcmp(out, right, 32) == 0, "Keccak-256 of %s", name);
    tap_free(copy, len);
}


/* around one and two blocks of 136 bytes; all, if OpenSSL has it */

static void
test_lengths(void)
{
    int       bad;
    EVP_MD   *md;
    u_char    data[300], out[32], right[32];
    size_t    i;
    unsigned  len;

    static const struct {
        size_t       len;
        const char  *hex;
    } lengths[] = {
        { 135,
        "154f5dc27520a599653a2b10189cf53f5ce03b7c594d11fd98f67012ea304b6c" },
        { 136,
        "81e7ecb492d033f1692e770a6eb874e70aac45ec10da93483fc8d3537805c097" },
        { 137,
        "a595973359b39ba1fec5cf8f40710c5a213e76281dd4f174f1ea83106ee7759b" },
        { 272,
        "99d5a295c114ab3f94028d25825ea798399dacfc613f0193fb32c3c4973f1777" },
        { 300,
        "e8d0c605aa90a1fe3feb493ad761f5313ddd79b377b06ed215e8c883341c33ae" }
    };

    md = EVP_MD_fetch(NULL, "KECCAK-256", NULL);

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (u_char) (i * 7);
    }

    /* by another implementation */

    for (i = 0; i < tap_array_len(lengths); i++) {
        test_vector(data, lengths[i].len, lengths[i].hex, "a block or two");
    }

    for (bad = 0, i = 0; md && i <= sizeof(data); i++) {
        ngx_ohttp_relay_keccak(data, data + i, out);
        bad |= EVP_Digest(data, i, right, &len, md, NULL) != 1
               || memcmp(out, right, 32) != 0;
    }

    tap_ok(!bad, "Keccak-256 of all lengths to 300%s",
           md ? "" : ": OpenSSL does not have it here");

    EVP_MD_free(md);
}
