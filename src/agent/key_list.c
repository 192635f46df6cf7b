
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "key_list.h"
#include "opengradient.h"


#define NGX_OHTTP_RELAY_KEY_LENGTH  2       /* bytes in front of a key */


static ngx_ohttp_relay_answer_e ngx_ohttp_relay_key_list_copy(const u_char *p,
    const u_char *last, ngx_ohttp_relay_key_list_t *list,
    ngx_ohttp_relay_finding_t *finding);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_key_list_one(const u_char *p,
    size_t len, ngx_ohttp_relay_key_list_t *list,
    ngx_ohttp_relay_finding_t *finding);


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_key_list_make(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_list_t *list, ngx_ohttp_relay_finding_t *finding)
{
    unsigned       i;
    const char    *error;
    const u_char  *suites, *end;

    if (ngx_ohttp_relay_key_set(p, last, &list->set, &error)
        != NGX_OHTTP_RELAY_OK)
    {
        return ngx_ohttp_relay_malformed(finding, error);
    }

    list->form = list->set.form;

    if (ngx_ohttp_relay_key_list_copy(p, last, list, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    /* whatever it was, now it is a list: read as all others will */

    if (ngx_ohttp_relay_key_set(list->data, list->data + list->len, &list->set,
                                &error)
        != NGX_OHTTP_RELAY_OK)
    {
        return ngx_ohttp_relay_malformed(finding, error);
    }

    for (i = 0; i < list->set.n; i++) {

        ngx_ohttp_relay_key_list_suites(list, i, &suites, &end);

        if (suites != end) {
            return ngx_ohttp_relay_accepted(finding);
        }
    }

    return ngx_ohttp_relay_refused(finding, "no key is of a KEM that is known");
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_key_list_copy(const u_char *p, const u_char *last,
    ngx_ohttp_relay_key_list_t *list, ngx_ohttp_relay_finding_t *finding)
{
    ngx_ohttp_relay_opengradient_t  og;

    switch (list->form) {

    case NGX_OHTTP_RELAY_KEYS_LIST:
        list->len = last - p;
        memcpy(list->data, p, list->len);
        return ngx_ohttp_relay_accepted(finding);

    case NGX_OHTTP_RELAY_KEYS_BARE:
        return ngx_ohttp_relay_key_list_one(p, last - p, list, finding);

    default: /* NGX_OHTTP_RELAY_KEYS_JSON */
        break;
    }

    if (ngx_ohttp_relay_opengradient_parse(p, last, &og, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    return ngx_ohttp_relay_key_list_one(og.key_config, og.key_config_len, list,
                                        finding);
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_key_list_one(const u_char *p, size_t len,
    ngx_ohttp_relay_key_list_t *list, ngx_ohttp_relay_finding_t *finding)
{
    if (len > sizeof(list->data) - NGX_OHTTP_RELAY_KEY_LENGTH
        || len > 0xffff)
    {
        return ngx_ohttp_relay_malformed(finding, "it is too long");
    }

    list->data[0] = (u_char) (len >> 8);
    list->data[1] = (u_char) len;
    memcpy(list->data + NGX_OHTTP_RELAY_KEY_LENGTH, p, len);

    list->len = NGX_OHTTP_RELAY_KEY_LENGTH + len;

    return ngx_ohttp_relay_accepted(finding);
}


void
ngx_ohttp_relay_key_list_suites(const ngx_ohttp_relay_key_list_t *list,
    unsigned i, const u_char **p, const u_char **last)
{
    unsigned       k;
    const u_char  *end;

    for (end = list->data, k = 0; k <= i; k++) {
        end += NGX_OHTTP_RELAY_KEY_LENGTH + (end[0] << 8 | end[1]);
    }

    *p = list->set.keys[i].key.data + list->set.keys[i].key.len;
    *last = end;

    /* the length of the pairs stands in front of them */

    if (*p != *last) {
        *p += NGX_OHTTP_RELAY_KEY_LENGTH;
    }
}
