
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tap.h"
#include "models.h"


#define ID_32  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_64  ID_32 ID_32


static int same(const char *text, const char *want);


/* the ids with a space behind each; NULL: it is refused */

static const struct {
    const char  *text;
    const char  *ids;
} cases[] = {
    { "{\"data\":[]}", "" },
    { "{\"data\":[\"a\"]}", "a " },
    { " { \"data\" : [ \"a\" , \"b-1.c_D\" ] } \n", "a b-1.c_D " },
    { "{\"data\":[\"" ID_64 "\"]}", ID_64 " " },
    { "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"chute_id\":\"a\","
      "\"root\":\"m\",\"created\":1,\"confidential_compute\":true}]}", "a " },
    { "{\"data\":[{\"chute_id\":\"a\",\"confidential_compute\":true},\"b\","
      "{\"chute_id\":\"c\",\"confidential_compute\":true}]}", "a b c " },
    { "{\"data\":[{\"chute_id\":\"a\",\"confidential_compute\":false}]}", "" },
    { "{\"data\":[{\"chute_id\":\"a\",\"confidential_compute\":null}]}", "" },
    { "{\"data\":[{\"chute_id\":\"a\",\"confidential_compute\":1}]}", "" },
    { "{\"data\":[{\"chute_id\":\"a\",\"confidential_compute\":\"true\"}]}",
      "" },
    { "{\"data\":[{\"chute_id\":\"a\"}]}", "" },
    { "{\"data\":[{}]}", "" },
    { "{\"data\":[{\"id\":\"of another kind\"}]}", "" },

    { "", NULL },
    { "[]", NULL },
    { "[\"a\"]", NULL },
    { "{}", NULL },
    { "{\"data\":null}", NULL },
    { "{\"data\":{}}", NULL },
    { "{\"data\":\"a\"}", NULL },
    { "{\"data\":[\"a\"]", NULL },
    { "{\"data\":[\"a\"]}{}", NULL },
    { "{\"data\":[\"a\"],\"data\":[\"b\"]}", NULL },
    { "{\"data\":[\"\"]}", NULL },
    { "{\"data\":[\"a b\"]}", NULL },
    { "{\"data\":[\"a/b\"]}", NULL },
    { "{\"data\":[\"..\"]}", NULL },
    { "{\"data\":[\"\\u0061\"]}", NULL },
    { "{\"data\":[\"" ID_64 "a\"]}", NULL },
    { "{\"data\":[1]}", NULL },
    { "{\"data\":[null]}", NULL },
    { "{\"data\":[[\"a\"]]}", NULL },
    { "{\"data\":[{\"confidential_compute\":true}]}", NULL },
    { "{\"data\":[{\"chute_id\":1,\"confidential_compute\":true}]}", NULL },
    { "{\"data\":[{\"chute_id\":\"a b\",\"confidential_compute\":true}]}",
      NULL },
};


int
main(void)
{
    size_t                   i;
    const char              *error;
    const u_char            *text;
    ngx_ohttp_relay_slice_t  id[2];

    for (i = 0; i < tap_array_len(cases); i++) {
        tap_ok(same(cases[i].text, cases[i].ids), "%s %s", cases[i].text,
               cases[i].ids ? "is read" : "is refused");
    }

    text = (const u_char *) "{\"data\":[\"a\",\"b\",\"c\"]}";

    tap_ok(ngx_ohttp_relay_models(text, text + 22, id, 2, &error) == 3
           && id[0].data[0] == 'a' && id[1].data[0] == 'b',
           "more ids than there is room for are counted");

    id[0].data = (const u_char *) "b";
    id[0].len = 1;
    id[1].data = (const u_char *) "aa";
    id[1].len = 2;

    tap_ok(ngx_ohttp_relay_models_compare(&id[0], &id[1]) < 0
           && ngx_ohttp_relay_models_compare(&id[1], &id[0]) > 0,
           "a shorter id comes first");

    id[1].len = 1;

    tap_ok(ngx_ohttp_relay_models_compare(&id[0], &id[1]) > 0
           && ngx_ohttp_relay_models_compare(&id[1], &id[0]) < 0
           && ngx_ohttp_relay_models_compare(&id[1], &id[1]) == 0,
           "then the bytes tell");

    return tap_done();
}


static int
same(const char *text, const char *want)
{
    int                       good;
    char                     *out;
    size_t                    len, used;
    u_char                   *copy;
    ssize_t                   n, i;
    const char               *error;
    ngx_ohttp_relay_slice_t   ids[4];

    len = strlen(text);
    copy = tap_copy(text, len);
    error = NULL;

    n = ngx_ohttp_relay_models(copy, copy + len, ids, 4, &error);

    good = (n >= 0) == (want != NULL);

    if (n < 0) {
        good &= (error != NULL);

    } else if (want != NULL) {
        out = malloc(len + 2);
        used = 0;

        for (i = 0; i < n; i++) {
            memcpy(out + used, ids[i].data, ids[i].len);
            used += ids[i].len;
            out[used++] = ' ';
        }

        good &= used == strlen(want) && memcmp(out, want, used) == 0;
        free(out);
    }

    tap_free(copy, len);

    return good;
}
