
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_OPENGRADIENT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_OPENGRADIENT_H_INCLUDED_


/*
 * The key configuration of an OpenGradient gateway, as it signs it: the key
 * that signs is the one whose hash its enclave commits to.
 */


#include "keccak.h"
#include "finding.h"


#define NGX_OHTTP_RELAY_OPENGRADIENT_BYTES   65536  /* of JSON, at most */

/* bytes, of a public key of any KEM, and of what else is read */
#define NGX_OHTTP_RELAY_OPENGRADIENT_KEY     2048
#define NGX_OHTTP_RELAY_OPENGRADIENT_CONFIG  4096
#define NGX_OHTTP_RELAY_OPENGRADIENT_RSA     1024


/* a length is 0 of what is not there */

typedef struct {
    uint8_t   key_id;
    uint16_t  kem_id;
    uint16_t  kdf_id;
    uint16_t  aead_id;
    size_t    public_key_len;
    u_char    public_key[NGX_OHTTP_RELAY_OPENGRADIENT_KEY];
    size_t    key_config_len;
    u_char    key_config[NGX_OHTTP_RELAY_OPENGRADIENT_CONFIG];  /* bare */
    size_t    tee_id_len;
    u_char    tee_id[NGX_OHTTP_RELAY_KECCAK];
    size_t    signature_len;
    u_char    signature[NGX_OHTTP_RELAY_OPENGRADIENT_RSA];
    size_t    spki_len;                             /* DER */
    u_char    spki[NGX_OHTTP_RELAY_OPENGRADIENT_RSA];
} ngx_ohttp_relay_opengradient_t;


/*
 * Reads the JSON of /v1/ohttp/config, or that of /signing-key, which has it
 * inside and the key that signs beside it.  What key_config says must be what
 * the object says.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED and fills *og; NGX_OHTTP_RELAY_MALFORMED,
 * or NGX_OHTTP_RELAY_REFUSED if the two disagree, with a reason in *finding.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_opengradient_parse(const u_char *p,
    const u_char *last, ngx_ohttp_relay_opengradient_t *og,
    ngx_ohttp_relay_finding_t *finding);

/*
 * Writes what is signed of a key configuration: the 32 bytes that are the
 * message of the signature, not its digest.
 */
void ngx_ohttp_relay_opengradient_message(
    const ngx_ohttp_relay_opengradient_t *og,
    const u_char tee_id[NGX_OHTTP_RELAY_KECCAK],
    u_char out[NGX_OHTTP_RELAY_KECCAK]);

/*
 * Verifies that the key has this SHA-256, that the id is the one of the key,
 * and that the key has signed the configuration: RSA-PSS, 2048 bits or more.
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED; any other answer with a reason.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_opengradient_verify(
    const ngx_ohttp_relay_opengradient_t *og, const u_char app[32],
    ngx_ohttp_relay_finding_t *finding);


#endif /* _NGX_OHTTP_RELAY_OPENGRADIENT_H_INCLUDED_ */
