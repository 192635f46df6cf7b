
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "tcb.h"
#include "hex.h"

#include <stdio.h>


static int ngx_ohttp_relay_tcb_number(const json_t *object, const char *name,
    unsigned *n);
static int ngx_ohttp_relay_tcb_reached(const json_t *tcb,
    const ngx_ohttp_relay_quote_t *quote, const ngx_ohttp_relay_pck_t *pck);
static int ngx_ohttp_relay_tcb_component(const json_t *components, size_t i,
    unsigned svn);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_tcb_module(const json_t *info,
    const ngx_ohttp_relay_quote_t *quote, ngx_ohttp_relay_tcb_e *status,
    ngx_ohttp_relay_finding_t *finding);
static const json_t *ngx_ohttp_relay_tcb_identity(const json_t *info,
    unsigned version);
static ngx_ohttp_relay_answer_e ngx_ohttp_relay_tcb_isvsvn(
    const json_t *levels, unsigned svn, ngx_ohttp_relay_tcb_e *status,
    ngx_ohttp_relay_finding_t *finding);
static int ngx_ohttp_relay_tcb_masked(const json_t *object, const char *name,
    const char *mask, const ngx_ohttp_relay_slice_t *value);


static const char  *ngx_ohttp_relay_tcb_words[] = {
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
    "unknown"
};


ngx_ohttp_relay_tcb_e
ngx_ohttp_relay_tcb(const char *word)
{
    unsigned  i;

    for (i = 0; word && i < NGX_OHTTP_RELAY_TCB_UNKNOWN; i++) {
        if (strcmp(word, ngx_ohttp_relay_tcb_words[i]) == 0) {
            return (ngx_ohttp_relay_tcb_e) i;
        }
    }

    return NGX_OHTTP_RELAY_TCB_UNKNOWN;
}


const char *
ngx_ohttp_relay_tcb_word(ngx_ohttp_relay_tcb_e status)
{
    return ngx_ohttp_relay_tcb_words[status];
}


int
ngx_ohttp_relay_tcb_hex(const json_t *object, const char *name, u_char *out,
    size_t len)
{
    const char  *text;

    text = json_string_value(json_object_get(object, name));

    if (text == NULL || strlen(text) != 2 * len) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_hex((const u_char *) text,
                               (const u_char *) text + 2 * len, out);
}


static int
ngx_ohttp_relay_tcb_number(const json_t *object, const char *name, unsigned *n)
{
    json_int_t     number;
    const json_t  *value;

    value = json_object_get(object, name);
    number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > 0xffff) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *n = (unsigned) number;

    return NGX_OHTTP_RELAY_OK;
}


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tcb_platform(const json_t *info,
    const ngx_ohttp_relay_quote_t *quote, const ngx_ohttp_relay_pck_t *pck,
    ngx_ohttp_relay_tcb_e *status, ngx_ohttp_relay_finding_t *finding)
{
    size_t         i;
    u_char         fmspc[sizeof(pck->fmspc)], pceid[sizeof(pck->pceid)];
    const json_t  *level, *levels;

    if (ngx_ohttp_relay_tcb_hex(info, "fmspc", fmspc, sizeof(fmspc))
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_tcb_hex(info, "pceId", pceid, sizeof(pceid))
           != NGX_OHTTP_RELAY_OK
        || memcmp(fmspc, pck->fmspc, sizeof(fmspc)) != 0
        || memcmp(pceid, pck->pceid, sizeof(pceid)) != 0)
    {
        return ngx_ohttp_relay_refused(finding,
                                   "the TCB info is of another platform");
    }

    levels = json_object_get(info, "tcbLevels");

    for (i = 0; i < json_array_size(levels); i++) {

        level = json_array_get(levels, i);

        if (!ngx_ohttp_relay_tcb_reached(json_object_get(level, "tcb"), quote,
                                         pck))
        {
            continue;
        }

        *status = ngx_ohttp_relay_tcb(
                      json_string_value(json_object_get(level, "tcbStatus")));

        return ngx_ohttp_relay_tcb_module(info, quote, status, finding);
    }

    return ngx_ohttp_relay_refused(finding,
                                   "the platform reaches no level of the TCB");
}


/* whether no version of the platform is below that of a level */

static int
ngx_ohttp_relay_tcb_reached(const json_t *tcb,
    const ngx_ohttp_relay_quote_t *quote, const ngx_ohttp_relay_pck_t *pck)
{
    size_t         i;
    unsigned       pcesvn;
    const json_t  *sgx, *tdx;

    sgx = json_object_get(tcb, "sgxtcbcomponents");
    tdx = json_object_get(tcb, "tdxtcbcomponents");

    if (ngx_ohttp_relay_tcb_number(tcb, "pcesvn", &pcesvn)
        != NGX_OHTTP_RELAY_OK
        || pcesvn > pck->pcesvn
        || json_array_size(sgx) != NGX_OHTTP_RELAY_PCK_COMPONENTS
        || json_array_size(tdx) != NGX_OHTTP_RELAY_QUOTE_SVNS)
    {
        return 0;
    }

    for (i = 0; i < NGX_OHTTP_RELAY_PCK_COMPONENTS; i++) {
        if (!ngx_ohttp_relay_tcb_component(sgx, i, pck->components[i])) {
            return 0;
        }
    }

    /* the first two are those of a module with an identity of its own */

    for (i = quote->tee_tcb_svn.data[1] > 0 ? 2 : 0;
         i < NGX_OHTTP_RELAY_QUOTE_SVNS; i++)
    {
        if (!ngx_ohttp_relay_tcb_component(tdx, i,
                                           quote->tee_tcb_svn.data[i]))
        {
            return 0;
        }
    }

    return 1;
}


static int
ngx_ohttp_relay_tcb_component(const json_t *components, size_t i, unsigned svn)
{
    unsigned  least;

    return ngx_ohttp_relay_tcb_number(json_array_get(components, i), "svn",
                                      &least)
           == NGX_OHTTP_RELAY_OK
           && least <= svn;
}


static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tcb_module(const json_t *info,
    const ngx_ohttp_relay_quote_t *quote, ngx_ohttp_relay_tcb_e *status,
    ngx_ohttp_relay_finding_t *finding)
{
    u_char                  signer[NGX_OHTTP_RELAY_QUOTE_REGISTER];
    unsigned                version;
    const json_t           *module;
    ngx_ohttp_relay_tcb_e   own;

    version = quote->tee_tcb_svn.data[1];
    module = version ? ngx_ohttp_relay_tcb_identity(info, version)
                     : json_object_get(info, "tdxModule");

    if (ngx_ohttp_relay_tcb_hex(module, "mrsigner", signer, sizeof(signer))
        != NGX_OHTTP_RELAY_OK
        || memcmp(signer, quote->mr_signer_seam.data, sizeof(signer)) != 0
        || !ngx_ohttp_relay_tcb_masked(module, "attributes", "attributesMask",
                                       &quote->seam_attributes))
    {
        return ngx_ohttp_relay_refused(finding,
                                       "the TDX module is not one of Intel's");
    }

    if (version == 0) {
        return ngx_ohttp_relay_accepted(finding);
    }

    if (ngx_ohttp_relay_tcb_isvsvn(json_object_get(module, "tcbLevels"),
                                   quote->tee_tcb_svn.data[0], &own, finding)
        != NGX_OHTTP_RELAY_ACCEPTED)
    {
        return finding->answer;
    }

    if (own > *status) {
        *status = own;
    }

    return ngx_ohttp_relay_accepted(finding);
}


/* that of a module by its number; NULL if there is none */

static const json_t *
ngx_ohttp_relay_tcb_identity(const json_t *info, unsigned version)
{
    char           name[8];
    size_t         i;
    const char    *id;
    const json_t  *identities, *identity;

    snprintf(name, sizeof(name), "TDX_%02X", version & 0xff);

    identities = json_object_get(info, "tdxModuleIdentities");

    for (i = 0; i < json_array_size(identities); i++) {

        identity = json_array_get(identities, i);
        id = json_string_value(json_object_get(identity, "id"));

        if (id != NULL && strcmp(id, name) == 0) {
            return identity;
        }
    }

    return NULL;
}


/* the first level whose version is not above this one */

static ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tcb_isvsvn(const json_t *levels, unsigned svn,
    ngx_ohttp_relay_tcb_e *status, ngx_ohttp_relay_finding_t *finding)
{
    size_t         i;
    unsigned       least;
    const json_t  *level;

    for (i = 0; i < json_array_size(levels); i++) {

        level = json_array_get(levels, i);

        if (ngx_ohttp_relay_tcb_number(json_object_get(level, "tcb"), "isvsvn",
                                       &least)
            == NGX_OHTTP_RELAY_OK
            && least <= svn)
        {
            *status = ngx_ohttp_relay_tcb(
                        json_string_value(json_object_get(level, "tcbStatus")));
            return ngx_ohttp_relay_accepted(finding);
        }
    }

    return ngx_ohttp_relay_refused(finding,
                               "a version is below all levels of the TCB");
}


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_tcb_qe(const json_t *identity,
    const ngx_ohttp_relay_quote_t *quote, ngx_ohttp_relay_tcb_e *status,
    ngx_ohttp_relay_finding_t *finding)
{
    u_char    signer[32];
    unsigned  product;

    if (ngx_ohttp_relay_tcb_hex(identity, "mrsigner", signer, sizeof(signer))
        != NGX_OHTTP_RELAY_OK
        || memcmp(signer, quote->qe_mrsigner.data, sizeof(signer)) != 0
        || ngx_ohttp_relay_tcb_number(identity, "isvprodid", &product)
           != NGX_OHTTP_RELAY_OK
        || product != quote->qe_isvprodid
        || !ngx_ohttp_relay_tcb_masked(identity, "attributes",
                                       "attributesMask", &quote->qe_attributes)
        || !ngx_ohttp_relay_tcb_masked(identity, "miscselect",
                                       "miscselectMask",
                                       &quote->qe_miscselect))
    {
        return ngx_ohttp_relay_refused(finding,
                               "the quoting enclave is not that of Intel");
    }

    return ngx_ohttp_relay_tcb_isvsvn(json_object_get(identity, "tcbLevels"),
                                      quote->qe_isvsvn, status, finding);
}


/* whether a value is the one of the object, in the bits of its mask */

static int
ngx_ohttp_relay_tcb_masked(const json_t *object, const char *name,
    const char *mask, const ngx_ohttp_relay_slice_t *value)
{
    size_t  i;
    u_char  bits[16], wanted[16];

    if (value->len > sizeof(wanted)
        || ngx_ohttp_relay_tcb_hex(object, name, wanted, value->len)
           != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_tcb_hex(object, mask, bits, value->len)
           != NGX_OHTTP_RELAY_OK)
    {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        if ((value->data[i] & bits[i]) != wanted[i]) {
            return 0;
        }
    }

    return 1;
}
