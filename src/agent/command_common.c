
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_command_read(const char *name, size_t max,
    ngx_ohttp_relay_slice_t *content, ngx_ohttp_relay_finding_t *finding)
{
    FILE    *file;
    size_t   len;
    u_char  *data;

    content->data = NULL;
    content->len = 0;

    file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    data = malloc(max + 1);

    if (file == NULL || data == NULL) {
        goto failed;
    }

    len = fread(data, 1, max + 1, file);

    if (ferror(file)) {
        goto failed;
    }

    if (file != stdin) {
        fclose(file);
    }

    if (len > max) {
        free(data);
        return ngx_ohttp_relay_malformed(finding, "the file is too long");
    }

    content->data = data;
    content->len = len;

    return ngx_ohttp_relay_accepted(finding);

failed:

    fprintf(stderr, "ohttp-relay-agent: cannot read \"%s\": %s\n", name,
            strerror(errno));

    if (file != NULL && file != stdin) {
        fclose(file);
    }

    free(data);

    return ngx_ohttp_relay_unjudged(finding, "a file cannot be read");
}


int
ngx_ohttp_relay_command_usage(const char *format, ...)
{
    va_list  args;

    fprintf(stderr, "ohttp-relay-agent: ");

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);

    fprintf(stderr, "\n");

    return NGX_OHTTP_RELAY_USAGE;
}


const char *
ngx_ohttp_relay_command_answer(ngx_ohttp_relay_answer_e answer)
{
    static const char  *words[] = {
        "accepted", "refused", "malformed", "unjudged"
    };

    return words[answer];
}


int
ngx_ohttp_relay_command_finding(const ngx_ohttp_relay_finding_t *finding)
{
    printf("%s: %s\n", ngx_ohttp_relay_command_answer(finding->answer),
           finding->reason);

    return finding->answer;
}


char *
ngx_ohttp_relay_command_hex(const u_char *p, size_t len, char *out)
{
    size_t  i;

    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 0x0f];
    }

    out[2 * len] = '\0';

    return out;
}
