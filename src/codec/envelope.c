
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "envelope.h"


#define ngx_ohttp_relay_id(id, enc, name)                                    \
    { id, enc, sizeof(name) - 1, name }

#define NGX_OHTTP_RELAY_ENVELOPE_TAG    16
#define NGX_OHTTP_RELAY_ENVELOPE_LEAST  32


typedef struct {
    uint16_t     id;
    uint16_t     enc;                       /* Nenc, for a KEM */
    uint16_t     len;
    const char  *name;
} ngx_ohttp_relay_id_t;


static const ngx_ohttp_relay_id_t *ngx_ohttp_relay_find_id(
    const ngx_ohttp_relay_id_t *ids, uint16_t id);
static u_char *ngx_ohttp_relay_write_id(const ngx_ohttp_relay_id_t *ids,
    uint16_t id, u_char *out);


/* RFC 9180, section 7.1, and draft-ietf-hpke-pq; ends with no name */

static const ngx_ohttp_relay_id_t  ngx_ohttp_relay_kems[] = {
    ngx_ohttp_relay_id(0x0020, 32, "x25519"),
    ngx_ohttp_relay_id(0x0010, 65, "p256"),
    ngx_ohttp_relay_id(0x0011, 97, "p384"),
    ngx_ohttp_relay_id(0x0012, 133, "p521"),
    ngx_ohttp_relay_id(0x0016, 65, "secp256k1"),
    ngx_ohttp_relay_id(0x0021, 56, "x448"),
    ngx_ohttp_relay_id(0x0030, 1120, "x25519-kyber768"),
    ngx_ohttp_relay_id(0x0040, 768, "mlkem512"),
    ngx_ohttp_relay_id(0x0041, 1088, "mlkem768"),
    ngx_ohttp_relay_id(0x0042, 1568, "mlkem1024"),
    ngx_ohttp_relay_id(0x0050, 1153, "mlkem768-p256"),
    ngx_ohttp_relay_id(0x0051, 1665, "mlkem1024-p384"),
    ngx_ohttp_relay_id(0x647a, 1120, "mlkem768-x25519"),
    { 0, 0, 0, NULL }
};


static const ngx_ohttp_relay_id_t  ngx_ohttp_relay_kdfs[] = {
    ngx_ohttp_relay_id(0x0001, 0, "hkdf-sha256"),
    ngx_ohttp_relay_id(0x0002, 0, "hkdf-sha384"),
    ngx_ohttp_relay_id(0x0003, 0, "hkdf-sha512"),
    ngx_ohttp_relay_id(0x0010, 0, "shake128"),
    ngx_ohttp_relay_id(0x0011, 0, "shake256"),
    ngx_ohttp_relay_id(0x0012, 0, "turboshake128"),
    ngx_ohttp_relay_id(0x0013, 0, "turboshake256"),
    { 0, 0, 0, NULL }
};


static const ngx_ohttp_relay_id_t  ngx_ohttp_relay_aeads[] = {
    ngx_ohttp_relay_id(0x0001, 0, "aes-128-gcm"),
    ngx_ohttp_relay_id(0x0002, 0, "aes-256-gcm"),
    ngx_ohttp_relay_id(0x0003, 0, "chacha20poly1305"),
    { 0, 0, 0, NULL }
};


int
ngx_ohttp_relay_envelope(const u_char *p, const u_char *last,
    ngx_ohttp_relay_envelope_t *envelope)
{
    if (last - p < NGX_OHTTP_RELAY_ENVELOPE_HEADER) {
        return NGX_OHTTP_RELAY_AGAIN;
    }

    envelope->key_id = p[0];
    envelope->kem = (uint16_t) (p[1] << 8 | p[2]);
    envelope->kdf = (uint16_t) (p[3] << 8 | p[4]);
    envelope->aead = (uint16_t) (p[5] << 8 | p[6]);

    return NGX_OHTTP_RELAY_OK;
}


size_t
ngx_ohttp_relay_envelope_min(const ngx_ohttp_relay_envelope_t *e, int chunked)
{
    const ngx_ohttp_relay_id_t  *kem;

    kem = ngx_ohttp_relay_find_id(ngx_ohttp_relay_kems, e->kem);

    if (kem == NULL) {
        return NGX_OHTTP_RELAY_ENVELOPE_HEADER;
    }

    return NGX_OHTTP_RELAY_ENVELOPE_HEADER + kem->enc
           + NGX_OHTTP_RELAY_ENVELOPE_TAG + (chunked ? 1 : 0);
}


size_t
ngx_ohttp_relay_envelope_enc(const ngx_ohttp_relay_envelope_t *e)
{
    const ngx_ohttp_relay_id_t  *kem;

    kem = ngx_ohttp_relay_find_id(ngx_ohttp_relay_kems, e->kem);

    return NGX_OHTTP_RELAY_ENVELOPE_HEADER
           + (kem ? kem->enc : NGX_OHTTP_RELAY_ENVELOPE_LEAST);
}


size_t
ngx_ohttp_relay_envelope_suite(const ngx_ohttp_relay_envelope_t *e,
    u_char *buf, size_t size)
{
    size_t   len;
    u_char  *p, text[NGX_OHTTP_RELAY_SUITE_MAX];

    p = ngx_ohttp_relay_write_id(ngx_ohttp_relay_kems, e->kem, text);
    *p++ = '/';
    p = ngx_ohttp_relay_write_id(ngx_ohttp_relay_kdfs, e->kdf, p);
    *p++ = '/';
    p = ngx_ohttp_relay_write_id(ngx_ohttp_relay_aeads, e->aead, p);

    len = p - text;

    if (len > size) {
        return 0;
    }

    memcpy(buf, text, len);

    return len;
}


static const ngx_ohttp_relay_id_t *
ngx_ohttp_relay_find_id(const ngx_ohttp_relay_id_t *ids, uint16_t id)
{
    for ( /* void */ ; ids->name != NULL; ids++) {
        if (ids->id == id) {
            return ids;
        }
    }

    return NULL;
}


/* an unknown id is never shown: it is two bytes that a client has chosen */

static u_char *
ngx_ohttp_relay_write_id(const ngx_ohttp_relay_id_t *ids, uint16_t id,
    u_char *out)
{
    const ngx_ohttp_relay_id_t  *known;

    known = ngx_ohttp_relay_find_id(ids, id);

    if (known == NULL) {
        memcpy(out, "other", sizeof("other") - 1);
        return out + sizeof("other") - 1;
    }

    memcpy(out, known->name, known->len);

    return out + known->len;
}
