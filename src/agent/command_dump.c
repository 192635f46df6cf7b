
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "command.h"
#include "chain.h"
#include "nitro.h"
#include "quote.h"
#include "snp.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define NGX_OHTTP_RELAY_EVIDENCE_BYTES  65536


static int ngx_ohttp_relay_dump(const ngx_ohttp_relay_slice_t *file);
static int ngx_ohttp_relay_dump_nitro(const ngx_ohttp_relay_slice_t *file);
static int ngx_ohttp_relay_dump_snp(const ngx_ohttp_relay_slice_t *file);
static int ngx_ohttp_relay_dump_quote(const ngx_ohttp_relay_slice_t *file);
static void ngx_ohttp_relay_dump_bytes(const char *name,
    const ngx_ohttp_relay_slice_t *bytes);
static void ngx_ohttp_relay_dump_certificate(const char *name,
    const ngx_ohttp_relay_slice_t *der);
static void ngx_ohttp_relay_dump_time(const char *name, int64_t when);


int
ngx_ohttp_relay_command_dump(int argc, char **argv)
{
    int                         rc;
    ngx_ohttp_relay_slice_t     file;
    ngx_ohttp_relay_finding_t   finding;

    if (argc != 2 || (argv[1][0] == '-' && argv[1][1] != '\0')) {
        return ngx_ohttp_relay_command_usage("dump takes one FILE");
    }

    if (ngx_ohttp_relay_command_read(argv[1], NGX_OHTTP_RELAY_EVIDENCE_BYTES,
                                     &file, &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return ngx_ohttp_relay_command_finding(&finding);
    }

    rc = ngx_ohttp_relay_dump(&file);

    free((void *) file.data);

    return rc;
}


static int
ngx_ohttp_relay_dump(const ngx_ohttp_relay_slice_t *file)
{
    /* these begin with their version; nothing of CBOR does with so small */

    if (file->len >= 2 && file->data[0] <= 5 && file->data[1] == 0) {
        return file->len == NGX_OHTTP_RELAY_SNP_BYTES
               ? ngx_ohttp_relay_dump_snp(file)
               : ngx_ohttp_relay_dump_quote(file);
    }

    return ngx_ohttp_relay_dump_nitro(file);
}


/* none of it is judged; text is visible ASCII, or would not have been read */

static int
ngx_ohttp_relay_dump_nitro(const ngx_ohttp_relay_slice_t *file)
{
    char                        name[32];
    unsigned                    i;
    ngx_ohttp_relay_nitro_t     nitro;
    ngx_ohttp_relay_finding_t   finding;

    if (ngx_ohttp_relay_nitro_parse(file->data, file->data + file->len, &nitro,
                                    &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return ngx_ohttp_relay_command_finding(&finding);
    }

    printf("kind: aws-nitro\n");
    printf("module_id: %.*s\n", (int) nitro.module_id.len,
           (const char *) nitro.module_id.data);
    printf("timestamp: %llu\n", (unsigned long long) nitro.timestamp);
    ngx_ohttp_relay_dump_time("time", (int64_t) (nitro.timestamp / 1000));

    for (i = 0; i < NGX_OHTTP_RELAY_NITRO_PCRS; i++) {
        if (nitro.pcrs[i].data != NULL) {
            snprintf(name, sizeof(name), "pcr%u", i);
            ngx_ohttp_relay_dump_bytes(name, &nitro.pcrs[i]);
        }
    }

    ngx_ohttp_relay_dump_bytes("public_key", &nitro.public_key);
    ngx_ohttp_relay_dump_bytes("user_data", &nitro.user_data);
    ngx_ohttp_relay_dump_bytes("nonce", &nitro.nonce);
    ngx_ohttp_relay_dump_certificate("certificate", &nitro.certificate);

    for (i = 0; i < nitro.nbundle; i++) {
        snprintf(name, sizeof(name), "cabundle%u", i);
        ngx_ohttp_relay_dump_certificate(name, &nitro.bundle[i]);
    }

    return 0;
}


static int
ngx_ohttp_relay_dump_snp(const ngx_ohttp_relay_slice_t *file)
{
    unsigned                    i;
    ngx_ohttp_relay_snp_t       snp;
    ngx_ohttp_relay_finding_t   finding;

    static const char  *names[] = {
        "measurement", "host_data", "id_key_digest", "author_key_digest"
    };

    if (ngx_ohttp_relay_snp_parse(file->data, file->data + file->len, &snp,
                                  &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return ngx_ohttp_relay_command_finding(&finding);
    }

    printf("kind: sev-snp\nversion: %u\npolicy: 0x%llx\nvmpl: %u\n",
           snp.version, (unsigned long long) snp.policy, snp.vmpl);

    for (i = 0; i < NGX_OHTTP_RELAY_SNP_MAX; i++) {
        ngx_ohttp_relay_dump_bytes(names[i], &snp.registers[i]);
    }

    ngx_ohttp_relay_dump_bytes("report_data", &snp.report_data);
    ngx_ohttp_relay_dump_bytes("reported_tcb", &snp.reported_tcb);
    ngx_ohttp_relay_dump_bytes("chip_id", &snp.chip_id);

    return 0;
}


static int
ngx_ohttp_relay_dump_quote(const ngx_ohttp_relay_slice_t *file)
{
    char                        name[32];
    unsigned                    i;
    ngx_ohttp_relay_quote_t     quote;
    ngx_ohttp_relay_finding_t   finding;

    if (ngx_ohttp_relay_quote_parse(file->data, file->data + file->len, &quote,
                                    &finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return ngx_ohttp_relay_command_finding(&finding);
    }

    printf("kind: tdx\nversion: %u\n", quote.version);

    ngx_ohttp_relay_dump_bytes("tee_tcb_svn", &quote.tee_tcb_svn);
    ngx_ohttp_relay_dump_bytes("mr_seam", &quote.mr_seam);
    ngx_ohttp_relay_dump_bytes("mr_signer_seam", &quote.mr_signer_seam);
    ngx_ohttp_relay_dump_bytes("seam_attributes", &quote.seam_attributes);
    ngx_ohttp_relay_dump_bytes("td_attributes", &quote.td_attributes);
    ngx_ohttp_relay_dump_bytes("mrtd", &quote.mrtd);
    ngx_ohttp_relay_dump_bytes("mr_config_id", &quote.mr_config_id);
    ngx_ohttp_relay_dump_bytes("mr_owner", &quote.mr_owner);
    ngx_ohttp_relay_dump_bytes("mr_owner_config", &quote.mr_owner_config);

    for (i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "rtmr%u", i);
        ngx_ohttp_relay_dump_bytes(name, &quote.rtmrs[i]);
    }

    ngx_ohttp_relay_dump_bytes("report_data", &quote.report_data);
    ngx_ohttp_relay_dump_bytes("qe_mrsigner", &quote.qe_mrsigner);
    printf("qe_isvprodid: %u\nqe_isvsvn: %u\n", quote.qe_isvprodid,
           quote.qe_isvsvn);

    return 0;
}


static void
ngx_ohttp_relay_dump_bytes(const char *name,
    const ngx_ohttp_relay_slice_t *bytes)
{
    size_t  i;

    if (bytes->data == NULL) {
        printf("%s: none\n", name);
        return;
    }

    printf("%s:%s", name, bytes->len ? " " : "");

    for (i = 0; i < bytes->len; i++) {
        printf("%02x", bytes->data[i]);
    }

    printf("\n");
}


static void
ngx_ohttp_relay_dump_certificate(const char *name,
    const ngx_ohttp_relay_slice_t *der)
{
    X509    *cert;
    char     hex[2 * SHA256_DIGEST_LENGTH + 1];
    u_char   digest[SHA256_DIGEST_LENGTH];

    SHA256(der->data, der->len, digest);

    printf("%s: sha256 %s\n", name,
           ngx_ohttp_relay_command_hex(digest, sizeof(digest), hex));

    cert = ngx_ohttp_relay_chain_certificate(der->data, der->data + der->len);

    if (cert == NULL) {
        printf("%s: it is no certificate\n", name);
        return;
    }

    ngx_ohttp_relay_dump_time(" from",
                     ngx_ohttp_relay_chain_time(X509_get0_notBefore(cert)));
    ngx_ohttp_relay_dump_time(" until",
                     ngx_ohttp_relay_chain_time(X509_get0_notAfter(cert)));

    X509_free(cert);
}


static void
ngx_ohttp_relay_dump_time(const char *name, int64_t when)
{
    char       text[32];
    time_t     seconds;
    struct tm  tm;

    seconds = (time_t) when;

    if (when < 0 || gmtime_r(&seconds, &tm) == NULL
        || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    {
        printf("%s: no time\n", name);
        return;
    }

    printf("%s: %s (%lld)\n", name, text, (long long) when);
}
