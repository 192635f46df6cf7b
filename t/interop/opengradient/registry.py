"""The chain that holds OpenGradient's registry, as far as its clients ask it: JSON-RPC, and
getActiveTEEs(uint8) answered out of files. Prints "ready PORT". Arguments: rows that gateways
have written; those that are not there (any more) are not registered (any more)."""

import http.server
import json
import os
import sys

from eth_abi import encode

ROW = ("(address,address,string,bytes,bytes,bytes32,uint8,bool,uint256,uint256,"
       "(uint8,uint16,uint16,uint16,bytes,bytes,uint256))[]")
GET_ACTIVE_TEES = "0x4b6014da"


def row(name):
    with open(name) as file:
        data = json.load(file)
    get = {key: bytes.fromhex(data[key]) for key in
           ("public_key", "tls_certificate", "pcr_hash", "ohttp_public_key", "ohttp_key_config")}
    return ("0x" + "11" * 20, "0x" + "22" * 20, data["endpoint"], get["public_key"], get["tls_certificate"],
            get["pcr_hash"], 0, True, 1, 1,
            (1, 0x20, 1, 3, get["ohttp_public_key"], get["ohttp_key_config"], 1))


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"jsonrpc": "2.0", "id": call["id"]}

        if call["method"] == "eth_call":
            data = call["params"][0].get("data") or call["params"][0].get("input")
            rows = [row(name) for name in sys.argv[1:] if os.path.exists(name)]
            if data.startswith(GET_ACTIVE_TEES):
                answer["result"] = "0x" + encode([ROW], [rows]).hex()
            else:
                answer["error"] = {"code": -32601, "message": "no such function"}
        else:
            answer["result"] = {"eth_chainId": "0x1", "net_version": "1"}.get(call["method"])

        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("ready", server.server_port, flush=True)
server.serve_forever()
