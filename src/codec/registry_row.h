
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_REGISTRY_ROW_H_INCLUDED_
#define _NGX_OHTTP_RELAY_REGISTRY_ROW_H_INCLUDED_


/* what the two files of the registry share, and nobody else needs to know */


#include "document.h"
#include "registry.h"


/*
 * Reads the gateways of a registry whose policies have been read, or its
 * pools; of json NULL there are none.
 *
 * Returns NGX_OHTTP_RELAY_OK, or NGX_OHTTP_RELAY_ERROR with a sentence in
 * error.
 */
int ngx_ohttp_relay_registry_gateways(ngx_ohttp_relay_registry_t *registry,
    json_t *json, char *error);
int ngx_ohttp_relay_registry_pools(ngx_ohttp_relay_registry_t *registry,
    json_t *json, char *error);

/* The slice of a text that ends in a NUL, and that of a JSON string. */
ngx_ohttp_relay_slice_t ngx_ohttp_relay_registry_slice(const char *text);
ngx_ohttp_relay_slice_t ngx_ohttp_relay_registry_string(json_t *value);

/*
 * Returns memory that is zero and lives as long as the registry, or NULL.
 */
void *ngx_ohttp_relay_registry_alloc(ngx_ohttp_relay_registry_t *registry,
    size_t size);


#endif /* _NGX_OHTTP_RELAY_REGISTRY_ROW_H_INCLUDED_ */
