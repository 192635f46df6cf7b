// Privacy Pass tokens of type 2, by @cloudflare/privacypass-ts (RFC 9577, 9578).

import {
    constants, createHash, createPrivateKey, createPublicKey, privateDecrypt,
    sign, verify,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
    AuthorizationHeader, AuthenticatorInput, Token, TokenChallenge,
    WWWAuthenticateHeader, genericBatched, publicVerif,
} from '@cloudflare/privacypass-ts';

const {
    BLIND_RSA, BlindRSAMode, Client, Issuer, TokenResponse, TokenRequest,
    convertEncToRSASSAPSS,
} = publicVerif;

const webAlgorithm = { name: 'RSA-PSS', hash: 'SHA-384' };

// The library serializes the whole buffer of an array: none may be shared.
const exact = (bytes) => Uint8Array.from(bytes);

const b64url = (bytes) => Buffer.from(bytes).toString('base64url');
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const unhex = (text) => exact(Buffer.from(text ?? '', 'hex'));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

// base64url with the padding that RFC 9577 asks for.
const padded = (bytes) => Buffer.from(bytes).toString('base64')
    .replaceAll('+', '-').replaceAll('/', '_');

const pem = (der) => '-----BEGIN PUBLIC KEY-----\n'
    + `${Buffer.from(der).toString('base64').replace(/.{1,64}/g, '$&\n')}`
    + '-----END PUBLIC KEY-----\n';


// ---- keys

// The key pairs of earlier calls, by file.
const loaded = new Map();

async function issuerKey({ out, name = 'issuer' }) {
    const pair = await Issuer.generateKey(BlindRSAMode.PSS, {
        modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]),
    });

    const rsa = exact(Buffer.from(
        await crypto.subtle.exportKey('spki', pair.publicKey)));
    const spki = convertEncToRSASSAPSS(rsa);
    const jwk = await crypto.subtle.exportKey('jwk', pair.privateKey);

    // for whoever signs with OpenSSL: PKCS#8 of the plain kind
    const privatePem = createPrivateKey({ key: jwk, format: 'jwk' })
        .export({ type: 'pkcs8', format: 'pem' });

    const files = {
        spki: `${name}.spki.der`,
        pem: `${name}.spki.pem`,
        rsa: `${name}.rsa.der`,
        rsa_pem: `${name}.rsa.pem`,
        private_pem: `${name}.private.pem`,
    };

    mkdirSync(out, { recursive: true });
    for (const kind in files) {
        files[kind] = join(out, files[kind]);
    }

    writeFileSync(files.spki, spki);
    writeFileSync(files.pem, pem(spki));
    writeFileSync(files.rsa, rsa);
    writeFileSync(files.rsa_pem, pem(rsa));
    writeFileSync(files.private_pem, privatePem, { mode: 0o600 });
    writeFileSync(keyFile(out, name), JSON.stringify(jwk), { mode: 0o600 });
    loaded.delete(keyFile(out, name));

    return {
        ...files,
        key: out,
        name,
        token_key_id: hex(sha256(spki)),
        rsa_key_id: hex(sha256(rsa)),
        token_key: padded(spki),
        rsa_key: padded(rsa),
    };
}


function keyFile(folder, name) {
    return join(folder, `${name}.private.jwk`);
}


// The key pair of an earlier call, in the forms that it is used in.

async function load({ key: folder, name = 'issuer' }) {
    const file = keyFile(folder, name);

    if (!loaded.has(file)) {
        const jwk = JSON.parse(readFileSync(file, 'utf8'));
        const { kty, n, e } = jwk;
        const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
        const publicKey = createPublicKey(privateKey);
        const spki = convertEncToRSASSAPSS(exact(
            publicKey.export({ type: 'spki', format: 'der' })));
        const web = async (part, usage) => crypto.subtle.importKey(
            'jwk', part, webAlgorithm, true, [usage]);

        const issuer = new Issuer(BlindRSAMode.PSS, name,
            await web({ ...jwk, alg: 'PS384', key_ops: ['sign'] }, 'sign'),
            await web({ kty, n, e, alg: 'PS384' }, 'verify'));

        loaded.set(file, { privateKey, publicKey, spki, issuer });
    }

    return loaded.get(file);
}


// ---- issuance

function challengeOf({ issuer, origin, context }) {
    const origins = origin ? String(origin).split(',') : undefined;
    return new TokenChallenge(BLIND_RSA.value, issuer, unhex(context), origins);
}


// The client of the library chooses its nonce itself. With a given one we go
// its way over the same parts.

class ClientWithNonce {
    constructor(nonce) {
        this.nonce = nonce;
        this.suite = BLIND_RSA.suite[BlindRSAMode.PSS]();
    }

    async createTokenRequest(challenge, spki) {
        const id = exact(sha256(spki));

        this.input = new AuthenticatorInput(BLIND_RSA, BLIND_RSA.value,
            this.nonce, exact(sha256(challenge.serialize())), id);
        this.key = await crypto.subtle.importKey('spki',
            publicVerif.convertRSASSAPSSToEnc(spki), webAlgorithm, true,
            ['verify']);

        const { blindedMsg, inv } = await this.suite.blind(
            this.key, this.input.serialize());
        this.inverse = inv;

        return new TokenRequest(id[31], blindedMsg, BLIND_RSA);
    }

    async finalize(response) {
        return new Token(BLIND_RSA, this.input, await this.suite.finalize(
            this.key, this.input.serialize(), response.blindSig,
            this.inverse));
    }
}


function clientFor(nonce) {
    return nonce === undefined ? new Client(BlindRSAMode.PSS)
        : new ClientWithNonce(unhex(nonce));
}


// The library's own issuer takes most of a second for one signature. OpenSSL
// does the same in a millisecond, and the client checks what it gets.

async function signBlinded(pair, request, signer) {
    if (signer === 'library') {
        return pair.issuer.issue(request);
    }

    return new TokenResponse(exact(privateDecrypt(
        { key: pair.privateKey, padding: constants.RSA_NO_PADDING },
        request.blindedMsg)));
}


async function issue(pair, challenge, { nonce, signer }) {
    const client = clientFor(nonce);
    const request = await client.createTokenRequest(challenge, pair.spki);

    return client.finalize(await signBlinded(pair, request, signer));
}


// A token without blindness, signed by OpenSSL: for many of them, and for those
// that no client would make (another type, digest, key id or salt).

function signDirectly(pair, challenge, options) {
    const type = Buffer.alloc(2);
    type.writeUInt16BE(Number(options.type ?? BLIND_RSA.value));

    const input = Buffer.concat([
        type,
        options.nonce ? unhex(options.nonce)
            : crypto.getRandomValues(new Uint8Array(32)),
        options.digest ? unhex(options.digest)
            : sha256(challenge.serialize()),
        options['key-id'] ? unhex(options['key-id']) : sha256(pair.spki),
    ]);

    return Buffer.concat([input, sign('sha384', input, {
        key: pair.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: Number(options.salt ?? 48),
    })]);
}


function isDirect(options) {
    return ['direct', 'type', 'digest', 'key-id', 'salt']
        .some((name) => options[name] !== undefined);
}


async function tokens(options) {
    const pair = await load(options);
    const challenge = challengeOf(options);
    const made = [];

    for (let i = 0; i < Number(options.count ?? 1); i++) {
        made.push(isDirect(options) ? signDirectly(pair, challenge, options)
            : (await issue(pair, challenge, options)).serialize());
    }

    return {
        tokens: made.map(b64url),
        challenge_digest: hex(sha256(challenge.serialize())),
    };
}


// What two verifiers that are not ours say of a token.

async function verifyToken({ token, ...options }) {
    const pair = await load(options);
    const bytes = exact(Buffer.from(token, 'base64url'));
    const parsed = Token.deserialize(BLIND_RSA, bytes);

    return {
        library: await pair.issuer.verify(parsed),
        openssl: verify('sha384', bytes.subarray(0, 98), {
            key: pair.publicKey,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: 48,
        }, bytes.subarray(98)),
        nonce: hex(parsed.authInput.nonce),
        challenge_digest: hex(parsed.authInput.challengeDigest),
        token_key_id: hex(parsed.authInput.tokenKeyId),
    };
}


// ---- header fields

function describe({ challenge, tokenKey, maxAge }) {
    return {
        token_type: challenge.tokenType,
        issuer_name: challenge.issuerName,
        redemption_context: hex(challenge.redemptionContext),
        origin_info: challenge.originInfo ?? [],
        token_key: padded(tokenKey),
        token_key_id: hex(sha256(tokenKey)),
        max_age: maxAge ?? null,
        challenge: padded(challenge.serialize()),
        challenge_digest: hex(sha256(challenge.serialize())),
    };
}


async function challenges({ header }) {
    return { challenges: WWWAuthenticateHeader.parse(header).map(describe) };
}


// Takes the first challenge that is for this key, as a client would.

async function respond({ header, quoted, ...options }) {
    const pair = await load(options);
    const id = hex(sha256(pair.spki));
    const chosen = WWWAuthenticateHeader.parse(header)
        .find(({ tokenKey }) => hex(sha256(tokenKey)) === id);

    if (chosen === undefined) {
        throw new Error('no challenge is for this key');
    }

    const token = await issue(pair, chosen.challenge, options);

    return {
        authorization: new AuthorizationHeader(token).toString(!!quoted),
        token: b64url(token.serialize()),
    };
}


// ---- a client of an issuer that is not here

const waiting = new Map();

// What to post to the issuer: one request, or with `batch` several in one.
// `token-key` is the issuer's, as its directory has it.

async function request(options) {
    const spki = exact(Buffer.from(options['token-key'], 'base64url'));
    const challenge = challengeOf(options);
    const clients = [];
    const requests = [];

    for (let i = 0; i < Number(options.count ?? 1); i++) {
        clients.push(clientFor(options.nonce));
        requests.push(await clients[i].createTokenRequest(challenge, spki));
    }

    const id = waiting.size + 1;
    waiting.set(id, clients);

    if (options.batch) {
        const inside = requests.map(
            (one) => new genericBatched.TokenRequest(one));
        const all = new genericBatched.Client().createTokenRequest(inside);

        return {
            id,
            type: 'application/private-token-generic-batch-request',
            body: b64url(all.serialize()),
        };
    }

    return {
        id,
        type: 'application/private-token-request',
        body: b64url(requests[0].serialize()),
    };
}


// The tokens that an answer of the issuer makes of the request: null for each
// that it did not sign.

async function finish({ id, body, batch }) {
    const bytes = exact(Buffer.from(body, 'base64url'));
    const clients = waiting.get(Number(id));

    if (clients === undefined) {
        throw new Error(`no request ${id} was made here`);
    }

    const responses = batch
        ? [...new genericBatched.Client().deserializeTokenResponse(bytes)]
            .map((one) => one.tokenResponse)
        : [clients[0].deserializeTokenResponse(bytes)];

    if (responses.length !== clients.length) {
        throw new Error(`${clients.length} requests, `
            + `${responses.length} responses`);
    }

    const made = [];
    for (const [i, response] of responses.entries()) {
        made.push(response === null ? null
            : b64url((await clients[i].finalize(response)).serialize()));
    }

    return { tokens: made };
}


export const commands = {
    'issuer-key': issuerKey,
    'tokens': tokens,
    'verify': verifyToken,
    'challenge': challenges,
    'respond': respond,
    'request': request,
    'finish': finish,
};
