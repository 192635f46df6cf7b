
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_EVIDENCE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_EVIDENCE_H_INCLUDED_


/* real evidence for the unit tests of src/agent, from t/data */


#include "tap.h"


typedef struct {
    u_char  *data;
    size_t   len;
} evidence_t;


/* exactly as long as the file, to be freed with tap_free() */

static __attribute__((unused)) evidence_t
evidence_read(const char *name)
{
    FILE        *file;
    char         path[1024];
    size_t       len;
    evidence_t   evidence;
    const char  *folder;

    static u_char  content[1024 * 1024];

    folder = getenv("TEST_NGINX_DATA");

    snprintf(path, sizeof(path), "%s/%s", folder ? folder : "t/data", name);

    file = fopen(path, "rb");
    len = file ? fread(content, 1, sizeof(content), file) : 0;

    if (len == 0 || len == sizeof(content)) {
        printf("Bail out! cannot read %s\n", path);
        exit(2);
    }

    fclose(file);

    evidence.data = tap_copy(content, len);
    evidence.len = len;

    return evidence;
}


#endif /* _NGX_OHTTP_RELAY_EVIDENCE_H_INCLUDED_ */
