
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "pem.h"
#include "base64.h"
#include "chain.h"


static int ngx_ohttp_relay_pem_line(const u_char **p, const u_char *last,
    const char *text);
static int ngx_ohttp_relay_pem_end(const u_char **p, const u_char *last);


ssize_t
ngx_ohttp_relay_pem(const u_char **p, const u_char *last,
    u_char out[NGX_OHTTP_RELAY_PEM_MAX])
{
    size_t         len;
    u_char         text[NGX_OHTTP_RELAY_PEM_MAX / 3 * 4 + 4];
    const u_char  *q;

    q = *p;

    if (ngx_ohttp_relay_pem_line(&q, last, "-----BEGIN CERTIFICATE-----")
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_pem_end(&q, last) != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (len = 0; q < last && *q != '-'; /* void */ ) {

        if (ngx_ohttp_relay_pem_end(&q, last) == NGX_OHTTP_RELAY_OK) {
            continue;
        }

        if (len == sizeof(text)) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        text[len++] = *q++;
    }

    if (ngx_ohttp_relay_pem_line(&q, last, "-----END CERTIFICATE-----")
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    (void) ngx_ohttp_relay_pem_end(&q, last);

    *p = q;

    return ngx_ohttp_relay_base64(text, text + len, out,
                                  NGX_OHTTP_RELAY_PEM_MAX);
}


static int
ngx_ohttp_relay_pem_line(const u_char **p, const u_char *last,
    const char *text)
{
    size_t  len;

    len = strlen(text);

    if ((size_t) (last - *p) < len || memcmp(*p, text, len) != 0) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *p += len;

    return NGX_OHTTP_RELAY_OK;
}


/* the end of a line, of one byte or two */

static int
ngx_ohttp_relay_pem_end(const u_char **p, const u_char *last)
{
    if (*p < last && **p == '\n') {
        *p += 1;
        return NGX_OHTTP_RELAY_OK;
    }

    if (last - *p >= 2 && (*p)[0] == '\r' && (*p)[1] == '\n') {
        *p += 2;
        return NGX_OHTTP_RELAY_OK;
    }

    return NGX_OHTTP_RELAY_ERROR;
}


int
ngx_ohttp_relay_pem_certificates(const u_char *p, const u_char *last, int n,
    STACK_OF(X509) *certificates)
{
    X509     *cert;
    u_char    der[NGX_OHTTP_RELAY_PEM_MAX];
    ssize_t   len;

    while (n-- > 0) {

        len = ngx_ohttp_relay_pem(&p, last, der);

        if (len <= 0) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        cert = ngx_ohttp_relay_chain_certificate(der, der + len);

        if (cert == NULL || sk_X509_push(certificates, cert) == 0) {
            X509_free(cert);
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return p == last ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}
