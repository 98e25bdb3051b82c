"""Cases: what a client and the records are told when a provider fails."""

import itertools
import json
from typing import Any

from benchmarks.wrongs.answers import (
    DONE,
    ERROR_EVENT,
    MESSAGES_ERROR,
    OVERLOADED,
    ROLE,
    answers,
    chat_usage,
    chunk,
    completion,
    cut,
    message_end,
    message_start,
    messages_usage,
    streams,
    text_block,
)
from benchmarks.wrongs.case import Case, Check, Finding, Gateway, Target, judged
from benchmarks.wrongs.cost import CHAT, MESSAGES, chat, messages
from benchmarks.wrongs.upstream import Exchange

WAIT = 2
"""Seconds that a limited provider asks for."""

PAUSE = 0.1
"""Seconds between the events of a stream that fails later on: what came is with the client by then."""

_USAGE = chat_usage(100, 10)
_CAME = ("This much ", "came before ", "the failure.")


def _falls_back(path: str, model: str, *, stream: bool = False) -> Check:
    """The other target's answer, and nothing of the first one's failure."""

    def check(gateway: Gateway) -> Finding:
        body = messages(model) if path == MESSAGES else chat(model)
        reply = gateway.post(path, {**body, **({"stream": True} if stream else {})})
        return judged(not reply.failed and reply.text == "From the other one.", reply)

    return check


def _seen_and_noted(path: str, model: str) -> Check:
    """The client can tell that the stream failed, and it is not noted as a success."""

    def check(gateway: Gateway) -> Finding:
        body = messages(model) if path == MESSAGES else chat(model)
        reply = gateway.post(path, {**body, "stream": True})
        records = gateway.records(model)
        noted = "; ".join(sorted({record.status for record in records})) or "nowhere"
        told = "the client can tell" if reply.failed else "the client sees a whole answer"
        right = reply.failed and bool(records) and not any(record.ok for record in records)
        return judged(right, f"{told}; noted as {noted}; {reply}")

    return check


def _died(gateway: Gateway) -> Finding:
    """An answer of which a part is missing, of a model without a fallback."""
    reply = gateway.post(CHAT, chat("died"))
    records = gateway.records("died")
    noted = sorted({record.status for record in records})
    return judged(reply.failed and not any(record.ok for record in records), f"{reply}; noted as {noted}")


async def _limited(exchange: Exchange) -> None:
    if exchange.number:
        await exchange.answer(200, completion("Hello", _USAGE))
    else:
        error = {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
        await exchange.answer(429, {"error": error}, {"retry-after": str(WAIT)})


def _waits(gateway: Gateway) -> Finding:
    """Either the gateway waits as long as it was asked to, or it tells its client to."""
    reply = gateway.post(CHAT, chat("limited"))
    seen = gateway.upstream.seen["limited"]
    gaps = [round(later.at - before.at, 2) for before, later in itertools.pairwise(seen)]
    waited = not gaps or gaps[0] >= WAIT
    told = reply.status == 429 and 1 <= float(reply.headers.get("retry-after") or 0) <= 2 * WAIT
    answered = reply.status == 200 and bool(gaps)
    header = reply.headers.get("retry-after")
    seen_text = (
        f"answered {reply.status}, retry-after {header}; the provider was asked again after {gaps or 'nothing'} s"
    )
    return judged(waited and (told or answered), seen_text)


def _not_repeated(gateway: Gateway) -> Finding:
    """A request that the provider finds wrong stays wrong."""
    reply = gateway.post(CHAT, chat("refused"))
    asked = len(gateway.upstream.seen["refused"])
    return judged(asked == 1 and reply.status == 400, f"answered {reply.status} after {asked} tries")


_REFUSED: dict[str, Any] = {"message": "no such field", "type": "invalid_request_error", "code": "unknown_parameter"}


def _head_of(body: dict[str, Any]) -> bytes:
    """A whole answer's head, and half its body."""
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data[: len(data) // 2]


def _other(name: str) -> Target:
    """A fallback of any dialect and form: streams where it is asked for one."""

    async def script(exchange: Exchange) -> None:
        if exchange.seen.json.get("stream"):
            pieces = (ROLE, chunk("From the other one."), chunk(finish="stop"), DONE)
            await exchange.events(*pieces)
        else:
            await exchange.answer(200, completion("From the other one.", _USAGE))

    return Target(name=name, script=script)


_MESSAGES_CAME = (message_start(messages_usage(100, 1)), *text_block(*_CAME)[:-1])
_MESSAGES_FAIL = (*_MESSAGES_CAME, MESSAGES_ERROR)
_HALF = (ROLE, *(chunk(text) for text in _CAME))

CASES = (
    Case(
        name="error-in-200",
        what="200 with an error inside is a failure: another target answers",
        source="LiteLLM #24004",
        targets=(
            Target(name="error-200", script=answers({"error": dict(OVERLOADED)}), fallback="error-200-b"),
            _other("error-200-b"),
        ),
        check=_falls_back(CHAT, "error-200"),
    ),
    Case(
        name="error-in-500",
        what="a plain 500 falls back (the control of these cases)",
        source="control",
        targets=(
            Target(name="error-500", script=answers({"error": OVERLOADED}, status=500), fallback="error-500-b"),
            _other("error-500-b"),
        ),
        check=_falls_back(CHAT, "error-500"),
    ),
    Case(
        name="error-first-event",
        what="a stream whose first event is an error falls back",
        source="LiteLLM #24004",
        targets=(
            Target(name="error-first", script=streams(ERROR_EVENT, DONE), fallback="error-first-b"),
            _other("error-first-b"),
        ),
        check=_falls_back(CHAT, "error-first", stream=True),
    ),
    Case(
        name="error-after-role",
        what="so does one that fails after its empty first chunk",
        source="LiteLLM #36768",
        targets=(
            Target(name="error-role", script=streams(ROLE, ERROR_EVENT, DONE), fallback="error-role-b"),
            _other("error-role-b"),
        ),
        check=_falls_back(CHAT, "error-role", stream=True),
    ),
    Case(
        name="cut-before-content",
        what="so does one that is cut before any content",
        source="LiteLLM #38610",
        targets=(
            Target(name="cut-early", script=streams(ROLE, end=False), fallback="cut-early-b"),
            _other("cut-early-b"),
        ),
        check=_falls_back(CHAT, "cut-early", stream=True),
    ),
    Case(
        name="messages-before-content",
        what="on /v1/messages: a stream that fails before content falls back",
        source="LiteLLM #29223",
        targets=(
            Target(
                name="error-m",
                provider="anthropic",
                script=streams(message_start(messages_usage(100, 1)), MESSAGES_ERROR),
                fallback="error-m-b",
            ),
            Target(
                name="error-m-b",
                provider="anthropic",
                script=streams(
                    message_start(messages_usage(100, 1)), *text_block("From the other one."), *message_end(5)
                ),
            ),
        ),
        check=_falls_back(MESSAGES, "error-m", stream=True),
    ),
    Case(
        name="error-mid-stream",
        what="an error in the middle of a stream is told and no success",
        source="LiteLLM #24004",
        targets=(Target(name="error-mid", script=streams(*_HALF, ERROR_EVENT, DONE, pause=PAUSE)),),
        check=_seen_and_noted(CHAT, "error-mid"),
    ),
    Case(
        name="error-mid-messages",
        what="the same on /v1/messages",
        source="LiteLLM #29223",
        targets=(Target(name="error-mid-m", provider="anthropic", script=streams(*_MESSAGES_FAIL, pause=PAUSE)),),
        check=_seen_and_noted(MESSAGES, "error-mid-m"),
    ),
    Case(
        name="error-mid-translated",
        what="the same from an Anthropic target to a chat client",
        source="LiteLLM #36768",
        targets=(Target(name="error-mid-t", provider="anthropic", script=streams(*_MESSAGES_FAIL, pause=PAUSE)),),
        check=_seen_and_noted(CHAT, "error-mid-t"),
    ),
    Case(
        name="died-mid-stream",
        what="a provider that dies in the middle of a stream is no success",
        source="Portkey #267",
        targets=(Target(name="died-mid", script=streams(*_HALF, end=False, pause=PAUSE)),),
        check=_seen_and_noted(CHAT, "died-mid"),
    ),
    Case(
        name="died-mid-messages",
        what="the same on /v1/messages",
        source="Portkey #267",
        targets=(
            Target(name="died-mid-m", provider="anthropic", script=streams(*_MESSAGES_CAME, end=False, pause=PAUSE)),
        ),
        check=_seen_and_noted(MESSAGES, "died-mid-m"),
    ),
    Case(
        name="ended-without-end",
        what="a stream that ends in good order, but without its last events, is no success",
        source="LiteLLM #38610",
        targets=(Target(name="ended-mid-m", provider="anthropic", script=streams(*_MESSAGES_CAME, pause=PAUSE)),),
        check=_seen_and_noted(MESSAGES, "ended-mid-m"),
    ),
    Case(
        name="died-mid-answer",
        what="half an answer is no 200",
        source="Portkey #267",
        targets=(Target(name="died", script=cut(_head_of(completion("Hello " * 50, _USAGE)))),),
        check=_died,
    ),
    Case(
        name="retry-after",
        what=f"a provider that asks for {WAIT} s gets them",
        source="OpenAI's reference",
        targets=(Target(name="limited", script=_limited),),
        check=_waits,
    ),
    Case(
        name="not-repeated",
        what="a request that the provider refuses (400) is not repeated",
        source="control",
        targets=(Target(name="refused", script=answers({"error": _REFUSED}, status=400)),),
        check=_not_repeated,
    ),
)
