
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "chunk.h"
#include "hex.h"


typedef enum {
    NGX_OHTTP_RELAY_CHUNK_START = 0,    /* the first digit of a size */
    NGX_OHTTP_RELAY_CHUNK_SIZE,         /* after a digit */
    NGX_OHTTP_RELAY_CHUNK_SPACE,        /* white space before ";" */
    NGX_OHTTP_RELAY_CHUNK_EXTENSION,
    NGX_OHTTP_RELAY_CHUNK_SIZE_LF,
    NGX_OHTTP_RELAY_CHUNK_TRAILER,      /* the first byte of a line */
    NGX_OHTTP_RELAY_CHUNK_NAME,
    NGX_OHTTP_RELAY_CHUNK_VALUE,
    NGX_OHTTP_RELAY_CHUNK_VALUE_LF,
    NGX_OHTTP_RELAY_CHUNK_LAST_LF,
    NGX_OHTTP_RELAY_CHUNK_DATA,
    NGX_OHTTP_RELAY_CHUNK_DATA_LF,
    NGX_OHTTP_RELAY_CHUNK_END,
    NGX_OHTTP_RELAY_CHUNK_FAILED
} ngx_ohttp_relay_chunk_state_e;


static unsigned ngx_ohttp_relay_chunk_line(ngx_ohttp_relay_chunk_t *ch,
    u_char c);
static unsigned ngx_ohttp_relay_chunk_digit(ngx_ohttp_relay_chunk_t *ch,
    u_char c);
static unsigned ngx_ohttp_relay_chunk_trailer(ngx_ohttp_relay_chunk_t *ch,
    u_char c);
static unsigned ngx_ohttp_relay_chunk_text(unsigned state, u_char c,
    unsigned lf);


int
ngx_ohttp_relay_chunk(ngx_ohttp_relay_chunk_t *ch, const u_char **p,
    const u_char *last)
{
    while (ch->state < NGX_OHTTP_RELAY_CHUNK_END) {

        if (*p == last) {
            return NGX_OHTTP_RELAY_AGAIN;
        }

        if (ch->state == NGX_OHTTP_RELAY_CHUNK_DATA) {

            if (ch->size != 0) {
                return NGX_OHTTP_RELAY_OK;
            }

            ch->state = **p == '\r' ? NGX_OHTTP_RELAY_CHUNK_DATA_LF
                                    : NGX_OHTTP_RELAY_CHUNK_FAILED;

        } else if (ch->state == NGX_OHTTP_RELAY_CHUNK_DATA_LF) {

            ch->state = **p == '\n' ? NGX_OHTTP_RELAY_CHUNK_START
                                    : NGX_OHTTP_RELAY_CHUNK_FAILED;

        } else if (ch->state < NGX_OHTTP_RELAY_CHUNK_TRAILER) {
            ch->state = ngx_ohttp_relay_chunk_line(ch, **p);

        } else {
            ch->state = ngx_ohttp_relay_chunk_trailer(ch, **p);
        }

        (*p)++;
    }

    return ch->state == NGX_OHTTP_RELAY_CHUNK_END ? NGX_OHTTP_RELAY_DONE
                                                  : NGX_OHTTP_RELAY_ERROR;
}


/* one byte of the line with the size; returns the next state */

static unsigned
ngx_ohttp_relay_chunk_line(ngx_ohttp_relay_chunk_t *ch, u_char c)
{
    if (++ch->overhead > NGX_OHTTP_RELAY_CHUNK_LINE_MAX) {
        return NGX_OHTTP_RELAY_CHUNK_FAILED;
    }

    switch (ch->state) {

    case NGX_OHTTP_RELAY_CHUNK_START:
        return ngx_ohttp_relay_chunk_digit(ch, c);

    case NGX_OHTTP_RELAY_CHUNK_SIZE:

        if (c == '\r') {
            return NGX_OHTTP_RELAY_CHUNK_SIZE_LF;
        }

        if (c != ';' && c != ' ' && c != '\t') {
            return ngx_ohttp_relay_chunk_digit(ch, c);
        }

        /* fall through */

    case NGX_OHTTP_RELAY_CHUNK_SPACE:

        if (c == ';') {
            return NGX_OHTTP_RELAY_CHUNK_EXTENSION;
        }

        return c == ' ' || c == '\t' ? NGX_OHTTP_RELAY_CHUNK_SPACE
                                     : NGX_OHTTP_RELAY_CHUNK_FAILED;

    case NGX_OHTTP_RELAY_CHUNK_EXTENSION:
        return ngx_ohttp_relay_chunk_text(ch->state, c,
                                          NGX_OHTTP_RELAY_CHUNK_SIZE_LF);

    default: /* NGX_OHTTP_RELAY_CHUNK_SIZE_LF */

        if (c != '\n') {
            return NGX_OHTTP_RELAY_CHUNK_FAILED;
        }

        ch->overhead = 0;

        return ch->size != 0 ? NGX_OHTTP_RELAY_CHUNK_DATA
                             : NGX_OHTTP_RELAY_CHUNK_TRAILER;
    }
}


static unsigned
ngx_ohttp_relay_chunk_digit(ngx_ohttp_relay_chunk_t *ch, u_char c)
{
    int  digit;

    digit = ngx_ohttp_relay_hex_digit(c);

    if (digit < 0 || ch->size > INT64_MAX >> 4) {
        return NGX_OHTTP_RELAY_CHUNK_FAILED;
    }

    ch->size = ch->size << 4 | (unsigned) digit;

    return NGX_OHTTP_RELAY_CHUNK_SIZE;
}


/* one byte of the trailer section; returns the next state */

static unsigned
ngx_ohttp_relay_chunk_trailer(ngx_ohttp_relay_chunk_t *ch, u_char c)
{
    if (++ch->overhead > NGX_OHTTP_RELAY_CHUNK_TRAILER_MAX) {
        return NGX_OHTTP_RELAY_CHUNK_FAILED;
    }

    switch (ch->state) {

    case NGX_OHTTP_RELAY_CHUNK_TRAILER:

        if (c == '\r') {
            return NGX_OHTTP_RELAY_CHUNK_LAST_LF;
        }

        break;

    case NGX_OHTTP_RELAY_CHUNK_NAME:

        if (c == ':') {
            return NGX_OHTTP_RELAY_CHUNK_VALUE;
        }

        break;

    case NGX_OHTTP_RELAY_CHUNK_VALUE:
        return ngx_ohttp_relay_chunk_text(ch->state, c,
                                          NGX_OHTTP_RELAY_CHUNK_VALUE_LF);

    case NGX_OHTTP_RELAY_CHUNK_VALUE_LF:
        return c == '\n' ? NGX_OHTTP_RELAY_CHUNK_TRAILER
                         : NGX_OHTTP_RELAY_CHUNK_FAILED;

    default: /* NGX_OHTTP_RELAY_CHUNK_LAST_LF */
        return c == '\n' ? NGX_OHTTP_RELAY_CHUNK_END
                         : NGX_OHTTP_RELAY_CHUNK_FAILED;
    }

    /* a byte of a name */

    return ngx_ohttp_relay_byte_class[c] & NGX_OHTTP_RELAY_BYTE_TOKEN
               ? NGX_OHTTP_RELAY_CHUNK_NAME : NGX_OHTTP_RELAY_CHUNK_FAILED;
}


/* text up to CR; the state stays, or becomes lf */

static unsigned
ngx_ohttp_relay_chunk_text(unsigned state, u_char c, unsigned lf)
{
    if (c == '\r') {
        return lf;
    }

    return ngx_ohttp_relay_byte_class[c] & NGX_OHTTP_RELAY_BYTE_TEXT
               ? state : NGX_OHTTP_RELAY_CHUNK_FAILED;
}
