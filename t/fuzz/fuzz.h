
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_FUZZ_H_INCLUDED_
#define _NGX_OHTTP_RELAY_FUZZ_H_INCLUDED_


/* what the fuzz targets of src/codec share */


#include <sys/types.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define fuzz_assert(condition)                                               \
    ((condition) ? (void) 0 : fuzz_failed(#condition, __FILE__, __LINE__))


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static __attribute__((noreturn)) void
fuzz_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}


/* a copy as long as its content, so that no read outside goes unseen */

static __attribute__((unused)) u_char *
fuzz_copy(const void *data, size_t size)
{
    u_char  *copy;

    copy = malloc(size ? size : 1);
    fuzz_assert(copy != NULL);

    if (size != 0) {
        memcpy(copy, data, size);
    }

    return copy;
}


static __attribute__((unused)) u_char
fuzz_lower(u_char c)
{
    return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
}


#endif /* _NGX_OHTTP_RELAY_FUZZ_H_INCLUDED_ */
