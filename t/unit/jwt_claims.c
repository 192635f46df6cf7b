
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tokens.h"


static EVP_PKEY                *ec;
static ngx_ohttp_relay_jwks_t  *keys;


/* claims, with a right header and signature */

static void
test_claims(const char *name, ngx_ohttp_relay_jwt_e expected,
    const char *payload)
{
    test_token(name, keys,
               test_sign(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", payload),
               expected);
}


static void
test_payloads(void)
{
    test_claims("exp is missing", INVALID,
                "{\"iss\":\"https://a.example\"}");
    test_claims("exp is a string", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":\"1790000060\"}");
    test_claims("exp has a fraction", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":1790000060.0}");
    test_claims("exp has an exponent", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":179000006e1}");
    test_claims("exp is null", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":null}");
    test_claims("exp is true", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":true}");
    test_claims("exp is an array", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":[1790000060]}");
    test_claims("exp is huge", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":18446744073709551616}");
    test_claims("exp wraps around 64 bits", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":18446744075499551616}");
    test_claims("exp is the largest of 64 bits", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":9223372036854775807}");
    test_claims("exp is the smallest of 64 bits", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":-9223372036854775808}");
    test_claims("exp is more than JSON can say", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":9007199254740992}");
    test_claims("exp is the most that JSON can say", GOOD,
                "{\"iss\":\"https://a.example\",\"exp\":9007199254740991}");
    test_claims("exp in another case", INVALID,
                "{\"iss\":\"https://a.example\",\"Exp\":1790000060}");
    test_claims("exp inside another claim", INVALID,
                "{\"iss\":\"https://a.example\",\"x\":{" EXP "}}");

    test_claims("exp twice", INVALID,
                "{\"iss\":\"https://a.example\",\"exp\":1," EXP "}");
    test_claims("exp twice, one escaped", INVALID,
                "{\"iss\":\"https://a.example\",\"\\u0065xp\":1," EXP "}");
    test_claims("a name twice inside a claim", INVALID,
                "{\"iss\":\"https://a.example\",\"x\":{\"y\":1,\"y\":1}," EXP
                "}");
    test_claims("exp, escaped", GOOD,
                "{\"iss\":\"https:\\/\\/a.example\",\"\\u0065xp\":1790000060}");

    test_claims("an array", INVALID, "[" CLAIMS "]");
    test_claims("not JSON", INVALID, "exp=1790000060");
    test_claims("text behind it", INVALID, CLAIMS "x");
    test_claims("a NUL in a string", INVALID,
                "{\"iss\":\"https://a.example\",\"x\":\"\\u0000\"," EXP "}");

    test_token("a NUL behind it", keys,
               test_sign_bytes(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}",
                               CLAIMS, sizeof(CLAIMS)), INVALID);
}


static void
test_times(void)
{
    test_claims("expired, within the leeway", GOOD,
                "{\"iss\":\"https://a.example\",\"exp\":1789999971}");
    test_claims("expired", EXPIRED,
                "{\"iss\":\"https://a.example\",\"exp\":1789999970}");
    test_claims("expired long ago", EXPIRED,
                "{\"iss\":\"https://a.example\",\"exp\":0}");
    test_claims("expired before there was time", EXPIRED,
                "{\"iss\":\"https://a.example\",\"exp\":-9007199254740991}");

    test_claims("nbf within the leeway", GOOD,
                "{\"iss\":\"https://a.example\"," EXP ",\"nbf\":1790000030}");
    test_claims("nbf ahead", INVALID,
                "{\"iss\":\"https://a.example\"," EXP ",\"nbf\":1790000031}");
    test_claims("nbf is a string", INVALID,
                "{\"iss\":\"https://a.example\"," EXP ",\"nbf\":\"0\"}");
    test_claims("iat within the leeway", GOOD,
                "{\"iss\":\"https://a.example\"," EXP ",\"iat\":1790000030}");
    test_claims("iat ahead", INVALID,
                "{\"iss\":\"https://a.example\"," EXP ",\"iat\":1790000031}");
    test_claims("iat has a fraction", INVALID,
                "{\"iss\":\"https://a.example\"," EXP ",\"iat\":1.5}");
    test_claims("iat is huge", INVALID,
                "{\"iss\":\"https://a.example\"," EXP
                ",\"iat\":9223372036854775807}");
    test_claims("iat long ago", GOOD,
                "{\"iss\":\"https://a.example\"," EXP ",\"iat\":-5}");

    rules.leeway = 0;
    test_claims("exp now, no leeway", EXPIRED,
                "{\"iss\":\"https://a.example\",\"exp\":1790000000}");
    test_claims("exp in a second, no leeway", GOOD,
                "{\"iss\":\"https://a.example\",\"exp\":1790000001}");
    rules.leeway = 30;
}


static void
test_whose(void)
{
    test_claims("no iss", FOREIGN, "{" EXP "}");
    test_claims("another iss", FOREIGN,
                "{\"iss\":\"https://b.example\"," EXP "}");
    test_claims("an iss with more", FOREIGN,
                "{\"iss\":\"https://a.example/\"," EXP "}");
    test_claims("iss in an array", FOREIGN,
                "{\"iss\":[\"https://a.example\"]," EXP "}");
    test_claims("another iss and expired", FOREIGN,
                "{\"iss\":\"https://b.example\",\"exp\":0}");

    rules.aud = "relay";
    test_claims("aud", GOOD, CLAIMS);
    test_claims("aud in an array", GOOD, "{\"iss\":\"https://a.example\","
                "\"aud\":[\"x\",\"relay\"]," EXP "}");
    test_claims("no aud", FOREIGN, "{\"iss\":\"https://a.example\"," EXP "}");
    test_claims("another aud", FOREIGN, "{\"iss\":\"https://a.example\","
                "\"aud\":\"relays\"," EXP "}");
    test_claims("aud is not words", FOREIGN, "{\"iss\":\"https://a.example\","
                "\"aud\":\"x relay\"," EXP "}");
    test_claims("others in an array", FOREIGN, "{\"iss\":\"https://a.example\","
                "\"aud\":[\"x\",[\"relay\"],{\"relay\":1}]," EXP "}");
    test_claims("aud is an object", FOREIGN, "{\"iss\":\"https://a.example\","
                "\"aud\":{\"relay\":\"relay\"}," EXP "}");
    rules.aud = NULL;

    rules.scope = "ohttp";
    test_claims("scope", GOOD, "{\"iss\":\"https://a.example\","
                "\"scope\":\"ohttp\"," EXP "}");
    test_claims("scope of words", GOOD, "{\"iss\":\"https://a.example\","
                "\"scope\":\"a  ohttp b\"," EXP "}");
    test_claims("scope in an array", GOOD, "{\"iss\":\"https://a.example\","
                "\"scope\":[\"a\",\"ohttp\"]," EXP "}");
    test_claims("scp", GOOD, "{\"iss\":\"https://a.example\","
                "\"scp\":\"a ohttp\"," EXP "}");
    test_claims("scp in an array", GOOD, "{\"iss\":\"https://a.example\","
                "\"scope\":\"b\",\"scp\":[\"ohttp\"]," EXP "}");
    test_claims("no scope", FOREIGN, CLAIMS);
    test_claims("part of a scope", FOREIGN, "{\"iss\":\"https://a.example\","
                "\"scope\":\"ohttps xohttp ohttp.x\"," EXP "}");
    test_claims("scope in another case", FOREIGN,
                "{\"iss\":\"https://a.example\",\"scope\":\"OHTTP\"," EXP "}");
    rules.scope = NULL;
}


static void
test_subject(void)
{
    const char  *token;

    token = test_sign(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}",
                      "{\"iss\":\"https://a.example\"," EXP
                      ",\"sub\":\"a\\u0007\\u00e9\"}");

    tap_ok(test_answer(keys, token, strlen(token), GOOD, "a\007\303\251"),
           "the subject comes out");

    test_claims("a subject that is a number", INVALID,
                "{\"iss\":\"https://a.example\"," EXP ",\"sub\":1}");
    test_claims("no subject", GOOD, CLAIMS);

    rules.subject = 1;
    test_claims("no subject where there must be one", INVALID, CLAIMS);
    test_claims("an empty one", INVALID,
                "{\"iss\":\"https://a.example\"," EXP ",\"sub\":\"\"}");
    test_claims("a subject where there must be one", GOOD,
                "{\"iss\":\"https://a.example\"," EXP ",\"sub\":\"a\"}");
    rules.subject = 0;
}


int
main(void)
{
    ec = EVP_EC_gen("P-256");
    keys = test_set("{\"keys\":[{\"kid\":\"e\",%s}]}", signer_jwk(ec));

    test_payloads();
    test_times();
    test_whose();
    test_subject();

    ngx_ohttp_relay_jwks_free(keys);
    EVP_PKEY_free(ec);

    return tap_done();
}
