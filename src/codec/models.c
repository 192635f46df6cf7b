
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "json.h"
#include "models.h"
#include "route.h"


static int ngx_ohttp_relay_models_row(
    const ngx_ohttp_relay_json_value_t *row, ngx_ohttp_relay_slice_t *id,
    const char **error);
static int ngx_ohttp_relay_models_id(
    const ngx_ohttp_relay_json_value_t *value, ngx_ohttp_relay_slice_t *id);


ssize_t
ngx_ohttp_relay_models(const u_char *p, const u_char *last,
    ngx_ohttp_relay_slice_t *ids, size_t max, const char **error)
{
    int                              rc;
    size_t                           n;
    ngx_ohttp_relay_slice_t          text, id;
    ngx_ohttp_relay_json_value_t     data, row;
    ngx_ohttp_relay_json_iterator_t  it;

    if (ngx_ohttp_relay_json_object(p, last) != NGX_OHTTP_RELAY_OK) {
        *error = "it is no JSON object";
        return NGX_OHTTP_RELAY_ERROR;
    }

    text.data = p;
    text.len = last - p;

    if (ngx_ohttp_relay_json_member(&text, "data", &data)
        != NGX_OHTTP_RELAY_OK
        || data.type != NGX_OHTTP_RELAY_JSON_ARRAY
        || ngx_ohttp_relay_json_begin(&data.text, &it) != NGX_OHTTP_RELAY_OK)
    {
        *error = "it has no array \"data\"";
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (n = 0;
         ngx_ohttp_relay_json_next(&it, &row) == NGX_OHTTP_RELAY_OK;
         /* void */ )
    {
        rc = ngx_ohttp_relay_models_row(&row, &id, error);

        if (rc == NGX_OHTTP_RELAY_ERROR) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        if (rc == NGX_OHTTP_RELAY_DONE) {
            continue;
        }

        if (n < max) {
            ids[n] = id;
        }

        n++;
    }

    return n;
}


/* NGX_OHTTP_RELAY_DONE for a model that is not of the list */

static int
ngx_ohttp_relay_models_row(const ngx_ohttp_relay_json_value_t *row,
    ngx_ohttp_relay_slice_t *id, const char **error)
{
    ngx_ohttp_relay_json_value_t  value;

    *error = "one of its \"data\" is neither an id nor a model";

    if (row->type == NGX_OHTTP_RELAY_JSON_STRING) {
        return ngx_ohttp_relay_models_id(row, id);
    }

    if (row->type != NGX_OHTTP_RELAY_JSON_OBJECT) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (ngx_ohttp_relay_json_member(&row->text, "confidential_compute", &value)
        != NGX_OHTTP_RELAY_OK
        || value.type != NGX_OHTTP_RELAY_JSON_TRUE)
    {
        return NGX_OHTTP_RELAY_DONE;
    }

    *error = "a confidential model has no right \"chute_id\"";

    if (ngx_ohttp_relay_json_member(&row->text, "chute_id", &value)
        != NGX_OHTTP_RELAY_OK
        || value.type != NGX_OHTTP_RELAY_JSON_STRING)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_models_id(&value, id);
}


static int
ngx_ohttp_relay_models_id(const ngx_ohttp_relay_json_value_t *value,
    ngx_ohttp_relay_slice_t *id)
{
    static const ngx_ohttp_relay_grammar_t  grammar = {
        NGX_OHTTP_RELAY_VALUE_NAME, 1, NGX_OHTTP_RELAY_CHUTE_MAX, NULL
    };

    *id = value->text;

    return ngx_ohttp_relay_value(&grammar, id->data, id->data + id->len);
}


int
ngx_ohttp_relay_models_compare(const void *one, const void *two)
{
    const ngx_ohttp_relay_slice_t  *a, *b;

    a = one;
    b = two;

    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }

    return memcmp(a->data, b->data, a->len);
}
