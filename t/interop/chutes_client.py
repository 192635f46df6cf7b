"""A client of Chutes: httpx over the unmodified transport of the package chutes-e2ee.
Prints what it sees of one exchange, a line of JSON each."""

import json
import sys

import httpx
from chutes_e2ee import ChutesE2EETransport

relay, what, *words = sys.argv[1:]


def show(**said):
    print(json.dumps(said), flush=True)


def chat(client, model, text, **more):
    return client.build_request("POST", "/v1/chat/completions", json={
        "model": model, "messages": [{"role": "user", "content": text}], **more})


transport = ChutesE2EETransport(api_key="cpk_of_the_client", api_base=relay)

with httpx.Client(transport=transport, base_url=relay, timeout=30) as client:
    if what == "models":
        answer = client.get("/v1/models")
        show(status=answer.status_code, ids=[row["id"] for row in answer.json()["data"]])

    elif what == "plain":
        answer = client.post("/v1/chat/completions", content=words[0],
                             headers={"Content-Type": "text/plain"})
        show(status=answer.status_code, body=answer.json())

    elif what == "stream":
        answer = client.send(chat(client, words[0], words[1], stream=True), stream=True)
        show(status=answer.status_code, type=answer.headers["content-type"])
        for line in answer.iter_lines():
            if line.startswith("data: "):
                show(event=line[6:])
        answer.close()

    else:
        # with "again" the second request uses the nonce of the first
        for n in range(2 if what == "again" else 1):
            if what == "again":
                manager = transport._discovery
                if n == 0:
                    instance, nonce = manager.get_nonce(words[2], transport._get_http())
                manager.get_nonce = lambda *_: (instance, nonce)

            try:
                answer = client.send(chat(client, words[0], words[1]))
                answer.read()
                show(status=answer.status_code, body=answer.json())

            except httpx.HTTPStatusError as error:
                show(failed=error.response.status_code, body=error.response.json())
