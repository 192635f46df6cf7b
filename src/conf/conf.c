
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "conf.h"


#define NGX_OHTTP_RELAY_MAX_NAME  64


typedef struct {
    ngx_command_t  *commands;
    void           *conf;
} ngx_ohttp_relay_conf_block_t;


static char *ngx_ohttp_relay_conf_directive(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static ngx_uint_t ngx_ohttp_relay_conf_arguments(ngx_uint_t type,
    ngx_uint_t n);


/*
 * A block's own directives are kept out of the module's list: "url" or "tls"
 * must not become words of nginx at large.  nginx's setters serve all the
 * same.
 */

char *
ngx_ohttp_relay_conf_block(ngx_conf_t *cf, ngx_command_t *commands, void *conf)
{
    char                          *rv;
    ngx_conf_t                     save;
    ngx_ohttp_relay_conf_block_t   block;

    block.commands = commands;
    block.conf = conf;

    save = *cf;
    cf->handler = ngx_ohttp_relay_conf_directive;
    cf->handler_conf = (void *) &block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_ohttp_relay_conf_directive(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_ohttp_relay_conf_block_t *block = conf;

    return ngx_ohttp_relay_conf_apply(cf, block->commands, block->conf);
}


char *
ngx_ohttp_relay_conf_apply(ngx_conf_t *cf, ngx_command_t *commands, void *conf)
{
    char           *rv;
    ngx_str_t      *value;
    ngx_command_t  *cmd;

    value = cf->args->elts;

    for (cmd = commands; cmd->name.len; cmd++) {
        if (cmd->name.len == value[0].len
            && ngx_strcmp(cmd->name.data, value[0].data) == 0)
        {
            break;
        }
    }

    if (cmd->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (!ngx_ohttp_relay_conf_arguments(cmd->type, cf->args->nelts - 1)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    rv = cmd->set(cf, cmd, conf);

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" directive %s", &value[0], rv);
        return NGX_CONF_ERROR;
    }

    return rv;
}


static ngx_uint_t
ngx_ohttp_relay_conf_arguments(ngx_uint_t type, ngx_uint_t n)
{
    if (type & NGX_CONF_1MORE) {
        return n >= 1;
    }

    return n == (type & NGX_CONF_TAKE2 ? 2 : 1);
}


void ngx_cdecl
ngx_ohttp_relay_conf_wrong(ngx_log_t *log, u_char *file, ngx_uint_t line,
    const char *fmt, ...)
{
    u_char    text[NGX_MAX_CONF_ERRSTR], *p, *last;
    va_list   args;

    last = text + NGX_MAX_CONF_ERRSTR;

    va_start(args, fmt);
    p = ngx_vslprintf(text, last, fmt, args);
    va_end(args);

    if (file) {
        p = ngx_slprintf(p, last, " in %s:%ui", file, line);
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0, "%*s", p - text, text);
}


/* names stand in metrics and in variables: a small alphabet, no surprises */

ngx_int_t
ngx_ohttp_relay_conf_name(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')
        {
            continue;
        }

        break;
    }

    if (i == 0 || i != name->len || i > NGX_OHTTP_RELAY_MAX_NAME) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\": 1 to %d letters, digits, "
                           "\"-\", \"_\" or \".\"", name,
                           NGX_OHTTP_RELAY_MAX_NAME);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_ohttp_relay_conf_equal(ngx_str_t *a, ngx_str_t *b)
{
    /* what is empty may have no memory */

    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}
