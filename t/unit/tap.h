
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TAP_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TAP_H_INCLUDED_


/*
 * What the unit tests of src/codec share: results as TAP, and copies of the
 * input that are exactly as long as it is, so that the address sanitizer
 * finds each read outside.
 */


#include <sys/types.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* a literal as two initialisers or arguments: bytes, length; NULs count */
#define tap_bytes(s)  s, sizeof(s) - 1

#define tap_array_len(a)  (sizeof(a) / sizeof((a)[0]))


static int  tap_count;
static int  tap_failed;


/* one result; name is a format */

static __attribute__((format(printf, 2, 3))) void
tap_ok(int ok, const char *name, ...)
{
    va_list  args;

    tap_count++;

    if (!ok) {
        tap_failed++;
    }

    printf("%s %d - ", ok ? "ok" : "not ok", tap_count);

    va_start(args, name);
    vprintf(name, args);
    va_end(args);

    printf("\n");
}


/* what a failed result saw; also a format */

static __attribute__((format(printf, 1, 2), unused)) void
tap_note(const char *text, ...)
{
    va_list  args;

    printf("# ");

    va_start(args, text);
    vprintf(text, args);
    va_end(args);

    printf("\n");
}


/* the plan; returns the exit code of the program */

static int
tap_done(void)
{
    printf("1..%d\n", tap_count);

    return tap_failed ? 1 : 0;
}


/* a copy of its own, to be freed, with nothing readable around it */

static __attribute__((unused)) u_char *
tap_copy(const void *data, size_t len)
{
    u_char  *copy;

    copy = malloc(len ? len : 1);

    if (copy == NULL) {
        printf("Bail out! no memory\n");
        exit(2);
    }

    memcpy(copy, data, len);

    /* of an empty copy not even the first byte is readable */

    return len ? copy : copy + 1;
}


static __attribute__((unused)) void
tap_free(u_char *copy, size_t len)
{
    free(len ? copy : copy - 1);
}


/* data for the name of a result: no "#", no controls, shortened */

static __attribute__((unused)) const char *
tap_text(const char *data, size_t len)
{
    size_t       i, n;
    static char  text[128];

    for (i = 0, n = 0; i < len && n < sizeof(text) - 8; i++) {

        if (data[i] > ' ' && data[i] <= '~' && data[i] != '#'
            && data[i] != '\\')
        {
            text[n++] = data[i];

        } else if (data[i] == ' ') {
            text[n++] = '_';

        } else {
            n += snprintf(text + n, 5, "\\x%02x", (u_char) data[i]);
        }
    }

    if (i < len) {
        memcpy(text + n, "..", 2);
        n += 2;
    }

    text[n] = '\0';

    return text;
}


#endif /* _NGX_OHTTP_RELAY_TAP_H_INCLUDED_ */
