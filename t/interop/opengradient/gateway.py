"""A gateway that OpenGradient's clients take for one of their enclaves: it opens what they
seal, and signs what it answers. What it is to do stands in the sealed message: "case: NAME",
or in the path where it must be done before that can be read.

Prints "ready PORT". Writes its row of the registry to --row, and a line for each request to
--capture: what came around the sealed bytes."""

import argparse
import base64
import http.server
import json
import os
import re
import socket
import ssl
import struct
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from eth_hash.auto import keccak

import hpke

PRICE = [("X-Inference-Cost-OPG", "1234567890"), ("X-Inference-Cost-USD", "0.001234"),
         ("X-Inference-Price-OPG-USD", "1.234")]
PAYMENT = [("X-Upto-Session", "spend-me"), ("X-Payment-Response", "paid"), ("PAYMENT-RESPONSE", "paid"),
           ("X-Tee-Signature", "signed"), ("Set-Cookie", "who=you")]

BILL = json.dumps({"cost_opg": "1234567890", "cost_usd": "0.001234", "opg_price_usd": "1.234"},
                  separators=(",", ":")).encode()
FRAME = b"\n--opengradient-ohttp-billing-v1--\n" + struct.pack(">I", len(BILL)) + BILL

ERRORS = {
    400: {"error": "malformed encapsulated request"},
    401: {"error": "unauthorized"},
    402: {"error": "Session expired or exhausted"},
    413: {"error": "encapsulated request too large"},
    503: {"error": "Pricing unavailable: no feed"},
    500: {"error": "provider broke", "exception_type": "X", "source": "gateway", "retryable": False},
}

TOOLS = [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bern"}'}}]


class Enclave:
    def __init__(self):
        self.key = hpke.Key()
        self.signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.der = self.signer.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.tee_id = keccak(self.der).hex()
        self.seen = set()

    def sign(self, request, output):
        """The members that a client verifies."""
        canonical = {k: v for k, v in request.items() if k not in ("stream", "tool_choice")}
        asked = keccak(json.dumps(canonical, sort_keys=True).encode())
        said = keccak(output.encode())
        now = int(time.time())
        message = keccak(asked + said + now.to_bytes(32, "big"))
        signature = self.signer.sign(
            message, padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32), hashes.SHA256())
        return {"tee_signature": base64.b64encode(signature).decode(), "tee_request_hash": asked.hex(),
                "tee_output_hash": said.hex(), "tee_timestamp": now, "tee_id": "0x" + self.tee_id}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *args):
        pass

    def do_POST(self):
        early = re.match(r"/early/(\d+)$", self.path)
        length = int(self.headers.get("Content-Length", 0))

        if early:
            self.note(b"")
            self.fail(int(early[1]))
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2))
            self.close_connection = True
            return

        sealed = self.rfile.read(length)
        self.note(sealed[7:39])

        try:
            plain, answer = self.server.enclave.key.open(sealed)
        except ValueError:
            return self.fail(400)

        request = json.loads(plain)
        text = request["messages"][-1]["content"]
        case = re.search(r"case: (\S+)", text)
        self.play(request, answer, case[1] if case else "", text)

    def play(self, request, answer, case, text):
        status = re.match(r"status-(\d+)$", case)
        inner = re.match(r"inner-(\d+)$", case)

        if status:
            return self.fail(int(status[1]))

        if inner:
            body = {"status": int(inner[1]), "body": {"error": "the model says no"}}
            return self.whole(200, "message/ohttp-res", answer.single(json.dumps(body).encode()))

        # the first time for this message
        if case == "reset-once" and text not in self.server.enclave.seen:
            self.server.enclave.seen.add(text)
            case = "reset"

        if request.get("stream"):
            return self.stream(request, answer, case)

        if case == "reset":
            return self.reset()

        said = "you said: " + text
        message = {"role": "assistant", "content": said}
        finish = "stop"
        if request.get("tools"):
            message, said, finish = {"role": "assistant", "content": None, "tool_calls": TOOLS}, \
                json.dumps(TOOLS, sort_keys=True), "tool_calls"

        body = {"id": "1", "object": "chat.completion", "created": 1, "model": request["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                **self.server.enclave.sign(request, said)}
        self.whole(200, "message/ohttp-res", answer.single(json.dumps(body).encode()), PRICE)

    def events(self, request, case):
        """The deltas of a stream, and what they make together."""
        if request.get("tools"):
            call = TOOLS[0]
            first = {"index": 0, "id": call["id"], "type": "function",
                     "function": {"name": call["function"]["name"], "arguments": ""}}
            parts = re.findall("..?.?", call["function"]["arguments"])
            rest = [{"index": 0, "function": {"arguments": part}} for part in parts]
            return [{"tool_calls": [part]} for part in [first, *rest]], json.dumps(TOOLS, sort_keys=True), "tool_calls"

        if case == "bill-first":
            return [], "", "stop"

        words = re.findall(r"\S+\s*", "you said: " + request["messages"][-1]["content"])
        return [{"content": word} for word in words], "".join(words), "stop"

    def stream(self, request, answer, case):
        deltas, said, finish = self.events(request, case)
        frames = [{"id": "1", "object": "chat.completion.chunk", "created": 1, "model": request["model"],
                   "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        end = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": request["model"],
               "choices": [{"index": 0, "delta": {}, "finish_reason": finish}],
               **self.server.enclave.sign(request, said)}

        self.send_response(200)
        for name, value in [("Content-Type", "message/ohttp-chunked-res"), ("Transfer-Encoding", "chunked"), *PAYMENT]:
            self.send_header(name, value)
        self.end_headers()

        self.piece(answer.start())
        for frame in frames:
            self.piece(answer.chunk(event(frame)))
            if case == "reset":
                return self.reset()

        if case.startswith("bill"):
            # and not all at once
            for byte in FRAME[:40]:
                self.piece(bytes([byte]))
            self.piece(FRAME[40:])

        if case != "unfinished":
            self.piece(answer.last(event(end)))
        self.wfile.write(b"0\r\n\r\n")

    def piece(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def reset(self):
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def fail(self, status):
        self.whole(status, "application/json", json.dumps(ERRORS[status]).encode(), [("PAYMENT-REQUIRED", "pay me")])

    def whole(self, status, kind, body, more=()):
        self.send_response(status)
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(body))), *PAYMENT, *more]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def note(self, enc):
        line = json.dumps({"path": self.path, "headers": self.headers.items(), "enc": enc.hex()})
        with self.server.lock, open(self.server.capture, "a") as file:
            file.write(line + "\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def get_request(self):
        connection, address = super().get_request()
        if self.context:
            # the handshake waits for the thread that reads
            connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, client_address):
        pass


def event(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def main():
    parser = argparse.ArgumentParser()
    for name in ("port", "row", "capture", "cert", "key"):
        parser.add_argument("--" + name)
    args = parser.parse_args()

    server = Server(("127.0.0.1", int(args.port or 0)), Handler)
    server.enclave = enclave = Enclave()
    server.capture = args.capture
    server.lock = threading.Lock()
    certificate = b""

    if args.cert:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(args.cert, args.key)
        with open(args.cert) as file:
            certificate = ssl.PEM_cert_to_DER_cert(file.read())

    row = {"tee_id": enclave.tee_id, "endpoint": "https://203.0.113.7", "public_key": enclave.der.hex(),
           "tls_certificate": certificate.hex() or "00", "pcr_hash": "ab" * 32,
           "ohttp_public_key": enclave.key.public.hex(), "ohttp_key_config": enclave.key.config.hex()}
    with open(args.row + ".part", "w") as file:
        json.dump(row, file)
    os.rename(args.row + ".part", args.row)

    print("ready", server.server_port, flush=True)
    server.serve_forever()


main()
