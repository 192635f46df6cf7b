
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CONF_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Reads the inside of a block with its own directives: "commands" end with
 * ngx_null_command, their types are NGX_CONF_TAKE1, NGX_CONF_TAKE2 or
 * NGX_CONF_1MORE, their setters get "conf".  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR after one logged line.
 */
char *ngx_ohttp_relay_conf_block(ngx_conf_t *cf, ngx_command_t *commands,
    void *conf);

/*
 * The same for a single directive of such a block, cf->args, wherever it was
 * read.
 */
char *ngx_ohttp_relay_conf_apply(ngx_conf_t *cf, ngx_command_t *commands,
    void *conf);

/*
 * Logs in one [emerg] line what is wrong with a block, which stands in a line
 * of a file; or, if "file" is NULL, with what stands elsewhere.
 */
void ngx_cdecl ngx_ohttp_relay_conf_wrong(ngx_log_t *log, u_char *file,
    ngx_uint_t line, const char *fmt, ...);

/*
 * Checks the name of a block, 1 to 64 bytes of letters, digits, "-", "_" and
 * ".".  Returns NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_conf_name(ngx_conf_t *cf, ngx_str_t *name);

/*
 * Whether two names are the same: 1 or 0.
 */
ngx_uint_t ngx_ohttp_relay_conf_equal(ngx_str_t *a, ngx_str_t *b);

/*
 * Reads a whole file of "min" to "max" bytes into memory of cf->pool, with a
 * NUL behind it that "content" does not count.  "path" is relative to nginx's
 * conf prefix, and is made absolute.  Nobody but its owner may write to it;
 * that others can read a "secret" one is warned about.  Returns NGX_OK, or
 * NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_conf_read(ngx_conf_t *cf, ngx_str_t *path,
    size_t min, size_t max, ngx_uint_t secret, ngx_str_t *content);


#endif /* _NGX_OHTTP_RELAY_CONF_H_INCLUDED_ */
