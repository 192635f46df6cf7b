
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * The issuer of the measurements.
 *
 * usage: tokens key FOLDER           a new key: key.pem, key.spki, jwks.json
 *        tokens sign KEY N FILE      N tokens, each good for one request
 *        tokens forged KEY N FILE    the same with a random authenticator
 *        tokens keyed KEY N FILE     random bytes but for type and key id
 *        tokens random KEY N FILE    random bytes but for the type
 *        tokens jwt KEY FILE         one JWT, RS256
 *        tokens verify KEY N         N verifications, as fast as can be
 *
 * KEY is a private key in PEM.  A line of a file is what "Authorization" is
 * to say, and all lines are of one length.  Tokens are of type 0x0002 (RFC
 * 9578, section 6), signed with the private key itself: to whoever verifies
 * them they are those that a client has blinded.  "verify" prints how long it
 * took, and the CPU time of it, both in nanoseconds.
 */


#include "bench.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>


#define TOKENS_SCHEME      "PrivateToken token="
#define TOKENS_TEXT        472          /* base64url of TOKENS_SIZE */
#define TOKENS_LINE        (sizeof(TOKENS_SCHEME) - 1 + TOKENS_TEXT + 1)

/* bytes of a token, and of its parts */
#define TOKENS_HEAD        2
#define TOKENS_DIGEST      32
#define TOKENS_SIGNED      98
#define TOKENS_SIGNATURE   256
#define TOKENS_SIZE        354

#define TOKENS_KEY_ID      (TOKENS_HEAD + 2 * TOKENS_DIGEST)

/* in both forms of a public key of 2048 bits, the last part */
#define TOKENS_SPKI_TAIL   275

/* so many signatures for "verify", one after the other */
#define TOKENS_VERIFIED    256

/* no random name of a subject: all runs send the same */
#define TOKENS_JWT_HEADER                                                    \
    "{\"alg\":\"RS256\",\"kid\":\"bench\",\"typ\":\"JWT\"}"
#define TOKENS_JWT_PAYLOAD                                                   \
    "{\"iss\":\"https://accounts.example\",\"aud\":\"relay\","               \
    "\"sub\":\"0d7bd3e6-4f5c-4a0e-8d51-6a8f5a9f7c11\",\"scope\":\"ohttp\","  \
    "\"iat\":1767225600,\"exp\":4102444800}"


typedef struct {
    EVP_PKEY       *pkey;
    EVP_PKEY_CTX   *sign;
    unsigned char   head[TOKENS_SIGNED];  /* type, digest, key id */
} issuer_t;


static void tokens_key(const char *folder);
static void tokens_jwks(const char *folder, EVP_PKEY *key);
static void tokens_spki(EVP_PKEY *key, unsigned char **spki, size_t *len);
static void tokens_save(const char *folder, const char *name,
    const void *data, size_t len);
static void tokens_issuer(issuer_t *issuer, const char *path);
static EVP_PKEY_CTX *tokens_context(EVP_PKEY *key, int verify);
static void tokens_file(issuer_t *issuer, const char *kind, long n,
    const char *path);
static void tokens_part(issuer_t *issuer, const char *kind, long first,
    long n, int fd);
static void tokens_make(issuer_t *issuer, const char *kind,
    unsigned char *token);
static void tokens_jwt(issuer_t *issuer, const char *path);
static void tokens_verify(issuer_t *issuer, long n);
static void tokens_sign(issuer_t *issuer, const unsigned char *input,
    unsigned char *signature);
static size_t tokens_base64url(char *out, const void *data, size_t len);


/* what stands in front of the last part, RFC 9578, section 6.5 */

static const unsigned char  tokens_spki_head[] = {
    0x30, 0x82, 0x01, 0x52, 0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
    0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x30, 0xa0, 0x0d, 0x30, 0x0b, 0x06,
    0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa1, 0x1a,
    0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x08, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
    0x02, 0x02, 0xa2, 0x03, 0x02, 0x01, 0x30
};

/* a TokenChallenge for issuer.example, of no origin and no context */

static const unsigned char  tokens_challenge[] =
    "\x00\x02" "\x00\x0e" "issuer.example" "\x00" "\x00\x00";


int
main(int argc, char **argv)
{
    issuer_t     issuer;
    const char  *mode;

    if (argc < 3) {
        bench_die("usage: tokens MODE ...");
    }

    mode = argv[1];

    if (strcmp(mode, "key") == 0) {
        tokens_key(argv[2]);
        return 0;
    }

    tokens_issuer(&issuer, argv[2]);

    if (strcmp(mode, "jwt") == 0 && argc == 4) {
        tokens_jwt(&issuer, argv[3]);

    } else if (strcmp(mode, "verify") == 0 && argc == 4) {
        tokens_verify(&issuer, atol(argv[3]));

    } else if (argc == 5) {
        tokens_file(&issuer, mode, atol(argv[3]), argv[4]);

    } else {
        bench_die("no such mode");
    }

    return 0;
}


static void
tokens_key(const char *folder)
{
    BIO            *bio;
    char           *pem;
    size_t          len;
    EVP_PKEY       *key;
    unsigned char  *spki;

    key = EVP_RSA_gen(2048);
    bio = BIO_new(BIO_s_mem());

    if (key == NULL || bio == NULL
        || !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
    {
        bench_die("no key");
    }

    len = BIO_get_mem_data(bio, &pem);
    tokens_save(folder, "key.pem", pem, len);

    tokens_spki(key, &spki, &len);
    tokens_save(folder, "key.spki", spki, len);

    tokens_jwks(folder, key);
}


static void
tokens_jwks(const char *folder, EVP_PKEY *key)
{
    char           text[BENCH_BUFFER], n[512];
    BIGNUM        *modulus;
    unsigned char  bytes[TOKENS_SIGNATURE];

    modulus = NULL;

    if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus)
        || BN_bn2binpad(modulus, bytes, sizeof(bytes)) != sizeof(bytes))
    {
        bench_die("no modulus");
    }

    n[tokens_base64url(n, bytes, sizeof(bytes))] = '\0';

    snprintf(text, sizeof(text), "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\","
             "\"alg\":\"RS256\",\"kid\":\"bench\",\"e\":\"AQAB\","
             "\"n\":\"%s\"}]}\n", n);

    tokens_save(folder, "jwks.json", text, strlen(text));
}


/* OpenSSL writes parameters that the RFC leaves out */

static void
tokens_spki(EVP_PKEY *key, unsigned char **spki, size_t *len)
{
    int             n;
    unsigned char  *der;

    der = NULL;
    n = i2d_PUBKEY(key, &der);

    *len = sizeof(tokens_spki_head) + TOKENS_SPKI_TAIL;
    *spki = malloc(*len);

    if (n < TOKENS_SPKI_TAIL || *spki == NULL) {
        bench_die("no public key");
    }

    memcpy(*spki, tokens_spki_head, sizeof(tokens_spki_head));
    memcpy(*spki + sizeof(tokens_spki_head), der + n - TOKENS_SPKI_TAIL,
           TOKENS_SPKI_TAIL);
}


static void
tokens_save(const char *folder, const char *name, const void *data, size_t len)
{
    int   fd;
    char  path[BENCH_BUFFER];

    snprintf(path, sizeof(path), "%s/%s", folder, name);

    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd == -1 || write(fd, data, len) != (ssize_t) len) {
        bench_die(path);
    }

    close(fd);
}


static void
tokens_issuer(issuer_t *issuer, const char *path)
{
    FILE           *file;
    size_t          len;
    unsigned char  *p, *spki;

    file = fopen(path, "r");
    if (file == NULL) {
        bench_die(path);
    }

    issuer->pkey = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);

    if (issuer->pkey == NULL) {
        bench_die("no private key");
    }

    issuer->sign = tokens_context(issuer->pkey, 0);

    p = issuer->head;
    memset(p, 0, TOKENS_SIGNED);
    p[1] = 2;

    SHA256(tokens_challenge, sizeof(tokens_challenge) - 1,
           p + TOKENS_HEAD + TOKENS_DIGEST);

    tokens_spki(issuer->pkey, &spki, &len);
    SHA256(spki, len, p + TOKENS_KEY_ID);
    free(spki);
}


static EVP_PKEY_CTX *
tokens_context(EVP_PKEY *key, int verify)
{
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new(key, NULL);

    if (ctx == NULL
        || (verify ? EVP_PKEY_verify_init(ctx) : EVP_PKEY_sign_init(ctx)) != 1
        || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1
        || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha384()) != 1
        || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha384()) != 1
        || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, SHA384_DIGEST_LENGTH) != 1)
    {
        bench_die("RSASSA-PSS is not available");
    }

    return ctx;
}


/* signing takes a while: each processor makes a part of the file */

static void
tokens_file(issuer_t *issuer, const char *kind, long n, const char *path)
{
    int        fd, i, parts, status;
    long       first;
    cpu_set_t  set;

    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd == -1 || sched_getaffinity(0, sizeof(set), &set) == -1) {
        bench_die(path);
    }

    parts = CPU_COUNT(&set);

    for (i = 0, first = 0; i < parts; i++) {

        if (fork() == 0) {
            tokens_part(issuer, kind, first, n * (i + 1) / parts - first, fd);
            exit(0);
        }

        first = n * (i + 1) / parts;
    }

    while (wait(&status) != -1) {
        if (status != 0) {
            exit(1);
        }
    }

    close(fd);
}


static void
tokens_part(issuer_t *issuer, const char *kind, long first, long n, int fd)
{
    char           line[TOKENS_LINE];
    unsigned char  token[TOKENS_SIZE];

    memcpy(line, TOKENS_SCHEME, sizeof(TOKENS_SCHEME) - 1);

    for (/* void */; n; n--, first++) {
        tokens_make(issuer, kind, token);
        tokens_base64url(line + sizeof(TOKENS_SCHEME) - 1, token,
                         TOKENS_SIZE);
        line[TOKENS_LINE - 1] = '\n';

        if (pwrite(fd, line, TOKENS_LINE, first * TOKENS_LINE)
            != (ssize_t) TOKENS_LINE)
        {
            bench_die("write");
        }
    }
}


static void
tokens_make(issuer_t *issuer, const char *kind, unsigned char *token)
{
    if (RAND_bytes(token, TOKENS_SIZE) != 1) {
        bench_die("no random bytes");
    }

    memcpy(token, issuer->head, TOKENS_HEAD);

    if (strcmp(kind, "random") == 0) {
        return;
    }

    memcpy(token + TOKENS_KEY_ID, issuer->head + TOKENS_KEY_ID, TOKENS_DIGEST);

    if (strcmp(kind, "keyed") == 0) {
        return;
    }

    memcpy(token + TOKENS_HEAD + TOKENS_DIGEST,
           issuer->head + TOKENS_HEAD + TOKENS_DIGEST, TOKENS_DIGEST);

    if (strcmp(kind, "forged") == 0) {

        /* a number that is less than any modulus: nothing ends it early */
        token[TOKENS_SIGNED] &= 0x7f;
        return;
    }

    if (strcmp(kind, "sign") != 0) {
        bench_die("no such mode");
    }

    tokens_sign(issuer, token, token + TOKENS_SIGNED);
}


static void
tokens_jwt(issuer_t *issuer, const char *path)
{
    FILE           *file;
    char            text[BENCH_BODY], *p;
    size_t          len;
    EVP_MD_CTX     *md;
    unsigned char   signature[TOKENS_SIGNATURE];

    p = text;
    p += tokens_base64url(p, TOKENS_JWT_HEADER, sizeof(TOKENS_JWT_HEADER) - 1);
    *p++ = '.';
    p += tokens_base64url(p, TOKENS_JWT_PAYLOAD,
                          sizeof(TOKENS_JWT_PAYLOAD) - 1);

    md = EVP_MD_CTX_new();
    len = sizeof(signature);

    if (md == NULL
        || EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, issuer->pkey) != 1
        || EVP_DigestSign(md, signature, &len, (unsigned char *) text,
                          p - text)
           != 1)
    {
        bench_die("no JWT");
    }

    EVP_MD_CTX_free(md);

    *p++ = '.';
    p += tokens_base64url(p, signature, len);

    file = fopen(path, "w");

    if (file == NULL
        || fprintf(file, "Bearer %.*s\n", (int) (p - text), text) < 0
        || fclose(file) != 0)
    {
        bench_die(path);
    }
}


static void
tokens_verify(issuer_t *issuer, long n)
{
    long                  i;
    unsigned char         input[TOKENS_SIGNED];
    EVP_PKEY_CTX         *ctx;
    unsigned long long    start, used;

    static unsigned char  digest[TOKENS_VERIFIED][SHA384_DIGEST_LENGTH];
    static unsigned char  signature[TOKENS_VERIFIED][TOKENS_SIGNATURE];

    for (i = 0; i < TOKENS_VERIFIED; i++) {
        RAND_bytes(input, TOKENS_SIGNED);
        SHA384(input, TOKENS_SIGNED, digest[i]);
        tokens_sign(issuer, input, signature[i]);
    }

    ctx = tokens_context(issuer->pkey, 1);
    start = bench_now();
    used = bench_clock(CLOCK_PROCESS_CPUTIME_ID);

    for (i = 0; i < n; i++) {
        if (EVP_PKEY_verify(ctx, signature[i % TOKENS_VERIFIED],
                            TOKENS_SIGNATURE, digest[i % TOKENS_VERIFIED],
                            SHA384_DIGEST_LENGTH)
            != 1)
        {
            bench_die("a signature does not verify");
        }
    }

    printf("%llu %llu\n", bench_now() - start,
           bench_clock(CLOCK_PROCESS_CPUTIME_ID) - used);
}


static void
tokens_sign(issuer_t *issuer, const unsigned char *input,
    unsigned char *signature)
{
    size_t         len;
    unsigned char  digest[SHA384_DIGEST_LENGTH];

    SHA384(input, TOKENS_SIGNED, digest);
    len = TOKENS_SIGNATURE;

    if (EVP_PKEY_sign(issuer->sign, signature, &len, digest, sizeof(digest))
        != 1)
    {
        bench_die("no signature");
    }
}


/* without padding; returns the length */

static size_t
tokens_base64url(char *out, const void *data, size_t len)
{
    char    *p;
    size_t   n;

    n = EVP_EncodeBlock((unsigned char *) out, data, (int) len);

    for (p = out; p < out + n; p++) {

        if (*p == '+') {
            *p = '-';

        } else if (*p == '/') {
            *p = '_';

        } else if (*p == '=') {
            break;
        }
    }

    return p - out;
}
