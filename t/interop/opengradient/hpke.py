"""The gateway's side of OHTTP as OpenGradient's clients speak it: HPKE in base mode with
X25519, HKDF-SHA256 and ChaCha20-Poly1305 (RFC 9180), answers in one piece or in chunks."""

import os
import struct

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HEADER = bytes.fromhex("01002000010003")
KEM = b"KEM" + HEADER[1:3]
SUITE = b"HPKE" + HEADER[1:]


def extract(salt, secret):
    mac = hmac.HMAC(salt or bytes(32), hashes.SHA256())
    mac.update(secret)
    return mac.finalize()


def expand(secret, info, length):
    return HKDFExpand(algorithm=hashes.SHA256(), length=length, info=info).derive(secret)


def labeled_extract(suite, salt, label, secret):
    return extract(salt, b"HPKE-v1" + suite + label + secret)


def labeled_expand(suite, secret, label, info, length):
    return expand(secret, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info, length)


def varint(n):
    """The shortest form, as the gateway writes it."""
    if n < 1 << 6:
        return bytes([n])
    return struct.pack(">H", n | 0x4000) if n < 1 << 14 else struct.pack(">I", n | 0x80000000)


class Key:
    def __init__(self):
        self.private = X25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes_raw()
        self.config = HEADER[:3] + self.public + b"\x00\x04" + HEADER[3:]

    def open(self, sealed):
        """The plaintext of a request, and what seals its answer; ValueError for anything else."""
        if len(sealed) < 55 or sealed[:7] != HEADER:
            raise ValueError("malformed encapsulated request")

        enc = sealed[7:39]
        try:
            shared = self.private.exchange(X25519PublicKey.from_public_bytes(enc))
            shared = labeled_extract(KEM, b"", b"eae_prk", shared)
            shared = labeled_expand(KEM, shared, b"shared_secret", enc + self.public, 32)

            info = b"message/bhttp request\x00" + HEADER
            context = b"\x00" + labeled_extract(SUITE, b"", b"psk_id_hash", b"")
            context += labeled_extract(SUITE, b"", b"info_hash", info)
            secret = labeled_extract(SUITE, shared, b"secret", b"")

            key = labeled_expand(SUITE, secret, b"key", context, 32)
            nonce = labeled_expand(SUITE, secret, b"base_nonce", context, 12)
            plain = ChaCha20Poly1305(key).decrypt(nonce, sealed[39:], b"")
        except Exception as error:
            raise ValueError("malformed encapsulated request") from error

        return plain, Answer(enc, labeled_expand(SUITE, secret, b"exp", context, 32))


class Answer:
    def __init__(self, enc, exporter):
        self.enc = enc
        self.exporter = exporter

    def begin(self, label):
        self.response_nonce = os.urandom(32)
        secret = labeled_expand(SUITE, self.exporter, b"sec", label, 32)
        prk = extract(self.enc + self.response_nonce, secret)
        self.aead = ChaCha20Poly1305(expand(prk, b"key", 32))
        self.nonce = int.from_bytes(expand(prk, b"nonce", 12), "big")
        self.count = 0
        return self.response_nonce

    def seal(self, plain, aad=b""):
        nonce = (self.nonce ^ self.count).to_bytes(12, "big")
        self.count += 1
        return self.aead.encrypt(nonce, plain, aad)

    def single(self, plain):
        return self.begin(b"message/bhttp response") + self.seal(plain)

    def start(self):
        return self.begin(b"message/bhttp chunked response")

    def chunk(self, plain):
        sealed = self.seal(plain)
        return varint(len(sealed)) + sealed

    def last(self, plain):
        return b"\x00" + self.seal(plain, b"final")
