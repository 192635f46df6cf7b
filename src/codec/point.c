
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "hex.h"
#include "point.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>


#define NGX_OHTTP_RELAY_POINT_BYTES  32


static int ngx_ohttp_relay_point_on_curve(const u_char *point, size_t len);


/* those of order 1, 2, 4 and 8, without the bit that is the sign of x */

static const u_char
    ngx_ohttp_relay_point_small[][NGX_OHTTP_RELAY_POINT_BYTES] =
{
    { 0 },

    { 1 },

    { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f,
      0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
      0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
      0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },

    { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0,
      0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
      0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
      0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },

    { 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },

    { 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },

    { 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }
};


int
ngx_ohttp_relay_point_secp256k1(const u_char *p, const u_char *last)
{
    u_char  point[NGX_OHTTP_RELAY_POINT_PREFIXED / 2];

    if (last - p == NGX_OHTTP_RELAY_POINT_PREFIXED) {

        if (p[0] != '0' || p[1] != '4') {
            return NGX_OHTTP_RELAY_ERROR;
        }

        p += 2;
    }

    if (last - p != NGX_OHTTP_RELAY_POINT_SECP256K1
        || ngx_ohttp_relay_hex(p, last, point + 1) != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    point[0] = POINT_CONVERSION_UNCOMPRESSED;

    return ngx_ohttp_relay_point_on_curve(point, sizeof(point));
}


static int
ngx_ohttp_relay_point_on_curve(const u_char *point, size_t len)
{
    int        good;
    EC_POINT  *p;

    /* the curve is the same for all, and takes long to be made */

    static EC_GROUP  *group;

    if (group == NULL) {
        group = EC_GROUP_new_by_curve_name(NID_secp256k1);
    }

    p = group ? EC_POINT_new(group) : NULL;

    good = p && EC_POINT_oct2point(group, p, point, len, NULL) == 1;

    EC_POINT_free(p);

    if (!good) {
        /* what is left in the queue would be taken for another one's */
        ERR_clear_error();
    }

    return good ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


int
ngx_ohttp_relay_point_ed25519(const u_char *p, const u_char *last)
{
    size_t  i;
    u_char  point[NGX_OHTTP_RELAY_POINT_BYTES];

    if (last - p != NGX_OHTTP_RELAY_POINT_ED25519
        || ngx_ohttp_relay_hex(p, last, point) != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    point[NGX_OHTTP_RELAY_POINT_BYTES - 1] &= 0x7f;

    for (i = 0;
         i < sizeof(ngx_ohttp_relay_point_small) / NGX_OHTTP_RELAY_POINT_BYTES;
         i++)
    {
        if (memcmp(point, ngx_ohttp_relay_point_small[i],
                   NGX_OHTTP_RELAY_POINT_BYTES)
            == 0)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}
