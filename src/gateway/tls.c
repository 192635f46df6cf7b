
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../conf/conf.h"
#include "peer.h"
#include "tls.h"
#include "verdicts.h"


#define NGX_OHTTP_RELAY_TLS_PROTOCOLS  (NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3)
#define NGX_OHTTP_RELAY_TLS_CIPHERS    "DEFAULT"
#define NGX_OHTTP_RELAY_TLS_DEPTH      4


static ngx_ohttp_relay_tls_t *ngx_ohttp_relay_tls_find(
    ngx_ohttp_relay_gateways_t *gateways, ngx_str_t *name);
static ngx_int_t ngx_ohttp_relay_tls_load(ngx_conf_t *cf,
    ngx_ohttp_relay_tls_t *tls);
static ngx_int_t ngx_ohttp_relay_tls_certificate(ngx_conf_t *cf,
    ngx_ohttp_relay_tls_t *tls);
static ngx_ssl_t *ngx_ohttp_relay_tls_create(ngx_conf_t *cf,
    ngx_uint_t protocols, ngx_str_t *ciphers);
static ngx_ssl_t *ngx_ohttp_relay_tls_system(ngx_conf_t *cf);
static ngx_ssl_t *ngx_ohttp_relay_tls_pinned(ngx_conf_t *cf);
static int ngx_ohttp_relay_tls_verify(X509_STORE_CTX *store, void *data);
static int ngx_ohttp_relay_tls_refuse(X509_STORE_CTX *store,
    ngx_connection_t *c, ngx_ohttp_relay_shown_t *shown, char *what);
static ngx_uint_t ngx_ohttp_relay_tls_match(ngx_ohttp_relay_pin_t *pin,
    ngx_uint_t n, ngx_ohttp_relay_shown_t *shown);
static ngx_int_t ngx_ohttp_relay_tls_show(X509 *certificate,
    ngx_ohttp_relay_shown_t *shown);
static ngx_int_t ngx_ohttp_relay_tls_digest(X509 *certificate,
    ngx_ohttp_relay_pin_kind_e kind, u_char *digest);


static ngx_str_t  ngx_ohttp_relay_tls_default_ciphers =
    ngx_string(NGX_OHTTP_RELAY_TLS_CIPHERS);


ngx_int_t
ngx_ohttp_relay_tls_init(ngx_conf_t *cf, ngx_ohttp_relay_gateways_t *gateways,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_ssl_t              **ssl;
    ngx_ohttp_relay_tls_t   *tls;

    gateway->upstream.ssl_server_name = 1;

    if (gateway->pins) {
        ssl = &gateways->pinned_ssl;

        if (*ssl == NULL) {
            *ssl = ngx_ohttp_relay_tls_pinned(cf);
        }

        gateway->upstream.ssl = *ssl;

        return *ssl ? NGX_OK : NGX_ERROR;
    }

    gateway->upstream.ssl_verify = 1;

    /* who resumes a session shows no certificate: see below */

    gateway->upstream.ssl_session_reuse = (gateway->attestation
                                      == NGX_OHTTP_RELAY_ATTESTATION_OFF);

    if (gateway->tls.data == NULL) {
        ssl = &gateways->system_ssl;

        if (*ssl == NULL) {
            *ssl = ngx_ohttp_relay_tls_system(cf);
        }

        gateway->upstream.ssl = *ssl;

        return *ssl ? NGX_OK : NGX_ERROR;
    }

    tls = ngx_ohttp_relay_tls_find(gateways, &gateway->tls);

    if (tls == NULL) {
        ngx_ohttp_relay_conf_wrong(cf->log, gateway->file, gateway->line,
                                   "gateway \"%V\": there is no "
                                   "ohttp_relay_tls block \"%V\"",
                                   &gateway->name, &gateway->tls);
        return NGX_ERROR;
    }

    if (tls->ssl == NULL && ngx_ohttp_relay_tls_load(cf, tls) != NGX_OK) {
        return NGX_ERROR;
    }

    gateway->upstream.ssl = tls->ssl;

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_tls_prepare(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways)
{
    ngx_uint_t               i;
    ngx_ohttp_relay_tls_t  **tls;

    tls = gateways->tls.elts;

    for (i = 0; i < gateways->tls.nelts; i++) {
        if (tls[i]->ssl == NULL
            && ngx_ohttp_relay_tls_load(cf, tls[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (gateways->system_ssl == NULL) {
        gateways->system_ssl = ngx_ohttp_relay_tls_system(cf);
    }

    if (gateways->pinned_ssl == NULL) {
        gateways->pinned_ssl = ngx_ohttp_relay_tls_pinned(cf);
    }

    return gateways->system_ssl && gateways->pinned_ssl ? NGX_OK : NGX_ERROR;
}


static ngx_ohttp_relay_tls_t *
ngx_ohttp_relay_tls_find(ngx_ohttp_relay_gateways_t *gateways, ngx_str_t *name)
{
    ngx_uint_t               i;
    ngx_ohttp_relay_tls_t  **tls;

    tls = gateways->tls.elts;

    for (i = 0; i < gateways->tls.nelts; i++) {
        if (tls[i]->name.len == name->len
            && ngx_memcmp(tls[i]->name.data, name->data, name->len) == 0)
        {
            return tls[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_ohttp_relay_tls_load(ngx_conf_t *cf, ngx_ohttp_relay_tls_t *tls)
{
    ngx_ssl_t   *ssl;
    ngx_uint_t   depth;

    ssl = ngx_ohttp_relay_tls_create(cf, tls->protocols,
                                     tls->ciphers.len ? &tls->ciphers
                                     : &ngx_ohttp_relay_tls_default_ciphers);
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    tls->ssl = ssl;

    depth = tls->verify_depth == NGX_CONF_UNSET_UINT
            ? NGX_OHTTP_RELAY_TLS_DEPTH : tls->verify_depth;

    if (tls->trusted_certificate.len) {
        if (ngx_ssl_trusted_certificate(cf, ssl, &tls->trusted_certificate,
                                        depth)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {
        SSL_CTX_set_verify_depth(ssl->ctx, depth);

        if (SSL_CTX_set_default_verify_paths(ssl->ctx) != 1) {
            ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                          "SSL_CTX_set_default_verify_paths() failed");
            return NGX_ERROR;
        }
    }

    if (ngx_ssl_crl(cf, ssl, &tls->crl) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_tls_certificate(cf, tls);
}


/* the client certificate is read by nginx: its key never passes through us */

static ngx_int_t
ngx_ohttp_relay_tls_certificate(ngx_conf_t *cf, ngx_ohttp_relay_tls_t *tls)
{
    ngx_array_t  *passwords;

    if (tls->certificate.len == 0 && tls->certificate_key.len == 0) {
        return NGX_OK;
    }

    if (tls->certificate.len == 0 || tls->certificate_key.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ohttp_relay_tls \"%V\": \"certificate\" and "
                      "\"certificate_key\" go together", &tls->name);
        return NGX_ERROR;
    }

    passwords = NULL;

    if (tls->password_file.len) {
        passwords = ngx_ssl_read_password_file(cf, &tls->password_file);
        if (passwords == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_ssl_certificate(cf, tls->ssl, &tls->certificate,
                               &tls->certificate_key, passwords);
}


static ngx_ssl_t *
ngx_ohttp_relay_tls_create(ngx_conf_t *cf, ngx_uint_t protocols,
    ngx_str_t *ciphers)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NULL;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, protocols ? protocols
                                      : NGX_OHTTP_RELAY_TLS_PROTOCOLS, NULL)
        != NGX_OK)
    {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NULL;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    SSL_CTX_set_cert_verify_callback(ssl->ctx, ngx_ohttp_relay_tls_verify,
                                     NULL);

#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF

    /* what only the end of the connection ends must have a true end */
    SSL_CTX_clear_options(ssl->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);

#endif

    if (ngx_ssl_ciphers(cf, ssl, ciphers, 0) != NGX_OK
        || ngx_ssl_client_session_cache(cf, ssl, 1) != NGX_OK)
    {
        return NULL;
    }

    return ssl;
}


static ngx_ssl_t *
ngx_ohttp_relay_tls_system(ngx_conf_t *cf)
{
    ngx_ohttp_relay_tls_t  tls;

    ngx_memzero(&tls, sizeof(ngx_ohttp_relay_tls_t));
    tls.verify_depth = NGX_CONF_UNSET_UINT;

    if (ngx_ohttp_relay_tls_load(cf, &tls) != NGX_OK) {
        return NULL;
    }

    return tls.ssl;
}


static ngx_ssl_t *
ngx_ohttp_relay_tls_pinned(ngx_conf_t *cf)
{
    ngx_ssl_t  *ssl;

    ssl = ngx_ohttp_relay_tls_create(cf, 0,
                                     &ngx_ohttp_relay_tls_default_ciphers);
    if (ssl == NULL) {
        return NULL;
    }

    /*
     * A resumed handshake shows no certificate and would not come by the
     * callback below: no session is kept, and none is asked for.
     */

    SSL_CTX_set_session_cache_mode(ssl->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ssl->ctx, SSL_OP_NO_TICKET);

    SSL_CTX_set_verify(ssl->ctx, SSL_VERIFY_PEER, NULL);

    return ssl;
}


/*
 * The handshake fails unless the gateway's own certificate, or its key, is
 * one of those pinned for the gateway this connection is made for.  Without
 * pins an authority vouches for it: nginx looks at the result, and then at the
 * name.  What the verdict on it names has to be there in both cases.
 */

static int
ngx_ohttp_relay_tls_verify(X509_STORE_CTX *store, void *data)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_ssl_conn_t             *ssl_conn;
    ngx_ohttp_relay_shown_t     shown;
    ngx_ohttp_relay_gateway_t  *gateway;

    ssl_conn = X509_STORE_CTX_get_ex_data(store,
                                         SSL_get_ex_data_X509_STORE_CTX_idx());
    c = ngx_ssl_get_connection(ssl_conn);
    r = c->data;
    gateway = r->upstream->upstream->peer.data;

    if (gateway->pins == NULL
        && (X509_verify_cert(store) != 1
            || X509_STORE_CTX_get_error(store) != X509_V_OK
            || gateway->attestation == NGX_OHTTP_RELAY_ATTESTATION_OFF))
    {
        return X509_STORE_CTX_get_error(store) == X509_V_OK;
    }

    if (ngx_ohttp_relay_tls_show(X509_STORE_CTX_get0_cert(store), &shown)
        != NGX_OK)
    {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        return 0;
    }

    if (gateway->pins
        && !ngx_ohttp_relay_tls_match(gateway->pins->elts,
                                      gateway->pins->nelts, &shown))
    {
        return ngx_ohttp_relay_tls_refuse(store, c, &shown, "\"ssl_pin\"");
    }

    if (!ngx_ohttp_relay_tls_attested(gateway, &shown)) {
        return ngx_ohttp_relay_tls_refuse(store, c, &shown, "verdict on it");
    }

    ngx_ohttp_relay_peer_shown(r, &shown);

    X509_STORE_CTX_set_error(store, X509_V_OK);

    return 1;
}


/* what is logged can be compared with the pin that stands somewhere else */

static int
ngx_ohttp_relay_tls_refuse(X509_STORE_CTX *store, ngx_connection_t *c,
    ngx_ohttp_relay_shown_t *shown, char *what)
{
    u_char  hex[64];

    (void) ngx_hex_dump(hex, shown->digest[NGX_OHTTP_RELAY_PIN_SPKI],
                        sizeof(hex) / 2);

    ngx_log_error(NGX_LOG_ERR, c->log, 0,
                  "gateway matches no %s, it shows spki-sha256:%*s",
                  what, sizeof(hex), hex);

    ngx_ohttp_relay_peer_forged(c->data);

    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);

    return 0;
}


ngx_uint_t
ngx_ohttp_relay_tls_attested(ngx_ohttp_relay_gateway_t *gateway,
    ngx_ohttp_relay_shown_t *shown)
{
    ngx_uint_t              n;
    ngx_ohttp_relay_pin_t  *pin;

    if (gateway->attestation == NGX_OHTTP_RELAY_ATTESTATION_OFF) {
        return 1;
    }

    pin = ngx_ohttp_relay_verdicts_pins(gateway, &n);

    return pin == NULL || ngx_ohttp_relay_tls_match(pin, n, shown);
}


static ngx_uint_t
ngx_ohttp_relay_tls_match(ngx_ohttp_relay_pin_t *pin, ngx_uint_t n,
    ngx_ohttp_relay_shown_t *shown)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_memcmp(shown->digest[pin[i].kind], pin[i].digest,
                       sizeof(pin[i].digest))
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_ohttp_relay_tls_show(X509 *certificate, ngx_ohttp_relay_shown_t *shown)
{
    ngx_uint_t  kind;

    ngx_memzero(shown, sizeof(ngx_ohttp_relay_shown_t));

    for (kind = 0; kind < NGX_OHTTP_RELAY_PIN_KINDS; kind++) {
        if (ngx_ohttp_relay_tls_digest(certificate, kind, shown->digest[kind])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_tls_digest(X509 *certificate, ngx_ohttp_relay_pin_kind_e kind,
    u_char *digest)
{
    int            len;
    u_char        *der;
    unsigned int   size;

    if (kind == NGX_OHTTP_RELAY_PIN_CERT) {
        return X509_digest(certificate, EVP_sha256(), digest, &size) == 1
               ? NGX_OK : NGX_ERROR;
    }

    der = NULL;
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

    if (len <= 0) {
        return NGX_ERROR;
    }

    size = EVP_Digest(der, len, digest, NULL, EVP_sha256(), NULL);

    OPENSSL_free(der);

    return size == 1 ? NGX_OK : NGX_ERROR;
}
