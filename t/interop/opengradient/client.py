"""The unmodified clients of OpenGradient's SDK, and OpenAI's own, told by lines of JSON on
standard input what to ask; a line of JSON says what came of each."""

import json
import sys

import openai
import requests
from opengradient import ConfidentialLLM
from opengradient.client.tee_ohttp_client import OhttpRelayClient, RelayError
from opengradient.client.tee_registry import OhttpConfig, TEEEndpoint

TOOLS = [{"type": "function", "function": {
    "name": "weather", "description": "of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]


def endpoint(row):
    return TEEEndpoint(
        tee_id=row["tee_id"], endpoint=row["endpoint"], tls_cert_der=b"", payment_address="0x" + "11" * 20,
        signing_public_key_der=bytes.fromhex(row["public_key"]),
        ohttp_config=OhttpConfig(1, 0x20, 1, 3, bytes.fromhex(row["ohttp_public_key"]), b"", 0))


def verified(answer):
    return {"kind": "ok", "content": answer.content, "tee_id": answer.proof.tee_id,
            "frames": answer.stream_frames and len(answer.stream_frames)}


def low(ask, body):
    """OhttpRelayClient, with the whole URL."""
    client = OhttpRelayClient(ask["url"], endpoint(ask["tee"]), auth_headers=lambda: ask.get("headers", {}), timeout=30)
    return verified(client.stream_chat_completion(body) if body["stream"] else client.chat_completion(body))


def high(ask, body):
    """ConfidentialLLM, of a TEE at hand or of the registry."""
    more = {"auth_headers": lambda: ask.get("headers", {}), "timeout": 30}
    if "rpc" in ask:
        client = ConfidentialLLM(ask["url"], rpc_url=ask["rpc"], **more)
    else:
        client = ConfidentialLLM.from_tee(ask["url"], endpoint(ask["tee"]), **more)
    return verified(client.chat(**body))


def openai_client(ask, body):
    """OpenAI's library, for og-veil."""
    client = openai.OpenAI(base_url=ask["url"], api_key="any", max_retries=0, timeout=60)
    answer = client.chat.completions.create(**body)
    if not body["stream"]:
        return {"kind": "ok", "content": answer.choices[0].message.content}
    parts = [part.choices[0].delta.content or "" for part in answer]
    return {"kind": "ok", "content": "".join(parts), "frames": len(parts)}


def carry_out(ask):
    body = {"model": ask.get("model", "openai/gpt-4.1"), "stream": bool(ask.get("stream")),
            "messages": [{"role": "user", "content": ask["content"]}]}
    if ask.get("tools"):
        body["tools"] = TOOLS

    try:
        return {"low": low, "high": high, "openai": openai_client}[ask["how"]](ask, body)
    except RelayError as error:
        return {"kind": "RelayError", "status": error.status_code, "message": error.message}
    except openai.APIStatusError as error:
        return {"kind": "APIStatusError", "status": error.status_code, "message": error.message}
    except Exception as error:
        return {"kind": type(error).__name__, "message": str(error),
                "network": isinstance(error, requests.RequestException)}


print("ready", flush=True)

for line in sys.stdin:
    print(json.dumps(carry_out(json.loads(line))), flush=True)
