// JSON web tokens and key sets, by jose (RFC 7515, 7517, 7519).

import {
    constants, createHmac, createPrivateKey, createPublicKey, randomBytes, sign,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
    SignJWT, createLocalJWKSet, decodeProtectedHeader, exportJWK,
    generateKeyPair, importJWK, jwtVerify,
} from 'jose';

const b64url = (bytes) => Buffer.from(bytes).toString('base64url');
const isObject = (value) => typeof value === 'object' && value !== null;
const objectOf = (value) => (isObject(value) ? value : JSON.parse(value));

const usual = 'RS256,ES256,PS256,EdDSA,HS256';


// ---- key sets

// One key pair for each algorithm, with the kid ALGORITHM-NAME in lower case.
// The set holds the public halves; a secret has a set of its own.

async function keySet({ out, name = 'a', algs = usual }) {
    const keys = [];
    const secrets = [];
    const files = {};

    mkdirSync(out, { recursive: true });

    for (const alg of String(algs).split(',')) {
        const kid = `${alg}-${name}`.toLowerCase();
        const marks = { kid, alg, use: 'sig' };

        if (alg.startsWith('HS')) {
            const secret = { kty: 'oct', k: b64url(randomBytes(64)), ...marks };
            writeFileSync(privateFile(out, kid), JSON.stringify(secret),
                { mode: 0o600 });
            secrets.push(secret);
            continue;
        }

        const pair = await generateKeyPair(alg, { extractable: true });
        const jwk = { ...await exportJWK(pair.publicKey), ...marks };

        writeFileSync(privateFile(out, kid), JSON.stringify({
            ...await exportJWK(pair.privateKey), ...marks,
        }), { mode: 0o600 });

        files[kid] = writePublic(out, kid, jwk);
        keys.push(jwk);
    }

    const set = join(out, 'jwks.json');
    const secretSet = join(out, 'secrets.json');
    writeFileSync(set, JSON.stringify({ keys }, null, 2));
    writeFileSync(secretSet, JSON.stringify({ keys: secrets }, null, 2),
        { mode: 0o600 });

    return { key: out, jwks: set, secrets: secretSet, keys, files };
}


// The public half in each form that a confused verifier may take for a secret.

function writePublic(out, kid, jwk) {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const files = {};

    const forms = {
        pem: key.export({ type: 'spki', format: 'pem' }),
        der: key.export({ type: 'spki', format: 'der' }),
        jwk: JSON.stringify(jwk),
    };

    for (const form in forms) {
        files[form] = join(out, `${kid}.public.${form}`);
        writeFileSync(files[form], forms[form]);
    }

    return files;
}


function privateFile(folder, kid) {
    return join(folder, `${kid}.private.jwk`);
}


// ---- tokens

async function jwt(options) {
    if (['raw-payload', 'payload-bytes'].some((name) => name in options)) {
        return { jwt: rawToken(options) };
    }

    const { key: folder, kid, alg, claims, header } = options;
    const jwk = JSON.parse(readFileSync(privateFile(folder, kid), 'utf8'));
    const algorithm = alg ?? jwk.alg;
    const key = await importJWK(jwk, algorithm);

    return {
        jwt: await new SignJWT(objectOf(claims ?? '{}'))
            .setProtectedHeader({
                alg: algorithm, kid, ...objectOf(header ?? '{}'),
            })
            .sign(key),
    };
}


// What the library would not make: header and payload are taken as they stand,
// as texts or as bytes in base64url, and the algorithm need not be the one that
// the header names.

function rawToken(options) {
    const signed = [
        options['header-bytes'] ?? b64url(options['raw-header'] ?? '{}'),
        options['payload-bytes'] ?? b64url(options['raw-payload']),
    ].join('.');

    return `${signed}.${b64url(signature(signed, options))}`;
}


function signature(text, options) {
    const algorithm = options.sign ?? 'none';
    const family = algorithm.slice(0, 2);

    if (algorithm === 'none') {
        return '';
    }

    const bytes = keyBytes(options);
    const hash = algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`;

    if (family === 'HS') {
        return createHmac(hash, secretOf(bytes)).update(text).digest();
    }

    const key = {
        key: createPrivateKey({ key: JSON.parse(bytes), format: 'jwk' }),
    };

    if (family === 'PS') {
        key.padding = constants.RSA_PKCS1_PSS_PADDING;
        key.saltLength = Number(options.salt
            ?? constants.RSA_PSS_SALTLEN_DIGEST);
    }

    if (family === 'ES') {
        key.dsaEncoding = options.der ? 'der' : 'ieee-p1363';
    }

    return sign(hash, Buffer.from(text), key);
}


// `with` names a file; `key` and `kid` name the private half of a key set.

function keyBytes(options) {
    return readFileSync(options.with
        ?? privateFile(options.key, options.kid));
}


// A secret in a JWK is its k. Anything else is taken byte by byte, which is
// how a public key becomes a secret.

function secretOf(bytes) {
    try {
        const jwk = JSON.parse(bytes);
        return jwk.kty === 'oct' ? Buffer.from(jwk.k, 'base64url') : bytes;

    } catch {
        return bytes;
    }
}


// The library looks up no secret in a set: that is done here, by kid alone.

async function verifyToken({ jwks, token, algs }) {
    const set = JSON.parse(readFileSync(jwks, 'utf8'));
    const { kid } = decodeProtectedHeader(token);
    const secret = set.keys.find((one) => one.kty === 'oct' && one.kid === kid);
    const key = secret ? await importJWK(secret) : createLocalJWKSet(set);
    const options = algs ? { algorithms: String(algs).split(',') } : {};
    const { payload, protectedHeader } = await jwtVerify(token, key, options);

    return { claims: payload, header: protectedHeader };
}


export const commands = {
    'jwks': keySet,
    'jwt': jwt,
    'jwt-verify': verifyToken,
};
