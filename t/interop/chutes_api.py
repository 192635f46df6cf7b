"""Stands for the API of Chutes and one instance behind it, which opens requests and
seals answers with ML-KEM-768.  Prints what it was asked, a line of JSON each."""

import base64
import gzip
import json
import os
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pqcrypto.kem import ml_kem_768

port, chute, other = int(sys.argv[1]), sys.argv[2], sys.argv[3]
public, secret = ml_kem_768.generate_keypair()
nonces = set()


def key(shared, capsule, info):
    return HKDF(hashes.SHA256(), 32, capsule[:16], info).derive(shared)


def opened(body):
    shared = ml_kem_768.decrypt(secret, body[:1088])
    cipher = ChaCha20Poly1305(key(shared, body[:1088], b"e2e-req-v1"))
    return json.loads(gzip.decompress(cipher.decrypt(body[1088:1100], body[1100:], None)))


def sealed(cipher, data):
    nonce = os.urandom(12)
    return nonce + cipher.encrypt(nonce, data, None)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self):
        names = {name: value for name, value in self.headers.items()}
        print(json.dumps({"line": f"{self.command} {self.path}", "headers": names}), flush=True)

    def answer(self, status, body, type="application/json", **more):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": type, "Content-Length": str(len(data)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.note()

        if self.path == "/v1/models":
            rows = [("model", chute, True), ("open-model", other, False)]
            self.answer(200, {"data": [{"id": name, "chute_id": id, "root": name, "created": 1,
                                        "confidential_compute": kind} for name, id, kind in rows]})

        elif self.path.startswith("/e2e/instances/"):
            fresh = [secrets.token_urlsafe(24) for _ in range(3)]
            nonces.update(fresh)
            self.answer(200, {"instances": [{"instance_id": "instance-1", "nonces": fresh,
                                             "e2e_pubkey": base64.b64encode(public).decode()}],
                              "nonce_expires_in": 60, "nonce_expires_at": 4102444800})

        else:
            self.answer(404, {"detail": "Not Found"})

    def do_POST(self):
        self.note()
        body = self.rfile.read(int(self.headers["Content-Length"]))

        if self.headers["X-E2E-Nonce"] not in nonces:
            return self.answer(403, {"detail": "Invalid, expired, or already-used nonce"})

        nonces.remove(self.headers["X-E2E-Nonce"])
        request = opened(body)
        text = request["messages"][0]["content"]

        if text == "too much":
            return self.answer(402, {"detail": {"message": "quota", "quota_reset_timestamp": 1790000000}})

        capsule, shared = ml_kem_768.encrypt(base64.b64decode(request["e2e_response_pk"]))

        if self.headers["X-E2E-Stream"] == "true":
            return self.stream(text, capsule, ChaCha20Poly1305(key(shared, capsule, b"e2e-stream-v1")))

        cipher = ChaCha20Poly1305(key(shared, capsule, b"e2e-resp-v1"))
        said = {"choices": [{"message": {"role": "assistant", "content": "You said: " + text}}]}
        self.answer(200, capsule + sealed(cipher, gzip.compress(json.dumps(said).encode())),
                    "application/octet-stream", **{"X-Chutes-Quota-Remaining": "7"})

    def stream(self, text, capsule, cipher):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.event({"e2e_init": base64.b64encode(capsule).decode()})

        for word in text.split():
            chunk = "data: " + json.dumps({"choices": [{"delta": {"content": word}}]})
            self.event({"e2e": base64.b64encode(sealed(cipher, chunk.encode())).decode()})

            # the next one only when the test says that this one has come
            sys.stdin.readline()

        self.event({"usage": {"completion_tokens": 3}})
        self.event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def event(self, data):
        text = f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()


server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
print("ready", flush=True)
server.serve_forever()
