"""Traces of other programs: OTLP in both encodings, in the words of OpenTelemetry GenAI, OpenInference and
OpenLLMetry."""

from genaiops.watch.otlp._encode import SCHEMA_URL, encode_request
from genaiops.watch.otlp._ingest import Counts, Ingest, Taken
from genaiops.watch.otlp._json import decode_json, json_answer
from genaiops.watch.otlp._protobuf import decode_protobuf, protobuf_answer, protobuf_status
from genaiops.watch.otlp._sampling import SHARE
from genaiops.watch.otlp._translate import Capture, Sender
from genaiops.watch.otlp._wire import Group, Malformed, WireEvent, WireLink, WireSpan

__all__ = [
    "SCHEMA_URL",
    "SHARE",
    "Capture",
    "Counts",
    "Group",
    "Ingest",
    "Malformed",
    "Sender",
    "Taken",
    "WireEvent",
    "WireLink",
    "WireSpan",
    "decode_json",
    "decode_protobuf",
    "encode_request",
    "json_answer",
    "protobuf_answer",
    "protobuf_status",
]
