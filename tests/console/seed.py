"""Two days of made-up calls, written through the telemetry port, so that every page has something to show."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.settings import Embedded, Settings
from genaiops.core.clock import now_us
from genaiops.domain import (
    Content,
    Cost,
    Energy,
    EnergyBasis,
    Range,
    ReleaseManifest,
    Route,
    RouteTarget,
    Scope,
    Span,
    Target,
    Usage,
)
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import Hub, NewApplication, NewBudget, NewKey, NewPrice, NewRateLimit
from genaiops.ports.telemetry import Batch
from tests.console.guard_seed import guarded
from tests.console.run_seed import evaluated

CALLS = 420
HOUR_US = 3_600_000_000
QUESTIONS = (
    ("Which colour has the sky at noon?", "Blue, because air scatters short wavelengths most."),
    ("Summarise the ticket: the printer is on fire.", "The customer's printer is burning and needs help at once."),
    ("Translate 'good morning' to Portuguese.", "Bom dia."),
    ("Write a haiku about queues.", "One by one they wait\nthe slow server breathes again\nnumbers fall like leaves"),
)
SCRIPT = json.dumps({"messages": [{"role": "user", "content": '<script>alert(1)</script> & "quotes"'}]})


def trace_id(number: int) -> bytes:
    return hashlib.sha256(b"trace %d" % number).digest()[:16]


def span_id(number: int, step: int) -> bytes:
    return hashlib.sha256(b"span %d %d" % (number, step)).digest()[:8]


def settings_of(home: Home) -> Settings:
    return Settings(home=str(home.path), embedded=Embedded(enabled=False))


def prepared(path: Path) -> Home:
    """A home after its first start, with targets, a route, keys, limits and a day of calls."""
    home = Home(path)
    prepare(settings_of(home), {})
    records = open_records(f"sqlite:///{home.records}")
    try:
        keys = _register(Hub(records))
    finally:
        records.close()
    telemetry = open_telemetry(home.telemetry, writer=True)
    try:
        now = now_us()
        for first in range(0, CALLS, 40):
            batches = [guarded(number, call(number, now, keys)) for number in range(first, min(first + 40, CALLS))]
            telemetry.write(
                Batch(
                    spans=[span for batch in batches for span in batch.spans],
                    contents=[content for batch in batches for content in batch.contents],
                    verdicts=[verdict for batch in batches for verdict in batch.verdicts],
                )
            )
    finally:
        telemetry.close()
    evaluated(home)
    return home


def _register(hub: Hub) -> Sequence[str]:
    echo = Target(
        id="echo",
        provider="echo",
        model="echo",
        upstream_model="echo",
        settings={"gap": "0.02"},
        operations=("chat", "text_completion", "image_generation"),
        created_us=0,
    )
    other = Target(
        id="west",
        provider="openai",
        model="large",
        upstream_model="large-2026",
        base_url="https://models.example/v1",
        created_us=0,
    )
    hub.targets.create_all([echo, other], by="admin")
    hub.routes.create(
        Route(id="support", targets=(RouteTarget("west", 3),), fallbacks=("echo",), created_us=0), by="admin"
    )
    hub.prices.set(NewPrice(provider="echo", model="echo", input="2.5", output="2.5"), by="admin")
    _artifacts(hub)
    made = [
        hub.keys.create(
            NewKey(name=name, actor_id="admin", environment_id=environment, application=application), by="admin"
        )[0]
        for name, environment, application in (("search-backend", "prod", "support"), ("batch-jobs", "dev", None))
    ]
    viewer = hub.actors.create("vera", "person", roles=("viewer",), by="admin")
    hub.keys.create(NewKey(name="vera", actor_id=viewer.id, scopes=("api",)), by="admin")
    team = Scope("team", "default")
    hub.budgets.create(NewBudget(scope=team, limit="0.2 USD"), by="admin")
    hub.budgets.create(NewBudget(scope=Scope("environment", "prod"), limit="1M tokens", hard=False), by="admin")
    hub.budgets.create(NewBudget(scope=team, limit="50 Wh", hard=False), by="admin")
    hub.rate_limits.create(NewRateLimit(scope=team, requests_per_minute=6000, concurrency=40), by="admin")
    return [key.id for key in made]


def prompt(system: str, **more: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": "{{ question }}"}],
        "variables": [{"name": "question"}],
        **more,
    }


def _artifacts(hub: Hub) -> None:
    """A prompt with three versions and an application with two releases that pin two of them."""
    texts = (
        "You answer customers of a printer shop. Answer in one sentence.",
        "You answer customers of a printer shop. Answer in two short sentences, and be kind.",
        "You answer customers of a printer shop. Answer in two short sentences.",
    )
    first, second, third = (
        hub.artifacts.register("prompt", "support/answer", prompt(text, parameters={"temperature": 0.2}), by="admin")
        for text in texts
    )
    hub.artifacts.register("dataset", "support/questions", {"rows": 120, "columns": ["question"]}, by="admin")
    hub.artifacts.move("prompt/support/answer", "dev", third.id, by="admin")
    hub.artifacts.move("prompt/support/answer", "prod", first.id, by="admin")
    hub.artifacts.move("prompt/support/answer", "prod", second.id, by="admin")
    hub.applications.create(NewApplication(name="support", title="Support assistant"), by="admin")
    hub.applications.acknowledge("support", "A model writes the answers, and the page says so.", by="admin")
    for version, note in ((first, "The first one"), (second, "Kinder answers")):
        manifest = ReleaseManifest(model="echo", parameters={"temperature": 0.2}, prompt=version.id)
        made = hub.releases.create("support", manifest, note=note, by="admin")
        hub.deployments.deploy("support", "dev", made.digest, by="admin")


def age_us(number: int) -> int:
    """How long ago the call began; calls are denser at some hours."""
    return number * 46 * HOUR_US // CALLS + int(0.9 * HOUR_US * (1 + math.sin(number / 23))) + 1_000_000


def call(number: int, now: int, keys: Sequence[str]) -> Batch:
    """One call: a root and an attempt; every ninth fails first at one target and is answered by another."""
    start = now - age_us(number)
    took = 180_000 + int(span_id(number, 9)[0] ** 1.4 * 900)
    fails, falls_back = number % 29 == 7, number % 9 == 4
    question, answer = QUESTIONS[number % len(QUESTIONS)]
    facts: dict[str, Any] = {
        "trace_id": trace_id(number),
        "operation": "chat",
        "environment_id": "prod" if number % 3 else "dev",
        "team_id": "default",
        "key_id": keys[0 if number % 3 else 1],
        "request_model": "support" if falls_back else "echo",
        "streamed": number % 2 == 0,
        **_person(number),
    }
    root = Span(
        span_id=span_id(number, 0),
        name=f"chat {facts['request_model']}",
        kind="gateway",
        start_us=start,
        duration_us=took,
        first_token_us=None if fails else took // 4,
        status="error" if fails else "ok",
        error_type="timeout" if fails else None,
        error_message="The target west sent no first token within 60 s." if fails else None,
        http_status=504 if fails else 200,
        target_id="west" if fails else "echo",
        request_id=f"req_{number:08d}",
        input_preview=question,
        output_preview="" if fails else answer,
        content="inline",
        **facts,
    )
    spans = [root]
    if falls_back:
        spans.append(_attempt(number, 1, start + 1000, took // 3, status="error", target_id="west", **facts))
    last = 2 if falls_back else 1
    begin = start + (took // 3 + 2000 if falls_back else 1000)
    rest = took - (begin - start) - 1000
    outcome: dict[str, Any] = {"status": "error", "target_id": "west"} if fails else {"target_id": "echo"}
    if not fails:
        used = Usage(input_uncached=24 + number % 90, output_text=12 + number % 40, estimated=number % 11 == 0)
        outcome |= {"usage": used, "owns_usage": True, "first_token_us": rest // 5}
        if number % 13 != 2:
            kwh = Range(1e-6, 2e-6, 4e-6).times(used.output_tokens)
            outcome["energy"] = Energy(
                EnergyBasis(method="modelled", model="factors 1"), kwh, kwh.times(400), water_l=kwh.times(3)
            )
        outcome["cost"] = Cost(None if number % 17 == 3 else used.total_tokens * 2500, price_id="echo/echo@1")
    spans.append(_attempt(number, last, begin, rest, **outcome, **facts))
    return Batch(spans=spans, contents=[_content(root, question, answer, number)])


def _person(number: int) -> dict[str, Any]:
    """Every second call belongs to somebody and to a talk of four calls; the label of one holds what pages escape."""
    if number % 2:
        return {}
    who = ("customer-42", "customer-7", "<b>mallory</b>")[number // 8 % 3]
    return {"user_id": who, "user_verified": who == "customer-42", "session_id": f"ticket/{4700 + number // 8}"}


def _attempt(number: int, step: int, start_us: int, duration_us: int, **facts: Any) -> Span:
    failed = facts.get("status") == "error"
    return Span(
        span_id=span_id(number, step),
        parent_id=span_id(number, 0),
        name=f"chat {facts['target_id']}",
        kind="llm",
        start_us=start_us,
        duration_us=duration_us,
        attempt=step,
        error_type="http_503" if failed else None,
        error_message="The provider is overloaded." if failed else None,
        provider="openai" if failed else "echo",
        **facts,
    )


def _content(root: Span, question: str, answer: str, number: int) -> Content:
    asked = (
        SCRIPT
        if number == 5
        else json.dumps(
            {
                "model": root.request_model,
                "messages": [
                    {"role": "system", "content": "You answer in one sentence."},
                    {"role": "user", "content": question},
                ],
            }
        )
    )
    said = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}]})
    return Content(
        trace_id=root.trace_id,
        span_id=root.span_id,
        start_us=root.start_us,
        input=asked.encode(),
        output=None if root.status == "error" else said.encode(),
        text=f"{question} {answer}",
        attributes={"genaiops.attempts": msgspec.Raw(b"{}")},
    )
