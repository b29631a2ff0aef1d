"""Writes the first inputs of the fuzz targets: recorded requests and the example configurations."""

import base64
import hashlib
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz" / "corpus"
# The first byte chooses the signal: traces, metrics, logs.
SIGNALS = {"/v1/traces": b"\x00", "/v1/metrics": b"\x01", "/v1/logs": b"\x02"}


def put(target, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


for recording in sorted((ROOT / "tests" / "recordings").glob("*.jsonl")):
    for line in recording.read_text().splitlines():
        request = json.loads(line)
        body = SIGNALS[request["path"]] + base64.b64decode(request["body_base64"])
        if request["headers"]["content-type"] == "application/json":
            put("json", body)
        else:
            put("walk", body)
            put("split", body)
            put("splice", body)
# Good records as they are, and one with a changed byte.
put("queue", b"\x01" + bytes(64))
put("queue", b"\x01" + bytes(64) + b"\x46\x00\xff")
for example in sorted((ROOT / "configs").glob("*.yaml")):
    put("config", example.read_bytes())
