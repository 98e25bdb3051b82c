"""Cases: what a call is said to have cost."""

import time
from decimal import Decimal
from typing import Any

from benchmarks.wrongs.answers import (
    DONE,
    ROLE,
    answers,
    chat_stream,
    chat_usage,
    chunk,
    completion,
    message,
    message_end,
    message_start,
    messages_usage,
    streams,
    text_block,
)
from benchmarks.wrongs.case import Case, Check, Finding, Gateway, Target, judged, price_of

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
TEXT: list[dict[str, Any]] = [{"type": "text", "text": "Hello there"}]


def chat(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Tell me something."}], **fields}


def messages(model: str, **fields: Any) -> dict[str, Any]:
    return {"max_tokens": 1000, **chat(model), **fields}


def _costs(path: str, model: str, expected: Decimal, *, stream: bool = False) -> Check:
    """The cost that is noted of one call, to a millionth of a cent."""

    def check(gateway: Gateway) -> Finding:
        body = messages(model) if path == MESSAGES else chat(model)
        reply = gateway.post(path, {**body, **({"stream": True} if stream else {})})
        records = gateway.records(model)
        if reply.failed or not records:
            return judged(False, f"{reply}; {len(records)} records")
        costs = [record.cost for record in records if record.ok]
        right = len(costs) == 1 and costs[0] is not None and abs(costs[0] - expected) < Decimal("1e-8")
        return judged(right, f"{records[0]} (expected {expected.normalize():f})")

    return check


def _anthropic_stream(usage: dict[str, Any], output: int) -> tuple[bytes, ...]:
    return (message_start(usage), *text_block("Hello", " there"), *message_end(output))


def _cancelled(path: str, model: str, least: Decimal) -> Check:
    """At least what had come by then and, where the provider told it at the beginning, the input."""

    def check(gateway: Gateway) -> Finding:
        body = messages(model) if path == MESSAGES else chat(model)
        reply = gateway.post(path, {**body, "stream": True}, until=b"number 4")
        records = gateway.records(model)
        charged = [record for record in records if record.cost is not None and record.cost >= least]
        seen = "; ".join(map(str, records)) or f"no record 10 s later (the client had {len(reply.body)} bytes)"
        return judged(bool(charged), seen)

    return check


def _stops_upstream(model: str) -> Check:
    """Hanging up ends the provider's work too."""

    def check(gateway: Gateway) -> Finding:
        gateway.post(CHAT, {**chat(model), "stream": True}, until=b"number 4")
        deadline = time.monotonic() + 6
        while model not in gateway.upstream.broken and time.monotonic() < deadline:
            time.sleep(0.05)
        sent = gateway.upstream.broken.get(model)
        seen = f"the provider had sent {sent} of 200 pieces" if sent else "the provider could go on for 6 s more"
        return judged(sent is not None, seen)

    return check


def _unknown_price(gateway: Gateway) -> Finding:
    reply = gateway.post(CHAT, chat("unpriced"))
    header = {name: value for name, value in reply.headers.items() if name.endswith("cost")}
    records = gateway.records("unpriced")
    if reply.failed or not records:
        return judged(False, f"{reply}; {len(records)} records")
    return judged(all(record.cost is None for record in records), f"{records[0]}; headers {header}")


def _client_usage(gateway: Gateway) -> Finding:
    """Of a Messages client whose call goes to a target that counts as OpenAI does."""
    reply = gateway.post(MESSAGES, messages("cached-across"))
    usage: Any = reply.json.get("usage") or {}
    told = (usage.get("input_tokens"), usage.get("cache_read_input_tokens"), usage.get("output_tokens"))
    return judged(told == (200, 800, 100), f"input, cache read, output = {told} (expected 200, 800, 100)")


def _client_usage_chat(gateway: Gateway) -> Finding:
    reply = gateway.post(CHAT, chat("cached-translated"))
    usage: Any = reply.json.get("usage") or {}
    details: Any = usage.get("prompt_tokens_details") or {}
    told = (usage.get("prompt_tokens"), details.get("cached_tokens"), usage.get("total_tokens"))
    return judged(told == (1400, 800, 1500), f"prompt, cached, total = {told} (expected 1400, 800, 1500)")


_CACHED = chat_usage(1000, 100, cached=800)
_CACHED_COST = price_of(input=200, cache_read=800, output=100)
_MESSAGES_USAGE = messages_usage(200, 100, read=800, wrote=400)
_MESSAGES_COST = price_of(input=200, cache_read=800, cache_write=400, output=100)
_HOUR_USAGE = messages_usage(200, 100, wrote=400, wrote_1h=300)
_HOUR_COST = price_of(input=200, cache_write=400, cache_write_1h=300, output=100)
_SLOW = (ROLE, *(chunk(f"word number {number} ") for number in range(198)), DONE)
_SLOW_MESSAGES = (
    message_start(messages_usage(200, 1)),
    *text_block(*(f"word number {number} " for number in range(196))),
    *message_end(400),
)

CASES = (
    Case(
        name="cancelled-stream",
        what="a stream that the client cancels is charged",
        source="Bifrost #3357",
        targets=(Target(name="cancelled", script=streams(*_SLOW, pause=0.03)),),
        check=_cancelled(CHAT, "cancelled", price_of(output=15)),
    ),
    Case(
        name="cancelled-messages",
        what="the same on /v1/messages, with the input that the provider told at the beginning",
        source="Bifrost #3357",
        targets=(Target(name="cancelled-m", provider="anthropic", script=streams(*_SLOW_MESSAGES, pause=0.03)),),
        check=_cancelled(MESSAGES, "cancelled-m", price_of(input=200, output=15)),
    ),
    Case(
        name="cancelled-upstream",
        what="it is cancelled at the provider too",
        source="Bifrost #3357",
        targets=(Target(name="cancelled-u", script=streams(*_SLOW, pause=0.03)),),
        check=_stops_upstream("cancelled-u"),
    ),
    Case(
        name="cached-openai",
        what="cached tokens (OpenAI's form) are counted once",
        source="double-counted cached tokens",
        targets=(Target(name="cached-openai", script=answers(completion("Hello", _CACHED))),),
        check=_costs(CHAT, "cached-openai", _CACHED_COST),
    ),
    Case(
        name="cached-openai-stream",
        what="the same in a stream",
        source="double-counted cached tokens",
        targets=(Target(name="cached-stream", script=chat_stream("Hello", usage=_CACHED)),),
        check=_costs(CHAT, "cached-stream", _CACHED_COST, stream=True),
    ),
    Case(
        name="cached-anthropic",
        what="cached and cache-writing tokens (Anthropic's form), /v1/messages",
        source="double-counted cached tokens",
        targets=(Target(name="cached-messages", provider="anthropic", script=answers(message(TEXT, _MESSAGES_USAGE))),),
        check=_costs(MESSAGES, "cached-messages", _MESSAGES_COST),
    ),
    Case(
        name="cached-anthropic-stream",
        what="the same in a stream",
        source="double-counted cached tokens",
        targets=(
            Target(
                name="cached-messages-s",
                provider="anthropic",
                script=streams(*_anthropic_stream(_MESSAGES_USAGE, 100)),
            ),
        ),
        check=_costs(MESSAGES, "cached-messages-s", _MESSAGES_COST, stream=True),
    ),
    Case(
        name="cached-chat-anthropic",
        what="the same, called as a chat",
        source="double-counted cached tokens",
        targets=(Target(name="cached-chat", provider="anthropic", script=answers(message(TEXT, _MESSAGES_USAGE))),),
        check=_costs(CHAT, "cached-chat", _MESSAGES_COST),
    ),
    Case(
        name="cached-chat-stream",
        what="the same, called as a chat, in a stream",
        source="double-counted cached tokens",
        targets=(
            Target(
                name="cached-chat-s",
                provider="anthropic",
                script=streams(*_anthropic_stream(_MESSAGES_USAGE, 100)),
            ),
        ),
        check=_costs(CHAT, "cached-chat-s", _MESSAGES_COST, stream=True),
    ),
    Case(
        name="cache-write-hour",
        what="cache writes for five minutes and for an hour have their own prices",
        source="Anthropic's price list",
        targets=(Target(name="write-hour", provider="anthropic", script=answers(message(TEXT, _HOUR_USAGE))),),
        check=_costs(MESSAGES, "write-hour", _HOUR_COST),
    ),
    Case(
        name="usage-translated-messages",
        what="a Messages client is told cached tokens apart from the others",
        source="Anthropic's reference",
        targets=(Target(name="cached-across", script=answers(completion("Hello", _CACHED))),),
        check=_client_usage,
    ),
    Case(
        name="usage-translated-chat",
        what="a chat client is told cached tokens as a part of the prompt's",
        source="OpenAI's reference",
        targets=(
            Target(name="cached-translated", provider="anthropic", script=answers(message(TEXT, _MESSAGES_USAGE))),
        ),
        check=_client_usage_chat,
    ),
    Case(
        name="reasoning",
        what="reasoning tokens are a part of the output's, not charged again",
        source="double-counted reasoning tokens",
        targets=(Target(name="reasoning", script=answers(completion("Hello", chat_usage(100, 500, reasoning=400)))),),
        check=_costs(CHAT, "reasoning", price_of(input=100, output=500)),
    ),
    Case(
        name="unknown-price",
        what="a cost that nobody knows is not 0",
        source="docs/costs.md",
        targets=(
            Target(
                name="unpriced",
                upstream_model="house-model-1",
                priced=False,
                script=answers(completion("Hello", chat_usage(1000, 100), model="house-model-1")),
            ),
        ),
        check=_unknown_price,
    ),
)
