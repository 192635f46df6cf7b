
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JWT_CLAIMS_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JWT_CLAIMS_H_INCLUDED_


#include "jwt_verify.h"


/*
 * Checks the claims of a token whose signature HAS BEEN VERIFIED: "text" is
 * its payload as it stands in the token, base64url that decodes; "json" are
 * the decoded bytes.  Returns and fills *verified as
 * ngx_ohttp_relay_jwt_verify().
 */
ngx_ohttp_relay_jwt_e ngx_ohttp_relay_jwt_check_claims(
    const ngx_ohttp_relay_jwt_rules_t *rules,
    const ngx_ohttp_relay_slice_t *text, const ngx_ohttp_relay_slice_t *json,
    int64_t now, ngx_ohttp_relay_jwt_verified_t *verified);


#endif /* _NGX_OHTTP_RELAY_JWT_CLAIMS_H_INCLUDED_ */
