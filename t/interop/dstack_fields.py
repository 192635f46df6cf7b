"""The field encryption of Dstack, version 2 over secp256k1, as its protocol document has it."""

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256K1()


def generate():
    return ec.generate_private_key(CURVE)


def public(key):
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def cipher(key, point):
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point))
    return AESGCM(HKDF(hashes.SHA256(), 32, None, b"ecdsa_encryption").derive(shared))


def seal(text, point, aad):
    once, nonce = generate(), os.urandom(12)
    return (public(once) + nonce + cipher(once, point).encrypt(nonce, text.encode(), aad)).hex()


def unseal(text, key, aad):
    data = bytes.fromhex(text)
    return cipher(key, data[:65]).decrypt(data[65:77], data[77:], aad).decode()


def request_aad(model, nonce, time):
    return f"v2|req|algo=ecdsa|model={model}|m=0|c=-|n={nonce}|ts={time}".encode()


def response_aad(model, id, nonce, time):
    return (f"v2|resp|algo=ecdsa|model={model}|id={id}|choice=0|field=content"
            f"|n={nonce}|ts={time}").encode()
