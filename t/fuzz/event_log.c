
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* the same log has the same registers, and events are as long as they may be */


#include "fuzz.h"
#include "event_log.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                             *copy;
    unsigned                            i;
    ngx_ohttp_relay_finding_t           finding;

    static ngx_ohttp_relay_event_log_t  event_log, again;

    copy = fuzz_copy(data, size);

    if (ngx_ohttp_relay_event_log(copy, copy + size, &event_log, &finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        for (i = 0; i < NGX_OHTTP_RELAY_EVENTS; i++) {
            fuzz_assert(event_log.events[i].len
                        <= NGX_OHTTP_RELAY_EVENT_DATA);
        }

        fuzz_assert(ngx_ohttp_relay_event_log(copy, copy + size, &again,
                                              &finding)
                    == NGX_OHTTP_RELAY_ACCEPTED);
        fuzz_assert(memcmp(&event_log, &again, sizeof(again)) == 0);

    } else {
        fuzz_assert(finding.reason[0] != '\0');
    }

    free(copy);

    return 0;
}
