
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* the words of eight bytes against plain loops */


#include "fuzz.h"
#include "codec.h"


static void fuzz_token_equal(const u_char *p, size_t len);
static void fuzz_is_text(const u_char *p, size_t len);
static void fuzz_trim(const u_char *p, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_token_equal(data, size);
    fuzz_is_text(data, size);
    fuzz_trim(data, size);

    return 0;
}


/* the first half is compared with the second, made lower-case ASCII */

static void
fuzz_token_equal(const u_char *p, size_t len)
{
    int      equal;
    size_t   i;
    u_char  *lower;

    len /= 2;
    lower = fuzz_copy(p + len, len);

    for (equal = 1, i = 0; i < len; i++) {
        lower[i] = fuzz_lower(lower[i] & 0x7f);
        equal &= fuzz_lower(p[i]) == lower[i];
    }

    fuzz_assert(ngx_ohttp_relay_token_equal(p, p + len, (char *) lower, len)
                == equal);
    fuzz_assert(!ngx_ohttp_relay_token_equal(p, p + len, (char *) lower,
                                             len + 1));

    free(lower);

    lower = fuzz_copy(p, len);

    for (i = 0; i < len; i++) {
        lower[i] = fuzz_lower(lower[i]);

        if (lower[i] > 0x7f) {
            break;
        }
    }

    /* as far as it is ASCII it is equal to itself */

    fuzz_assert(ngx_ohttp_relay_token_equal(p, p + i, (char *) lower, i));

    free(lower);
}


static void
fuzz_is_text(const u_char *p, size_t len)
{
    int     text;
    size_t  i;

    for (text = 1, i = 0; i < len; i++) {
        text &= p[i] == '\t' || (p[i] >= ' ' && p[i] != 0x7f);
    }

    fuzz_assert(ngx_ohttp_relay_is_text(p, p + len) == text);
}


static void
fuzz_trim(const u_char *p, size_t len)
{
    const u_char  *start, *end, *q;

    start = p;
    end = p + len;

    ngx_ohttp_relay_trim(&start, &end);

    fuzz_assert(p <= start && start <= end && end <= p + len);
    fuzz_assert(start == end
                || (*start != ' ' && *start != '\t'
                    && end[-1] != ' ' && end[-1] != '\t'));

    for (q = p; q < p + len; q++) {
        fuzz_assert((q >= start && q < end) || *q == ' ' || *q == '\t');
    }
}
