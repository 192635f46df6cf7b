
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "allow.h"
#include "hex.h"


static int ngx_ohttp_relay_allow_fits(
    const ngx_ohttp_relay_allow_entry_t *entry,
    const ngx_ohttp_relay_slice_t *registers, unsigned n, unsigned zero);
static int ngx_ohttp_relay_allow_register(
    const ngx_ohttp_relay_allow_entry_t *entry, unsigned number,
    const ngx_ohttp_relay_slice_t *value);


int
ngx_ohttp_relay_allowed(const ngx_ohttp_relay_allow_t *allow,
    const ngx_ohttp_relay_slice_t *registers, unsigned n, unsigned zero)
{
    unsigned  i;

    if (allow->any) {
        return 1;
    }

    for (i = 0; i < allow->n; i++) {
        if (ngx_ohttp_relay_allow_fits(&allow->entries[i], registers, n, zero))
        {
            return 1;
        }
    }

    return 0;
}


static int
ngx_ohttp_relay_allow_fits(const ngx_ohttp_relay_allow_entry_t *entry,
    const ngx_ohttp_relay_slice_t *registers, unsigned n, unsigned zero)
{
    unsigned  i, number;

    for (i = 0; i < entry->n; i++) {

        number = entry->values[i].number;

        if (number >= n
            || !ngx_ohttp_relay_allow_register(entry, number,
                                               &registers[number]))
        {
            return 0;
        }

        if (number < 32) {
            zero &= ~(1U << number);
        }
    }

    for (i = 0; i < n && i < 32; i++) {
        if (zero & 1U << i
            && !ngx_ohttp_relay_all_zero(registers[i].data, registers[i].len))
        {
            return 0;
        }
    }

    return entry->n != 0;
}


/* whether one of the values for this register is the one that it has */

static int
ngx_ohttp_relay_allow_register(const ngx_ohttp_relay_allow_entry_t *entry,
    unsigned number, const ngx_ohttp_relay_slice_t *value)
{
    unsigned                              i;
    const ngx_ohttp_relay_allow_value_t  *allowed;

    if (ngx_ohttp_relay_all_zero(value->data, value->len)) {
        return 0;
    }

    for (i = 0; i < entry->n; i++) {

        allowed = &entry->values[i];

        if (allowed->number == number && allowed->len == value->len
            && memcmp(allowed->value, value->data, value->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


int
ngx_ohttp_relay_allow_add(ngx_ohttp_relay_allow_entry_t *entry,
    unsigned number, const ngx_ohttp_relay_slice_t *hex, size_t len)
{
    ngx_ohttp_relay_allow_value_t  *value;

    if (entry->n == NGX_OHTTP_RELAY_ALLOW_MAX
        || len > NGX_OHTTP_RELAY_MEASUREMENT || hex->len != 2 * len)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    value = &entry->values[entry->n];

    if (ngx_ohttp_relay_hex(hex->data, hex->data + hex->len, value->value)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    value->number = number;
    value->len = len;

    entry->n++;

    return NGX_OHTTP_RELAY_OK;
}


int
ngx_ohttp_relay_all_zero(const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }

    return 1;
}
