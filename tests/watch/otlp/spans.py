"""Spans as programs send them, and what becomes of them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genaiops.domain import Content, Price, Span
from genaiops.engines.blobs_folder import open_blobs
from genaiops.watch.otlp import Group, Sender, WireEvent, WireSpan
from genaiops.watch.otlp._translate import Translator

NOW = 1_760_000_000_000_000
SENDER = Sender(
    key_id="key_a",
    key_name="shop",
    actor_id="ada",
    tenant_id="default",
    team_id="search",
    environment_id="dev",
    application="shop",
    capture="full",
)
PRICES = (
    Price(id="gpt", version=3, provider="openai", model="gpt-4o*", input=2500000000, output=10000000000, created_us=0),
)


def wire(attributes: Mapping[str, Any], *, step: int = 1, trace: int = 1, **facts: Any) -> WireSpan:
    known: dict[str, Any] = {
        "trace_id": hashlib.sha256(b"trace %d" % trace).digest()[:16],
        "span_id": hashlib.sha256(b"span %d" % step).digest()[:8],
        "parent_id": b"",
        "name": "chat gpt-4o",
        "kind": 3,
        "start_ns": NOW * 1000,
        "end_ns": NOW * 1000 + 250_000_000,
        "attributes": dict(attributes),
    }
    return WireSpan(**{**known, **facts})


def group(*spans: WireSpan, url: str = "https://opentelemetry.io/schemas/1.41.0", **resource: Any) -> Group:
    return Group(resource, "a scope", "1.0", url, spans)


def event(name: str, **attributes: Any) -> WireEvent:
    return WireEvent(name, NOW * 1000, attributes)


def translated(
    folder: Path, span: WireSpan, *, sender: Sender = SENDER, prices: Sequence[Price] = PRICES
) -> tuple[Span, Content]:
    return Translator(prices, open_blobs(folder), lambda: NOW).span(span, group(span), sender)
