
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "command.h"
#include "key_list.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>


static int ngx_ohttp_relay_keyconfig(const ngx_ohttp_relay_slice_t *file,
    unsigned binary);
static void ngx_ohttp_relay_keyconfig_print(
    const ngx_ohttp_relay_key_list_t *list);


int
ngx_ohttp_relay_command_keyconfig(int argc, char **argv)
{
    int                         rc;
    unsigned                    binary;
    ngx_ohttp_relay_slice_t     file;
    ngx_ohttp_relay_finding_t   finding;

    binary = argc == 3 && strcmp(argv[1], "--list") == 0;

    if (argc != 2 + (int) binary
        || (argv[argc - 1][0] == '-' && argv[argc - 1][1] != '\0'))
    {
        return ngx_ohttp_relay_command_usage("keyconfig takes one FILE");
    }

    if (ngx_ohttp_relay_command_read(argv[argc - 1],
                                     NGX_OHTTP_RELAY_KEYS_BYTES, &file,
                                     &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return ngx_ohttp_relay_command_finding(&finding);
    }

    rc = ngx_ohttp_relay_keyconfig(&file, binary);

    free((void *) file.data);

    return rc;
}


static int
ngx_ohttp_relay_keyconfig(const ngx_ohttp_relay_slice_t *file, unsigned binary)
{
    ngx_ohttp_relay_finding_t    finding;
    ngx_ohttp_relay_key_list_t   list;

    if (ngx_ohttp_relay_key_list_make(file->data, file->data + file->len,
                                      &list, &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return binary ? ngx_ohttp_relay_command_usage("%s", finding.reason),
                        (int) finding.answer
                      : ngx_ohttp_relay_command_finding(&finding);
    }

    if (!binary) {
        ngx_ohttp_relay_keyconfig_print(&list);
        return 0;
    }

    if (fwrite(list.data, 1, list.len, stdout) != list.len
        || fflush(stdout) != 0)
    {
        return ngx_ohttp_relay_command_usage("cannot write the list");
    }

    return 0;
}


static void
ngx_ohttp_relay_keyconfig_print(const ngx_ohttp_relay_key_list_t *list)
{
    char           hex[2 * SHA256_DIGEST_LENGTH + 1];
    u_char         digest[SHA256_DIGEST_LENGTH];
    unsigned       i;
    const u_char  *p, *last;

    static const char  *forms[] = { "list", "bare", "json" };

    SHA256(list->data, list->len, digest);

    printf("form: %s\nkeys: %u\nsha256 of the list: %s\n", forms[list->form],
           list->set.n,
           ngx_ohttp_relay_command_hex(digest, sizeof(digest), hex));

    for (i = 0; i < list->set.n; i++) {

        SHA256(list->set.keys[i].key.data, list->set.keys[i].key.len, digest);

        printf("key %u: kem 0x%04x, sha256 of the key %s",
               list->set.keys[i].id, list->set.keys[i].kem,
               ngx_ohttp_relay_command_hex(digest, sizeof(digest), hex));

        ngx_ohttp_relay_key_list_suites(list, i, &p, &last);

        for ( /* void */ ; p < last; p += 4) {
            printf(", kdf 0x%02x%02x aead 0x%02x%02x", p[0], p[1], p[2], p[3]);
        }

        printf("\n");
    }
}
