
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "command.h"
#include "command_verify.h"
#include "chain.h"
#include "opengradient.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>


#define NGX_OHTTP_RELAY_ROOT_BYTES  16384


static int ngx_ohttp_relay_verify_files(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_kind_t *kind);
static X509 *ngx_ohttp_relay_verify_certificate(const char *name);
static int ngx_ohttp_relay_verify_binding(ngx_ohttp_relay_verify_t *verify);
static int ngx_ohttp_relay_verify_more(ngx_ohttp_relay_verify_t *verify);
static int ngx_ohttp_relay_verify_file(const char *name, size_t max,
    ngx_ohttp_relay_verify_t *verify, ngx_ohttp_relay_slice_t *content);
static const char *ngx_ohttp_relay_verify_anchor(
    ngx_ohttp_relay_verify_t *verify, const ngx_ohttp_relay_kind_t *kind);
static int ngx_ohttp_relay_verify_print(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_kind_t *kind);
static int ngx_ohttp_relay_verify_json(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_kind_t *kind);


int
ngx_ohttp_relay_command_verify(int argc, char **argv)
{
    int                            rc;
    ngx_ohttp_relay_verify_t       verify;
    const ngx_ohttp_relay_kind_t  *kind;

    memset(&verify, 0, sizeof(ngx_ohttp_relay_verify_t));

    rc = ngx_ohttp_relay_command_options(argc, argv, &verify.options);
    if (rc != 0) {
        return rc;
    }

    kind = ngx_ohttp_relay_kind(verify.options.kind);

    if (kind == NULL) {
        return ngx_ohttp_relay_command_usage("no such kind: \"%s\"",
                                             verify.options.kind);
    }

    /* what is asked for and not checked must not look as if it were */

    if (kind->missing(&verify.options) || (kind->pin != NULL)
        != (verify.options.root != NULL))
    {
        return ngx_ohttp_relay_command_usage("an option is missing for %s, or"
                                             " is none of it", kind->name);
    }

    rc = ngx_ohttp_relay_verify_files(&verify, kind);

    X509_free(verify.root);
    OPENSSL_free((void *) verify.binding.certificate.data);
    free((void *) verify.binding.keys.data);
    free((void *) verify.collateral.data);
    free((void *) verify.event_log.data);
    free((void *) verify.evidence.data);

    return rc;
}


static int
ngx_ohttp_relay_verify_files(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_kind_t *kind)
{
    int  rc;

    if (verify->options.root != NULL) {

        verify->root = ngx_ohttp_relay_verify_certificate(
                                                     verify->options.root);
        if (verify->root == NULL) {
            return NGX_OHTTP_RELAY_USAGE;
        }
    }

    rc = ngx_ohttp_relay_verify_binding(verify);

    if (rc == 0) {
        rc = ngx_ohttp_relay_verify_more(verify);
    }

    if (rc != 0) {
        return rc;
    }

    if (ngx_ohttp_relay_command_read(verify->options.file, kind->max,
                                     &verify->evidence, &verify->finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        kind->judge(verify);
    }

    return ngx_ohttp_relay_verify_print(verify, kind);
}


static X509 *
ngx_ohttp_relay_verify_certificate(const char *name)
{
    X509                       *cert;
    ngx_ohttp_relay_slice_t     file;
    ngx_ohttp_relay_finding_t   finding;

    cert = NULL;

    if (ngx_ohttp_relay_command_read(name, NGX_OHTTP_RELAY_ROOT_BYTES, &file,
                                     &finding)
        == NGX_OHTTP_RELAY_ACCEPTED)
    {
        cert = ngx_ohttp_relay_chain_root(file.data, file.data + file.len);
        free((void *) file.data);
    }

    if (cert == NULL) {
        ngx_ohttp_relay_command_usage("no certificate in \"%s\"", name);
    }

    return cert;
}


static int
ngx_ohttp_relay_verify_binding(ngx_ohttp_relay_verify_t *verify)
{
    int                         len;
    X509                       *cert;
    u_char                     *der;
    ngx_ohttp_relay_options_t  *options;

    options = &verify->options;
    verify->binding.scheme = options->bind;

    if (options->tls != NULL) {

        cert = ngx_ohttp_relay_verify_certificate(options->tls);
        if (cert == NULL) {
            return NGX_OHTTP_RELAY_USAGE;
        }

        der = NULL;
        len = i2d_X509(cert, &der);
        X509_free(cert);

        if (len <= 0) {
            return NGX_OHTTP_RELAY_UNJUDGED;
        }

        verify->binding.certificate.data = der;
        verify->binding.certificate.len = len;
    }

    return ngx_ohttp_relay_verify_file(options->keys,
                                       NGX_OHTTP_RELAY_OPENGRADIENT_BYTES,
                                       verify, &verify->binding.keys);
}


static int
ngx_ohttp_relay_verify_more(ngx_ohttp_relay_verify_t *verify)
{
    int  rc;

    rc = ngx_ohttp_relay_verify_file(verify->options.collateral,
                                     NGX_OHTTP_RELAY_COLLATERAL_BYTES, verify,
                                     &verify->collateral);
    if (rc != 0) {
        return rc;
    }

    return ngx_ohttp_relay_verify_file(verify->options.event_log,
                                       NGX_OHTTP_RELAY_EVENT_LOG_BYTES, verify,
                                       &verify->event_log);
}


/* one that stands beside the evidence, if there is one; 0, or an exit code */

static int
ngx_ohttp_relay_verify_file(const char *name, size_t max,
    ngx_ohttp_relay_verify_t *verify, ngx_ohttp_relay_slice_t *content)
{
    if (name == NULL
        || ngx_ohttp_relay_command_read(name, max, content, &verify->finding)
           == NGX_OHTTP_RELAY_ACCEPTED)
    {
        return 0;
    }

    return ngx_ohttp_relay_command_finding(&verify->finding);
}


/* whose root it is: that of the hardware, or one for tests */

static const char *
ngx_ohttp_relay_verify_anchor(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_kind_t *kind)
{
    char      hex[2 * SHA256_DIGEST_LENGTH + 1];
    u_char    digest[SHA256_DIGEST_LENGTH];
    unsigned  len;

    if (kind->pin == NULL) {
        return kind->anchor;
    }

    if (X509_digest(verify->root, EVP_sha256(), digest, &len) != 1) {
        return "unknown";
    }

    ngx_ohttp_relay_command_hex(digest, len, hex);

    return strstr(kind->pin, hex) != NULL ? "hardware" : "test-root";
}


static int
ngx_ohttp_relay_verify_print(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_kind_t *kind)
{
    if (verify->options.json) {
        return ngx_ohttp_relay_verify_json(verify, kind);
    }

    if (verify->finding.answer != NGX_OHTTP_RELAY_ACCEPTED) {
        return ngx_ohttp_relay_command_finding(&verify->finding);
    }

    printf("%s: %s, root: %s, until: %lld%s%s%s%s\n", kind->word,
           kind->name,
           ngx_ohttp_relay_verify_anchor(verify, kind),
           (long long) verify->finding.valid_until,
           verify->status ? ", tcb: " : "",
           verify->status ? verify->status : "",
           verify->options.any ? ", any measurement" : "",
           verify->options.debug ? ", debug allowed" : "");

    return verify->finding.answer;
}


static int
ngx_ohttp_relay_verify_json(ngx_ohttp_relay_verify_t *verify,
    const ngx_ohttp_relay_kind_t *kind)
{
    int      accepted;
    char     hex[2 * SHA256_DIGEST_LENGTH + 1];
    u_char   digest[SHA256_DIGEST_LENGTH];
    json_t  *object;

    accepted = verify->finding.answer == NGX_OHTTP_RELAY_ACCEPTED;

    SHA256(verify->evidence.data, verify->evidence.len, digest);
    ngx_ohttp_relay_command_hex(digest, sizeof(digest), hex);

    object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:s}",
                 "answer",
                 accepted ? kind->word
                 : ngx_ohttp_relay_command_answer(verify->finding.answer),
                 "reason", verify->finding.reason,
                 "kind", kind->name,
                 "root", ngx_ohttp_relay_verify_anchor(verify, kind),
                 "at", (json_int_t) verify->options.at,
                 "any_measurement", (int) verify->options.any,
                 "debug_allowed", (int) verify->options.debug,
                 "evidence_sha256", hex);

    if (accepted) {
        json_object_set_new(object, "valid_until",
                            json_integer(verify->finding.valid_until));
    }

    if (accepted && verify->pinned) {

        ngx_ohttp_relay_command_hex(verify->pin.digest,
                                    sizeof(verify->pin.digest), hex);

        json_object_set_new(object, "tls_pins", json_pack("[s+]",
                 verify->pin.kind == NGX_OHTTP_RELAY_PIN_CERT
                 ? "cert-sha256:" : "spki-sha256:", hex));
    }

    if (verify->status) {
        json_object_set_new(object, "tcb", json_string(verify->status));
    }

    if (accepted && verify->remember) {
        json_object_set_new(object, "key_sha256",
                 json_string(ngx_ohttp_relay_command_hex(verify->key,
                                                 sizeof(verify->key), hex)));
    }

    if (json_dumpf(object, stdout, JSON_SORT_KEYS) != 0) {
        json_decref(object);
        return NGX_OHTTP_RELAY_UNJUDGED;
    }

    printf("\n");
    json_decref(object);

    return verify->finding.answer;
}
