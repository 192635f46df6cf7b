"""A client of Dstack's proxy: reads which key an instance has, sends it a sealed text,
opens the answer, and compares what the instance has signed.  Prints what it finds."""

import hashlib
import json
import os
import sys
import time

import httpx

import dstack_fields as fields

relay, question, *keys = sys.argv[1:]
headers = {"X-Model-Pub-Key": keys[0]} if keys else {}

with httpx.Client(base_url=relay, trust_env=False, timeout=30) as http:
    nonce = os.urandom(32).hex()
    report = http.get("/v1/attestation/report", params={"nonce": nonce, "signing_algo": "ecdsa"},
                      headers=headers).json()
    point = report["signing_public_key"]
    print("report", report["request_nonce"] == nonce, point, flush=True)

    me = fields.generate()
    once, now = os.urandom(16).hex(), int(time.time())
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": fields.seal(
        question, b"\x04" + bytes.fromhex(point), fields.request_aad("m", once, now))}]}).encode()

    for _ in range(2):
        answer = http.post("/v1/chat/completions", content=body, headers={
            "Content-Type": "application/json", "X-Signing-Algo": "ecdsa", "X-Model-Pub-Key": point,
            "X-Client-Pub-Key": fields.public(me).hex(), "X-E2EE-Version": "2", "X-E2EE-Nonce": once,
            "X-E2EE-Timestamp": str(now)})
        said = answer.json()

        if answer.status_code != 200:
            print("refused", answer.status_code, said["error"]["type"], flush=True)
            break

        print("answer", answer.headers["X-E2EE-Applied"], fields.unseal(
            said["choices"][0]["message"]["content"], me,
            fields.response_aad("m", said["id"], once, now)), flush=True)

        hashes = hashlib.sha256(body).hexdigest() + ":" + hashlib.sha256(json.dumps(said).encode()).hexdigest()
        signature = http.get("/v1/signature/" + said["id"], headers=headers)
        print("signature", signature.json().get("text") == hashes, flush=True)
