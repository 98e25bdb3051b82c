"""Cases: what nobody may get past, and what nobody may say about themselves."""

from decimal import Decimal
from typing import Any

from benchmarks.wrongs.answers import (
    DONE,
    ROLE,
    answers,
    chat_usage,
    chunk,
    completion,
    message,
    messages_usage,
    streams,
    usage_chunk,
)
from benchmarks.wrongs.case import Case, Check, Finding, Gateway, KeyWish, Target, judged, price_of
from benchmarks.wrongs.cost import CHAT, MESSAGES, TEXT, chat, messages

EMBEDDINGS = "/v1/embeddings"
CALLERS = 40
BUDGET = "0.05"
"""USD: five cents."""

SLOW = 0.3
_INPUT, _OUTPUT = 20, 1000
_EACH = price_of(input=_INPUT, output=_OUTPUT)
_EMBEDDED = 2_000
_EACH_EMBEDDING = price_of(input=_EMBEDDED)
_USAGE = chat_usage(_INPUT, _OUTPUT)


def _holds(path: str, model: str, body: dict[str, Any], each: Decimal) -> Check:
    """Many at once against a budget for a few: what the provider charges in the end is within it."""

    def check(gateway: Gateway) -> Finding:
        replies = gateway.at_once(CALLERS, path, body, key=gateway.key(model))
        served = len(gateway.upstream.seen.get(model, []))
        spent = each * served
        refused = sorted({reply.status for reply in replies if reply.status != 200})
        seen = f"{served} of {CALLERS} calls went out: {spent.normalize():f} of {BUDGET} USD; others {refused}"
        return judged(0 < served < CALLERS and spent <= Decimal(BUDGET), seen)

    return check


def _after_restart(gateway: Gateway) -> Finding:
    """What was spent is not forgotten, and what is left can be spent."""
    key, model = gateway.key("restarted"), "restarted"
    body = chat(model, max_tokens=_OUTPUT)
    for _ in range(6):
        gateway.post(CHAT, body, key=key)
    before = len(gateway.upstream.seen.get(model, []))
    gateway.restart()
    statuses = [gateway.post(CHAT, body, key=key).status for _ in range(4)]
    after = len(gateway.upstream.seen.get(model, [])) - before
    spent = _EACH * (before + after)
    seen = f"{before} calls before, {after} after it: {spent.normalize():f} of 0.025 USD; answers {statuses}"
    return judged(before > 0 and spent <= Decimal("0.025"), seen)


def _uncapped(gateway: Gateway) -> Finding:
    """Without a cap of the client's, or with a cap of 0, the provider gets one that the budget can pay, or nothing."""
    seen: list[str] = []
    right = True
    for fields in ({}, {"max_tokens": 0}, {"max_tokens": None}, {"max_tokens": -1}):
        gateway.upstream.reset()
        reply = gateway.post(CHAT, {**chat("uncapped"), **fields}, key=gateway.key("uncapped"))
        requests = gateway.upstream.seen.get("uncapped", [])
        caps = [one.json.get("max_completion_tokens", one.json.get("max_tokens")) for one in requests]
        payable = all(isinstance(cap, int) and 0 <= price_of(output=cap) <= Decimal(BUDGET) for cap in caps)
        right = right and payable and (bool(requests) or reply.status >= 400)
        seen.append(f"{fields or 'no max_tokens'}: {reply.status}, the provider got {caps or 'nothing'}")
    return judged(right, "; ".join(seen))


def _many_answers(gateway: Gateway) -> Finding:
    """`n` multiplies what a call can cost."""
    body = chat("many", max_tokens=_OUTPUT, n=100)
    reply = gateway.post(CHAT, body, key=gateway.key("many"))
    served = len(gateway.upstream.seen.get("many", []))
    return judged(not served and reply.status >= 400, f"100 answers of 1,000 tokens for 5 cents: {reply}")


def _own_fallbacks(gateway: Gateway) -> Finding:
    """A key of one model, and a body that names another in every way there is."""
    key = gateway.key("listed")
    wishes: tuple[dict[str, Any], ...] = (
        {"model": "unlisted"},
        {"fallbacks": ["unlisted"]},
        {"fallbacks": [{"listed": ["unlisted"]}]},
        {"models": ["unlisted"], "route": "fallback"},
        {"genaiops": {"fallbacks": ["unlisted"]}},
        {"mock_testing_fallbacks": True, "fallbacks": ["unlisted"]},
    )
    statuses = [gateway.post(CHAT, {**chat("listed"), **wish}, key=key).status for wish in wishes]
    reached = len(gateway.upstream.seen.get("unlisted", []))
    return judged(reached == 0, f"the other model was reached {reached} times; answers {statuses}")


def _no_other_address(gateway: Gateway) -> Finding:
    """Every field and header that some gateway takes an address from."""
    place = f"{gateway.upstream.url('elsewhere')}/v1"
    fields = ("api_base", "base_url", "custom_host", "endpoint", "api_url", "provider_url")
    bodies: list[dict[str, Any]] = [{name: place} for name in fields]
    bodies += [{"api_base": place, "api_key": "sk-of-the-client"}, {"metadata": {"api_base": place}}]
    bodies += [{name: {"api_base": place, "base_url": place}} for name in ("litellm_params", "extra_body", "genaiops")]
    model = {"model_name": "addressed", "litellm_params": {"model": "openai/x", "api_base": place, "api_key": "k"}}
    bodies += [{"user_config": {"model_list": [model]}}, {"model_list": [model]}]
    statuses = {gateway.post(CHAT, {**chat("addressed"), **body}).status for body in bodies}
    for name in (
        "x-portkey-custom-host",
        "helicone-target-url",
        "x-litellm-api-base",
        "x-api-base",
        "x-forwarded-host",
    ):
        statuses.add(gateway.post(CHAT, chat("addressed"), headers={name: place}).status)
    reached = len(gateway.upstream.seen.get("elsewhere", []))
    sent = len(gateway.upstream.seen.get("addressed", []))
    seen = f"the other address was reached {reached} times; answers {sorted(statuses)}"
    return judged(reached == 0 and sent > 0, seen)


def _user_is_a_word(gateway: Gateway) -> Finding:
    """Whose call it was does not change with what the body says."""
    gateway.post(CHAT, chat("user"))
    gateway.post(CHAT, chat("user", user="the-chief", metadata={"user_id": "the-chief"}))
    records = gateway.records("user", 2)
    who, users = {record.who for record in records}, {record.user for record in records}
    right = len(records) == 2 and len(who) == 1 and users == {None}
    return judged(
        right, f"{len(records)} calls of {len(who)} caller; taken for established: {users - {None} or 'no user'}"
    )


_EMBEDDING = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
    "usage": {"prompt_tokens": _EMBEDDED, "total_tokens": _EMBEDDED},
}
_STREAM = (ROLE, chunk("Hello"), chunk(finish="stop"), usage_chunk(_USAGE), DONE)

CASES = (
    Case(
        name="budget-chat",
        what=f"{CALLERS} calls at once do not pass a hard budget of five cents",
        source="LiteLLM #27735, #26672",
        targets=(Target(name="money-chat", script=answers(completion("Hello", _USAGE), after=SLOW)),),
        keys=(KeyWish(name="money-chat", budget=BUDGET),),
        check=_holds(CHAT, "money-chat", chat("money-chat", max_tokens=_OUTPUT), _EACH),
    ),
    Case(
        name="budget-stream",
        what="the same with streams",
        source="LiteLLM #27735",
        targets=(Target(name="money-stream", script=streams(*_STREAM, after=SLOW)),),
        keys=(KeyWish(name="money-stream", budget=BUDGET),),
        check=_holds(CHAT, "money-stream", chat("money-stream", max_tokens=_OUTPUT, stream=True), _EACH),
    ),
    Case(
        name="budget-messages",
        what="the same on /v1/messages",
        source="LiteLLM #38176",
        targets=(
            Target(
                name="money-messages",
                provider="anthropic",
                script=answers(message(TEXT, messages_usage(_INPUT, _OUTPUT)), after=SLOW),
            ),
        ),
        keys=(KeyWish(name="money-messages", budget=BUDGET),),
        check=_holds(MESSAGES, "money-messages", messages("money-messages", max_tokens=_OUTPUT), _EACH),
    ),
    Case(
        name="budget-embeddings",
        what="the same on /v1/embeddings",
        source="LiteLLM #38176",
        targets=(
            Target(
                name="money-embeddings",
                upstream_model="text-embedding-3-small",
                embeddings=True,
                script=answers(_EMBEDDING, after=SLOW),
            ),
        ),
        keys=(KeyWish(name="money-embeddings", budget=BUDGET),),
        check=_holds(
            EMBEDDINGS, "money-embeddings", {"model": "money-embeddings", "input": "word " * _EMBEDDED}, _EACH_EMBEDDING
        ),
    ),
    Case(
        name="budget-restart",
        what="what was spent is not forgotten by a restart",
        source="LiteLLM #27735, Bifrost #6434",
        targets=(Target(name="restarted", script=answers(completion("Hello", _USAGE))),),
        keys=(KeyWish(name="restarted", budget="0.025"),),
        check=_after_restart,
    ),
    Case(
        name="budget-uncapped",
        what="without max_tokens, or with 0, a hard budget still bounds the call",
        source="LiteLLM #26672",
        targets=(Target(name="uncapped", script=answers(completion("Hello", chat_usage(20, 10)))),),
        keys=(KeyWish(name="uncapped", budget=BUDGET),),
        check=_uncapped,
    ),
    Case(
        name="budget-many-answers",
        what="nor can n = 100 answers pass it",
        source="LiteLLM #26672",
        targets=(Target(name="many", script=answers(completion("Hello", chat_usage(20, 100_000)))),),
        keys=(KeyWish(name="many", budget=BUDGET),),
        check=_many_answers,
    ),
    Case(
        name="key-models",
        what="a key of one model reaches no other through a body's fallbacks",
        source="LiteLLM's keys",
        targets=(
            Target(name="listed", script=answers({"error": {"message": "no"}}, status=503)),
            Target(name="unlisted", script=answers(completion("Hello", _USAGE))),
        ),
        keys=(KeyWish(name="listed", models=("listed",)),),
        check=_own_fallbacks,
    ),
    Case(
        name="address",
        what="a request cannot choose the address it is sent to",
        source="Portkey CVE-2025-66405, #1718",
        targets=(
            Target(name="addressed", script=answers(completion("Hello", _USAGE))),
            Target(name="elsewhere", script=answers(completion("Gotcha", _USAGE))),
        ),
        check=_no_other_address,
    ),
    Case(
        name="user-field",
        what="a body's user is no identity",
        source="docs/security.md",
        targets=(Target(name="user", script=answers(completion("Hello", _USAGE))),),
        check=_user_is_a_word,
    ),
)
