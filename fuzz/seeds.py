"""Writes the first inputs of the fuzz targets: recorded requests, messages of agents and the example
configurations."""

import base64
import hashlib
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz" / "corpus"
# The first byte chooses the signal: traces, metrics, logs.
SIGNALS = {"/v1/traces": b"\x00", "/v1/metrics": b"\x01", "/v1/logs": b"\x02"}


# As the codes of the kinds in `pdata::skywalking`, from 0.
KINDS = [
    "segment",
    "log",
    "meters",
    "span_attached_event",
    "instance_properties",
    "instance_ping",
    "jvm",
    "clr",
    "event",
    "browser_perf",
    "browser_web_vitals",
    "browser_resource",
    "browser_web_interactions",
    "browser_error_log",
    "service_mesh",
]


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    """A protobuf field: text, bytes and messages with their length, numbers as varints."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def message(*fields):
    return b"".join(field(number, value) for number, value in fields)


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

# Rules, the bodies that their tests are made of, and regular expressions with a line to match.
for folder in ["configs/lal", "core/lal/tests/cases"]:
    for rules in sorted((ROOT / folder).glob("*.yaml")):
        if not rules.name.endswith(".data.yaml"):
            put("lal_rules", rules.read_bytes())
for body in ['{"a": {"b": [1, 2.5, null]}}', "{a: 'x', b = c}", "a: &x {b: 2001-12-14}\nc: *x\n"]:
    put("lal_json", body.encode())
for pattern in [r"^(?<x>\d+) [^:]*+:$", r"(?i)[a-z&&[^x]]+\Q.\E", r"\p{Alpha}{2,3}?(?>\w)\R"]:
    put("lal_regex", pattern.encode() + b"\n12 ab:\n")

# Messages of agents in JSON, each alone and as a list.
for line in (ROOT / "exporters" / "src" / "record" / "sample.jsonl").read_text().splitlines():
    for kind, content in json.loads(line)["skywalking"][0].items():
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        put("native_json", bytes([KINDS.index(kind)]) + text)
        put("native_json", bytes([KINDS.index(kind)]) + b"[" + text + b"," + text + b"]")

TIME = 1_795_219_200_000
pair = message((1, "http.status_code"), (2, "200"))
reference = message((1, 1), (2, "t"), (3, "s"), (4, 3), (5, "front"), (7, "/"), (8, "shop:80"))
span_log = message((1, TIME), (2, message((1, "event"), (2, "error"))))
spans = [
    message((2, -1), (3, TIME), (4, TIME + 12), (5, reference), (6, "GET:/"), (9, 3), (10, 2)),
    message((1, 1), (3, TIME), (4, TIME + 5), (7, "db:3306"), (8, 1), (12, pair), (13, span_log)),
]
segment = message((1, "t"), (2, "s"), *((3, span) for span in spans), (4, "shop"), (5, "1"))
body = message((1, "text"), (2, message((1, "out of stock"))))
context = message((1, "t"), (2, "s"), (3, 1))
log = message(
    (1, TIME), (2, "shop"), (3, "1"), (5, body), (6, context), (7, message((1, pair))), (8, "IOS")
)
label = message((1, "a"), (2, "b"))
single = message((1, "queue"), (2, label)) + b"\x19" + bytes(6) + b"\xf8\x3f"
histogram = message((1, "time"), (2, label), (3, message((2, 5))), (3, message((2, 3), (3, 1))))
meters = message(
    (1, message((1, single), (3, "shop"), (4, "1"), (5, TIME))),
    (1, message((2, histogram))),
    (1, message((1, single), (4, "2"))),
)
put("native", b"\x00" + segment)
put("native", b"\x00" + message((1, segment), (1, segment)))
put("native", b"\x01" + log)
put("native", b"\x02" + meters)
for kind in range(3, len(KINDS)):
    put("native", bytes([kind]) + message((1, "shop"), (2, "1"), (3, TIME), (4, label)))
    put("native", bytes([kind]) + message((1, message((1, TIME), (2, label)))))

# The subject, a choice, and what is converted.
for choice in range(6):
    put("convert", bytes([0, choice]) + segment)
    put("convert", bytes([2, choice]) + log)
put("convert", b"\x04\x00" + meters)
trace_id, ids = b"\xab" * 16, [bytes(7) + bytes([number]) for number in range(4)]
name = message((1, "service.name"), (2, message((1, "shop"))))
status = message((1, "http.response.status_code"), (2, message((3, 200))))
otlp_spans = [
    message((1, trace_id), (2, ids[1]), (5, "GET /"), (6, 2), (9, status)),
    message((1, trace_id), (2, ids[2]), (4, ids[1]), (5, "GET"), (6, 3), (9, status)),
    message((1, trace_id), (2, ids[3]), (4, ids[2]), (5, "GET /stock"), (6, 2)),
]
resource = message((1, name))
scope = message(*((2, span) for span in otlp_spans))
put("convert", b"\x01\x00" + message((1, message((1, resource), (2, scope)))))
for recording in sorted((ROOT / "tests" / "recordings").glob("*proto*.jsonl")):
    for line in recording.read_text().splitlines():
        request = json.loads(line)
        if request["path"] == "/v1/logs":
            put("convert", b"\x03\x00" + base64.b64decode(request["body_base64"]))
