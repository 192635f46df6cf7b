
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/x509_vfy.h>

#include "redis.h"


#define NGX_OHTTP_RELAY_REDIS_CHAIN  4           /* of certificates */


static void ngx_ohttp_relay_redis_handshake_handler(ngx_connection_t *c);
static char *ngx_ohttp_relay_redis_finish_tls(
    ngx_ohttp_relay_redis_node_t *node);
static char *ngx_ohttp_relay_redis_set_name(
    ngx_ohttp_relay_redis_node_t *node);
static int ngx_ohttp_relay_redis_verify(int ok, X509_STORE_CTX *store);


ngx_int_t
ngx_ohttp_relay_redis_init_tls(ngx_conf_t *cf, ngx_ohttp_relay_redis_t *redis)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    /* commands are added behind those that are being written */

    SSL_CTX_set_mode(ssl->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                               |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    redis->ssl = ssl;

    if (redis->trusted_certificate.len) {
        return ngx_ssl_trusted_certificate(cf, ssl,
                                           &redis->trusted_certificate,
                                           NGX_OHTTP_RELAY_REDIS_CHAIN);
    }

    SSL_CTX_set_verify_depth(ssl->ctx, NGX_OHTTP_RELAY_REDIS_CHAIN);

    if (SSL_CTX_set_default_verify_paths(ssl->ctx) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_ohttp_relay_redis_start_tls(ngx_ohttp_relay_redis_node_t *node)
{
    char              *failure;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = node->connection;

    if (ngx_ssl_create_connection(node->worker->redis->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        return "has no memory for TLS here";
    }

    failure = ngx_ohttp_relay_redis_set_name(node);

    if (failure) {
        return failure;
    }

    node->log.action = "SSL handshaking to the store";

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_ohttp_relay_redis_handshake_handler;
        return NULL;
    }

    return rc == NGX_OK ? ngx_ohttp_relay_redis_finish_tls(node)
                        : "fails in the TLS handshake";
}


static void
ngx_ohttp_relay_redis_handshake_handler(ngx_connection_t *c)
{
    char                          *failure;
    ngx_ohttp_relay_redis_node_t  *node;

    node = c->data;

    failure = c->ssl->handshaked ? ngx_ohttp_relay_redis_finish_tls(node)
                                 : "fails in the TLS handshake";

    if (failure) {
        ngx_ohttp_relay_redis_fail(node, failure);
    }
}


static char *
ngx_ohttp_relay_redis_finish_tls(ngx_ohttp_relay_redis_node_t *node)
{
    if (SSL_get_verify_result(node->connection->ssl->connection) != X509_V_OK)
    {
        return "has a certificate that is not valid";
    }

    ngx_ohttp_relay_redis_opened(node);

    return node->broken;
}


/*
 * The handshake itself fails if the certificate is not of a known authority,
 * or not for the name, or the address, that was configured.
 */

static char *
ngx_ohttp_relay_redis_set_name(ngx_ohttp_relay_redis_node_t *node)
{
    u_char             name[NGX_MAXHOSTNAMELEN + NGX_SOCKADDR_STRLEN], *last;
    SSL               *ssl;
    ngx_str_t         *host;
    X509_VERIFY_PARAM *param;

    host = &node->host;

    if (node->worker->redis->ssl_name.len) {
        host = &node->worker->redis->ssl_name;
    }

    if (host->len == 0 || host->len >= sizeof(name)) {
        return "has no name to be verified";
    }

    last = ngx_cpymem(name, host->data, host->len);
    *last = '\0';

    ssl = node->connection->ssl->connection;
    param = SSL_get0_param(ssl);

    SSL_set_verify(ssl, SSL_VERIFY_PEER, ngx_ohttp_relay_redis_verify);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, (char *) name) == 1) {
        return NULL;
    }

    if (SSL_set_tlsext_host_name(ssl, (char *) name) != 1
        || X509_VERIFY_PARAM_set1_host(param, (char *) name, host->len) != 1)
    {
        return "has a name that cannot be verified";
    }

    return NULL;
}


/* nginx' own callback, which stays without another one, takes everything */

static int
ngx_ohttp_relay_redis_verify(int ok, X509_STORE_CTX *store)
{
    return ok;
}
