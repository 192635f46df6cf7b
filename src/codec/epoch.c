
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "epoch.h"
#include "host.h"

#include <stdio.h>


static int ngx_ohttp_relay_epoch_skip(const u_char **p, const u_char *last,
    const char *text);
static int ngx_ohttp_relay_epoch_name(const u_char **p, const u_char *last,
    ngx_ohttp_relay_slice_t *name);
static int ngx_ohttp_relay_epoch_digest(const u_char **p, const u_char *last,
    u_char *digest);
static u_char *ngx_ohttp_relay_epoch_hex(u_char *out, const u_char *digest);


int
ngx_ohttp_relay_epoch(const u_char *p, const u_char *last,
    ngx_ohttp_relay_epoch_t *epoch)
{
    if (ngx_ohttp_relay_epoch_skip(&p, last, "{\"seq\":")
        || ngx_ohttp_relay_read_decimal(&p, last, INT64_MAX, &epoch->seq)
        || epoch->seq == 0
        || ngx_ohttp_relay_epoch_skip(&p, last, ",\"time\":")
        || ngx_ohttp_relay_read_decimal(&p, last, INT64_MAX, &epoch->time)
        || ngx_ohttp_relay_epoch_skip(&p, last, ",\"gateway\":\"")
        || ngx_ohttp_relay_epoch_name(&p, last, &epoch->gateway)
        || ngx_ohttp_relay_epoch_skip(&p, last, "\",\"sha256\":\"")
        || ngx_ohttp_relay_epoch_digest(&p, last, epoch->sha256)
        || ngx_ohttp_relay_epoch_skip(&p, last, "\",\"previous\":\"")
        || ngx_ohttp_relay_epoch_digest(&p, last, epoch->previous)
        || ngx_ohttp_relay_epoch_skip(&p, last, "\"}")
        || p != last)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_epoch_skip(const u_char **p, const u_char *last,
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


/* the alphabet of names: none needs to be escaped */

static int
ngx_ohttp_relay_epoch_name(const u_char **p, const u_char *last,
    ngx_ohttp_relay_slice_t *name)
{
    u_char  c;

    name->data = *p;

    for ( /* void */ ; *p < last; (*p)++) {
        c = **p;

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
        {
            break;
        }
    }

    name->len = *p - name->data;

    return (name->len && name->len <= NGX_OHTTP_RELAY_EPOCH_NAME)
           ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/* in lower case */

static int
ngx_ohttp_relay_epoch_digest(const u_char **p, const u_char *last,
    u_char *digest)
{
    int     value;
    u_char  c;
    size_t  i;

    if (last - *p < 2 * NGX_OHTTP_RELAY_EPOCH_DIGEST) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < 2 * NGX_OHTTP_RELAY_EPOCH_DIGEST; i++) {
        c = *(*p)++;

        if (c >= '0' && c <= '9') {
            value = c - '0';

        } else if (c >= 'a' && c <= 'f') {
            value = c - 'a' + 10;

        } else {
            return NGX_OHTTP_RELAY_ERROR;
        }

        digest[i / 2] = (u_char) ((i & 1) ? digest[i / 2] << 4 | value
                                          : value);
    }

    return NGX_OHTTP_RELAY_OK;
}


u_char *
ngx_ohttp_relay_epoch_write(u_char *out, const ngx_ohttp_relay_epoch_t *epoch)
{
    out += sprintf((char *) out, "{\"seq\":%llu,\"time\":%llu,\"gateway\":\"",
                   (unsigned long long) epoch->seq,
                   (unsigned long long) epoch->time);

    memcpy(out, epoch->gateway.data, epoch->gateway.len);
    out += epoch->gateway.len;

    out += sprintf((char *) out, "\",\"sha256\":\"");
    out = ngx_ohttp_relay_epoch_hex(out, epoch->sha256);

    out += sprintf((char *) out, "\",\"previous\":\"");
    out = ngx_ohttp_relay_epoch_hex(out, epoch->previous);

    *out++ = '"';
    *out++ = '}';

    return out;
}


static u_char *
ngx_ohttp_relay_epoch_hex(u_char *out, const u_char *digest)
{
    size_t  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < NGX_OHTTP_RELAY_EPOCH_DIGEST; i++) {
        *out++ = hex[digest[i] >> 4];
        *out++ = hex[digest[i] & 15];
    }

    return out;
}
