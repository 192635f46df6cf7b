"""Stands for an instance of Dstack's proxy: opens texts, answers sealed, and signs (here
only hashes) what it has answered.  Prints its public key, then what it was asked."""

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import dstack_fields as fields

port, name = int(sys.argv[1]), sys.argv[2]
key = fields.generate()
point = fields.public(key)[1:].hex()
signed = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **more):
        data = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        return data

    def do_GET(self):
        print(f"GET {self.path}", flush=True)
        url = urlsplit(self.path)

        if url.path == "/v1/attestation/report":
            self.answer(200, {"signing_public_key": point, "signing_algo": "ecdsa",
                              "request_nonce": parse_qs(url.query)["nonce"][0]})

        elif url.path.rpartition("/")[2] in signed:
            self.answer(200, {"text": signed[url.path.rpartition("/")[2]], "signing_algo": "ecdsa"})

        else:
            self.answer(404, {"error": {"message": "not found", "type": "not_found", "param": None, "code": None}})

    def do_POST(self):
        print(f"POST {self.path} {','.join(self.headers.keys())}", flush=True)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        client = bytes.fromhex(self.headers["X-Client-Pub-Key"])
        nonce, time = self.headers["X-E2EE-Nonce"], self.headers["X-E2EE-Timestamp"]
        model = request["model"]

        if self.headers["X-Model-Pub-Key"] != point:
            return self.answer(400, {"error": {"message": "another key", "type": "e2ee_model_key_mismatch",
                                               "param": None, "code": None}})

        text = fields.unseal(request["messages"][0]["content"], key, fields.request_aad(model, nonce, time))
        id = f"chatcmpl-{name}-{len(signed)}"
        sealed = fields.seal(f"{name} heard: {text}", client, fields.response_aad(model, id, nonce, time))
        said = {"id": id, "model": model, "choices": [{"message": {"content": sealed}}]}
        # as the proxy does it: what is signed has blanks that what is sent has not
        signed[id] = hashlib.sha256(body).hexdigest() + ":" + hashlib.sha256(json.dumps(said).encode()).hexdigest()
        self.answer(200, said, **{"X-E2EE-Applied": "true", "X-E2EE-Version": "2", "X-E2EE-Algo": "ecdsa"})


server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
print("ready " + point, flush=True)
server.serve_forever()
