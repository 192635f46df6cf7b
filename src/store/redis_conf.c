
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../codec/redis_url.h"
#include "redis.h"


#define NGX_OHTTP_RELAY_REDIS_TIMEOUT   50          /* ms */
#define NGX_OHTTP_RELAY_REDIS_SIZE      (16 * 1024 * 1024)
#define NGX_OHTTP_RELAY_REDIS_PASSWORD  512         /* bytes, the longest */


typedef struct {
    ngx_str_t    name;
    char      *(*set)(ngx_conf_t *cf, ngx_ohttp_relay_redis_t *redis,
                    ngx_str_t *value);
} ngx_ohttp_relay_redis_parameter_t;


static char *ngx_ohttp_relay_redis_set_servers(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_add_host(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_ohttp_relay_host_t *host);
static char *ngx_ohttp_relay_redis_add_server(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *name, in_port_t port);
static char *ngx_ohttp_relay_redis_set_parameter(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *argument);
static char *ngx_ohttp_relay_redis_set_user(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_password_file(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_timeout(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_on_failure(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_on_data_loss(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_prefix(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_size(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_db(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_trusted_certificate(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_set_ssl_name(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value);
static char *ngx_ohttp_relay_redis_test(ngx_ohttp_relay_redis_t *redis);
static ngx_int_t ngx_ohttp_relay_redis_read_password(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis);


static ngx_ohttp_relay_redis_parameter_t
    ngx_ohttp_relay_redis_parameters[] =
{
    { ngx_string("user="), ngx_ohttp_relay_redis_set_user },
    { ngx_string("password_file="), ngx_ohttp_relay_redis_set_password_file },
    { ngx_string("timeout="), ngx_ohttp_relay_redis_set_timeout },
    { ngx_string("on_failure="), ngx_ohttp_relay_redis_set_on_failure },
    { ngx_string("on_data_loss="), ngx_ohttp_relay_redis_set_on_data_loss },
    { ngx_string("prefix="), ngx_ohttp_relay_redis_set_prefix },
    { ngx_string("size="), ngx_ohttp_relay_redis_set_size },
    { ngx_string("db="), ngx_ohttp_relay_redis_set_db },
    { ngx_string("trusted_certificate="),
      ngx_ohttp_relay_redis_set_trusted_certificate },
    { ngx_string("ssl_name="), ngx_ohttp_relay_redis_set_ssl_name },
    { ngx_null_string, NULL }
};


static ngx_str_t  ngx_ohttp_relay_redis_spent_zone =
    ngx_string("ohttp_relay_redis_spent");


char *
ngx_ohttp_relay_redis_directive(ngx_conf_t *cf,
    ngx_ohttp_relay_store_t *store)
{
    char                     *rv;
    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_ohttp_relay_redis_t  *redis;

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_ohttp_relay_redis_t));
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    redis->store = store;
    redis->db = NGX_CONF_UNSET;
    redis->timeout = NGX_OHTTP_RELAY_REDIS_TIMEOUT;
    redis->size = NGX_OHTTP_RELAY_REDIS_SIZE;
    ngx_str_set(&redis->prefix, "ohr");

    if (ngx_array_init(&redis->servers, cf->pool, 4,
                       sizeof(ngx_ohttp_relay_redis_server_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (cf->args->nelts < 3) {
        return "needs an address: redis://host:port, rediss://host:port or "
               "unix:/path";
    }

    rv = ngx_ohttp_relay_redis_set_servers(cf, redis, &value[2]);

    for (i = 3; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {

        if (value[i].len == 7 && ngx_strncmp(value[i].data, "cluster", 7) == 0)
        {
            redis->cluster = 1;
            continue;
        }

        rv = ngx_ohttp_relay_redis_set_parameter(cf, redis, &value[i]);
    }

    store->data = redis;

    return rv == NGX_CONF_OK ? ngx_ohttp_relay_redis_test(redis) : rv;
}


static char *
ngx_ohttp_relay_redis_set_servers(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value)
{
    char                         *rv;
    unsigned                      i;
    ngx_ohttp_relay_redis_url_t   url;

    if (ngx_ohttp_relay_redis_url(value->data, value->data + value->len, &url)
        != NGX_OHTTP_RELAY_OK)
    {
        return "has an address that is none of redis://[user@]host[:port]"
               "[,host...][/db], rediss:// and unix:/path (a password is in "
               "\"password_file\")";
    }

    redis->tls = url.tls;
    redis->user.data = (u_char *) url.user.data;
    redis->user.len = url.user.len;

    if (url.db) {
        redis->db = url.db;
    }

    if (url.path.len) {
        return ngx_ohttp_relay_redis_add_server(cf, redis, value, 0);
    }

    for (i = 0; i < url.n; i++) {
        rv = ngx_ohttp_relay_redis_add_host(cf, redis, &url.hosts[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_add_host(ngx_conf_t *cf, ngx_ohttp_relay_redis_t *redis,
    ngx_ohttp_relay_host_t *host)
{
    ngx_str_t  name;

    name.data = (u_char *) host->name.data;
    name.len = host->name.len;

    if (host->bracketed) {
        name.data--;
        name.len += 2;
    }

    return ngx_ohttp_relay_redis_add_server(cf, redis, &name, host->port);
}


/* names are resolved here, and never while requests are served */

static char *
ngx_ohttp_relay_redis_add_server(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *name, in_port_t port)
{
    ngx_url_t                        url;
    ngx_uint_t                       i;
    ngx_ohttp_relay_redis_server_t  *server;

    ngx_memzero(&url, sizeof(ngx_url_t));

    url.url = *name;
    url.default_port = port;

    if (ngx_parse_url(cf->pool, &url) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in the address \"%V\" of the store",
                           url.err ? url.err : "failure", name);
        return NGX_CONF_ERROR;
    }

    if (url.host.len > 2 && url.host.data[0] == '[') {
        url.host.data++;
        url.host.len -= 2;
    }

    for (i = 0; i < url.naddrs; i++) {

        server = ngx_array_push(&redis->servers);
        if (server == NULL) {
            return NGX_CONF_ERROR;
        }

        server->addr = url.addrs[i];
        server->host = url.host;
    }

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_set_parameter(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *argument)
{
    ngx_ohttp_relay_redis_parameter_t  *parameter;

    for (parameter = ngx_ohttp_relay_redis_parameters;
         parameter->set;
         parameter++)
    {
        if (argument->len > parameter->name.len
            && ngx_strncmp(argument->data, parameter->name.data,
                           parameter->name.len)
               == 0)
        {
            argument->data += parameter->name.len;
            argument->len -= parameter->name.len;

            return parameter->set(cf, redis, argument);
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the store \"redis\" has no parameter \"%V\"",
                       argument);

    return NGX_CONF_ERROR;
}


/* where the address has no place for it, as that of a socket */

static char *
ngx_ohttp_relay_redis_set_user(ngx_conf_t *cf, ngx_ohttp_relay_redis_t *redis,
    ngx_str_t *value)
{
    if (redis->user.len) {
        return "has two users";
    }

    redis->user = *value;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_set_password_file(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value)
{
    redis->password_file = *value;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_set_timeout(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value)
{
    ngx_int_t  timeout;

    timeout = ngx_parse_time(value, 0);

    if (timeout == NGX_ERROR || timeout == 0) {
        return "has a wrong \"timeout\"";
    }

    redis->timeout = (ngx_msec_t) timeout;

    return NGX_CONF_OK;
}


/* closed, local, or grace=100/s,30s */

static char *
ngx_ohttp_relay_redis_set_on_failure(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value)
{
    u_char     *p, *last, *mark;
    ngx_int_t   rate, time;
    ngx_str_t   text;

    if (value->len == 6 && ngx_strncmp(value->data, "closed", 6) == 0) {
        redis->on_failure = NGX_OHTTP_RELAY_REDIS_CLOSED;
        return NGX_CONF_OK;
    }

    if (value->len == 5 && ngx_strncmp(value->data, "local", 5) == 0) {
        redis->on_failure = NGX_OHTTP_RELAY_REDIS_LOCAL;
        return NGX_CONF_OK;
    }

    p = value->data + 6;
    last = value->data + value->len;

    if (value->len <= 6 || ngx_strncmp(value->data, "grace=", 6) != 0) {
        return "has an \"on_failure\" that is none of closed, local and "
               "grace=100/s,30s";
    }

    mark = ngx_strlchr(p, last, ',');

    if (mark == NULL || mark - p < 3 || ngx_strncmp(mark - 2, "/s", 2) != 0) {
        return "has a wrong \"grace\": it is written as grace=100/s,30s";
    }

    rate = ngx_atoi(p, mark - 2 - p);

    text.data = mark + 1;
    text.len = last - text.data;
    time = ngx_parse_time(&text, 0);

    if (rate == NGX_ERROR || rate < 1 || rate > 1000000
        || time == NGX_ERROR || time == 0)
    {
        return "has a wrong \"grace\": it is written as grace=100/s,30s";
    }

    redis->on_failure = NGX_OHTTP_RELAY_REDIS_GRACE;
    redis->grace_rate = rate;
    redis->grace_time = time;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_set_on_data_loss(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value)
{
    if (value->len == 6 && ngx_strncmp(value->data, "closed", 6) == 0) {
        redis->accept_loss = 0;
        return NGX_CONF_OK;
    }

    if (value->len == 6 && ngx_strncmp(value->data, "accept", 6) == 0) {
        redis->accept_loss = 1;
        return NGX_CONF_OK;
    }

    return "has an \"on_data_loss\" that is neither closed nor accept";
}


static char *
ngx_ohttp_relay_redis_set_prefix(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value)
{
    u_char      c;
    ngx_uint_t  i;

    if (value->len > NGX_OHTTP_RELAY_REDIS_PREFIX) {
        return "has a \"prefix\" that is too long";
    }

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9')
            && c != '-' && c != '_' && c != '.' && c != ':')
        {
            return "has a \"prefix\" with other than letters, digits, "
                   "\"-\", \"_\", \".\" and \":\"";
        }
    }

    redis->prefix = *value;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_set_size(ngx_conf_t *cf, ngx_ohttp_relay_redis_t *redis,
    ngx_str_t *value)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size == NGX_ERROR || size < NGX_OHTTP_RELAY_SPENT_MIN) {
        return "has a wrong \"size\", or one below 1m";
    }

    redis->size = size;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_set_db(ngx_conf_t *cf, ngx_ohttp_relay_redis_t *redis,
    ngx_str_t *value)
{
    ngx_int_t  db;

    db = ngx_atoi(value->data, value->len);

    if (db == NGX_ERROR || db > 65535) {
        return "has a wrong number of the database";
    }

    if (redis->db != NGX_CONF_UNSET && redis->db != db) {
        return "has two numbers of the database";
    }

    redis->db = db;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_set_trusted_certificate(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value)
{
    redis->trusted_certificate = *value;

    return NGX_CONF_OK;
}


static char *
ngx_ohttp_relay_redis_set_ssl_name(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis, ngx_str_t *value)
{
    if (value->len >= NGX_MAXHOSTNAMELEN) {
        return "has an \"ssl_name\" that is too long";
    }

    redis->ssl_name = *value;

    return NGX_CONF_OK;
}


/* what does not go together */

static char *
ngx_ohttp_relay_redis_test(ngx_ohttp_relay_redis_t *redis)
{
    ngx_uint_t                       i;
    ngx_ohttp_relay_redis_server_t  *server;

    if (redis->db == NGX_CONF_UNSET) {
        redis->db = 0;
    }

    if (redis->user.len && redis->password_file.len == 0) {
        return "has a user and no \"password_file\"";
    }

    if (!redis->tls
        && (redis->trusted_certificate.len || redis->ssl_name.len))
    {
        return "has parameters of TLS, and an address that is not rediss://";
    }

    if (!redis->cluster) {
        return NGX_CONF_OK;
    }

    if (redis->db) {
        return "has a database, and a cluster has only one";
    }

    server = redis->servers.elts;

    for (i = 0; i < redis->servers.nelts; i++) {
        if (server[i].addr.sockaddr->sa_family == AF_UNIX) {
            return "cannot reach a cluster by a path";
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_ohttp_relay_redis_init(ngx_conf_t *cf, ngx_ohttp_relay_store_t *store,
    ngx_uint_t secret)
{
    ngx_ohttp_relay_redis_t  *redis;

    redis = store->data;

    if (!secret) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ohttp_relay_store redis\" needs "
                      "\"ohttp_relay_secret\": without it, what stands in "
                      "Redis could be traced back");
        return NGX_ERROR;
    }

    if (ngx_ohttp_relay_redis_read_password(cf, redis) != NGX_OK
        || (redis->tls && ngx_ohttp_relay_redis_init_tls(cf, redis) != NGX_OK)
        || ngx_ohttp_relay_redis_share(cf, redis) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (redis->on_failure != NGX_OHTTP_RELAY_REDIS_LOCAL) {
        return NGX_OK;
    }

    redis->spent = ngx_ohttp_relay_spent_create(cf,
                                       &ngx_ohttp_relay_redis_spent_zone,
                                       redis->size, store->tag,
                                       "ohttp_relay_store redis size", NULL,
                                       NULL);

    return redis->spent ? NGX_OK : NGX_ERROR;
}


/* the first line of the file */

static ngx_int_t
ngx_ohttp_relay_redis_read_password(ngx_conf_t *cf,
    ngx_ohttp_relay_redis_t *redis)
{
    u_char     buf[NGX_OHTTP_RELAY_REDIS_PASSWORD + 2], *end;
    ssize_t    n;
    ngx_fd_t   fd;

    if (redis->password_file.len == 0) {
        return NGX_OK;
    }

    if (ngx_conf_full_name(cf->cycle, &redis->password_file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(redis->password_file.data, NGX_FILE_RDONLY,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed",
                      &redis->password_file);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));

    (void) ngx_close_file(fd);

    end = n > 0 ? ngx_strlchr(buf, buf + n, '\n') : NULL;

    if (end) {
        n = end - buf;
    }

    if (n > 0 && buf[n - 1] == '\r') {
        n--;
    }

    if (n < 1 || n > NGX_OHTTP_RELAY_REDIS_PASSWORD) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%V\" has no password in its first line, or one of "
                      "more than %d bytes", &redis->password_file,
                      NGX_OHTTP_RELAY_REDIS_PASSWORD);
        ngx_explicit_memzero(buf, sizeof(buf));
        return NGX_ERROR;
    }

    redis->password.len = n;
    redis->password.data = ngx_pnalloc(cf->pool, n);

    if (redis->password.data) {
        ngx_memcpy(redis->password.data, buf, n);
    }

    ngx_explicit_memzero(buf, sizeof(buf));

    return redis->password.data ? NGX_OK : NGX_ERROR;
}
