
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_VERDICTS_CODEC_H_INCLUDED_
#define _NGX_OHTTP_RELAY_VERDICTS_CODEC_H_INCLUDED_


/*
 * The file of verdicts that the agent writes: what it has found out about the
 * attestation of each gateway, and nothing that could lead a request anywhere.
 */


#include "codec.h"
#include "pin.h"


#define NGX_OHTTP_RELAY_VERDICTS_MAX    (4 * 1024 * 1024)   /* bytes */
#define NGX_OHTTP_RELAY_VERDICTS_ROWS   4096
#define NGX_OHTTP_RELAY_VERDICTS_ERROR  256     /* bytes of a sentence */

#define NGX_OHTTP_RELAY_VERDICT_PINS    8
#define NGX_OHTTP_RELAY_VERDICT_REASON  256     /* bytes, at most */
#define NGX_OHTTP_RELAY_VERDICT_DIGEST  32      /* bytes of SHA-256 */

/* of a boot, which is 2 to 64 hexadecimal digits, with zeros behind it */
#define NGX_OHTTP_RELAY_VERDICTS_BOOT   32


typedef enum {
    NGX_OHTTP_RELAY_VERDICT_OK = 0,
    NGX_OHTTP_RELAY_VERDICT_PINNED,        /* trusted without evidence */
    NGX_OHTTP_RELAY_VERDICT_STALE,         /* good, but could not be renewed */
    NGX_OHTTP_RELAY_VERDICT_REFUSED,
    NGX_OHTTP_RELAY_VERDICT_KEY_CONFLICT
} ngx_ohttp_relay_verdict_state_e;


/* what the evidence goes back to */

typedef enum {
    NGX_OHTTP_RELAY_ROOT_NONE = 0,         /* "" of what is refused */
    NGX_OHTTP_RELAY_ROOT_HARDWARE,
    NGX_OHTTP_RELAY_ROOT_SERVICE,
    NGX_OHTTP_RELAY_ROOT_OPERATOR,
    NGX_OHTTP_RELAY_ROOT_TEST
} ngx_ohttp_relay_root_e;


/*
 * Times are seconds since 1970, of the years up to 9999.  Slices have a NUL
 * behind them that "len" does not count, and no control characters.
 */

typedef struct {
    ngx_ohttp_relay_slice_t           name;       /* of a gateway */
    ngx_ohttp_relay_verdict_state_e   state;
    ngx_ohttp_relay_root_e            root;
    ngx_ohttp_relay_slice_t           kind;       /* 1 to 64 bytes */
    ngx_ohttp_relay_slice_t           reason;
    int64_t                           verified_at;
    int64_t                           valid_until;
    u_char            entry_sha256[NGX_OHTTP_RELAY_VERDICT_DIGEST];
    u_char            evidence_sha256[NGX_OHTTP_RELAY_VERDICT_DIGEST];
    unsigned                          npins;
    ngx_ohttp_relay_pin_t             pins[NGX_OHTTP_RELAY_VERDICT_PINS];
} ngx_ohttp_relay_verdict_t;


typedef struct {
    u_char            boot_id[NGX_OHTTP_RELAY_VERDICTS_BOOT];
    int64_t                           seq;
    int64_t                           written_at;
    int64_t                           ttl;        /* s, up to 30 days */

    unsigned                          n;
    ngx_ohttp_relay_verdict_t        *verdicts;   /* sorted by name */
    void                             *json;
} ngx_ohttp_relay_verdict_file_t;


/*
 * Reads p..last, at most NGX_OHTTP_RELAY_VERDICTS_MAX bytes.  All members must
 * be there, and no other ones.
 *
 * Returns the verdicts, to be freed with ngx_ohttp_relay_verdicts_free(), or
 * NULL with one sentence in error, NGX_OHTTP_RELAY_VERDICTS_ERROR bytes.
 */
ngx_ohttp_relay_verdict_file_t *ngx_ohttp_relay_verdicts_read(const u_char *p,
    const u_char *last, char *error);

/* Frees all that belongs to the file; NULL is allowed. */
void ngx_ohttp_relay_verdicts_free(ngx_ohttp_relay_verdict_file_t *file);

/* Returns the verdict about the gateway of this name, or NULL. */
const ngx_ohttp_relay_verdict_t *ngx_ohttp_relay_verdicts_find(
    const ngx_ohttp_relay_verdict_file_t *file, const u_char *name,
    size_t len);

/* The words for them in the file; they live as long as the program. */
const char *ngx_ohttp_relay_verdict_state_word(
    ngx_ohttp_relay_verdict_state_e state);
const char *ngx_ohttp_relay_verdict_root_word(ngx_ohttp_relay_root_e root);


#endif /* _NGX_OHTTP_RELAY_VERDICTS_CODEC_H_INCLUDED_ */
