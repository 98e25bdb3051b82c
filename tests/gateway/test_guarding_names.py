"""Rules that ask others, in the way of a call: names by a service, languages and topics by a classifier, on sockets."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest

from genaiops.app import home as app_home
from genaiops.app.advice import Advice
from genaiops.app.settings import GuardOptions
from genaiops.domain import Finding, GuardRule, Provenance
from genaiops.guard import WorkerGuards
from tests.gateway.guard_cases import WAYS, Way, behind, body_of, encoded, holds, marked
from tests.gateway.guarding_calls import TICKET, asked, fragments, policy
from tests.gateway.harness import Home, key, running, target
from tests.gateway.test_guard_conformance import script_of
from tests.gateway.upstream import Script, Upstream, answers, completion, streams

SAID = "Is Ann Lee in Oslo?"
FOUND = [
    {"start": 3, "end": 10, "score": 0.85, "entity_type": "PERSON"},
    {"start": 14, "end": 18, "score": 0.85, "entity_type": "LOCATION"},
]
PEOPLE = GuardRule(id="people", detector="names", direction="in", action="redact", reversible=True, timeout_ms=20_000)


@asynccontextmanager
async def asking(home: Home, service: Script, names: bool = True) -> AsyncGenerator[Upstream]:
    """Who is asked stands on a socket of its own."""
    async with Upstream(service) as asked_service:
        url = f"{asked_service.url}/analyze"
        options = GuardOptions(names=f"presidio+{url}") if names else GuardOptions(classifiers=(f"mine={url}",))
        advice = Advice(app_home.Home(str(home.path)), options, home.secrets.get, timeout=20.0)
        home.guards = lambda: WorkerGuards(advice.classifiers, advice.names)
        try:
            yield asked_service
        finally:
            await advice.aclose()


@pytest.mark.parametrize("streamed", [False, True])
async def test_names_never_leave_and_come_back(home: Home, *, streamed: bool) -> None:
    told = "<PERSON_1> is in <LOCATION_1>."
    script = streams(*fragments(told, 5)) if streamed else answers(completion(told))
    async with asking(home, answers(FOUND)) as service, Upstream(script) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(PEOPLE),))
        async with running(home) as worker:
            got = await worker.post(body=asked(SAID, stream=streamed))
            await worker.quiet()
        assert service.seen[0].json["text"] == SAID
        assert upstream.seen[0].json["messages"][0]["content"] == "Is <PERSON_1> in <LOCATION_1>?"
        assert (b"Ann Lee" in got.body) is True
        assert got.headers["x-genaiops-guard"] == "redacted"
        assert all(b"Ann Lee" not in body and b"Oslo" not in body for body in home.bodies())
        [settled] = home.settled()
        [event] = settled.guard
        assert (event.rule, event.kinds) == ("people", {"person": 1, "location": 1})


async def test_without_an_answer_nothing_leaves(home: Home) -> None:
    async with asking(home, answers({"error": "out of memory"}, status=500)), Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(PEOPLE),))
        async with running(home) as worker:
            got = await worker.post(body=asked(SAID))
        assert (got.status, got.error["code"]) == (400, "content_filter")
        assert upstream.seen == []


@pytest.mark.parametrize(
    ("labels", "status"),
    [
        ([{"label": "JAILBREAK", "score": 0.99}, {"label": "BENIGN", "score": 0.01}], 400),
        ([{"label": "JAILBREAK", "score": 0.05}, {"label": "BENIGN", "score": 0.95}], 200),
        ([{"label": "WEATHER", "score": 0.9}], 200),  # nonsense: open, as the rule has it
    ],
)
async def test_a_classifier_of_ones_own(home: Home, labels: Any, status: int) -> None:
    rule = GuardRule(
        id="attacks",
        detector="injection",
        direction="in",
        action="block",
        timeout_ms=20_000,
        options={"classifier": "mine"},
    )
    async with asking(home, answers(labels), names=False) as service, Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule),))
        async with running(home) as worker:
            got = await worker.post(body=asked(SAID))
        assert got.status == status
        assert service.seen[0].json["inputs"] == SAID
        assert len(upstream.seen) == (status == 200)


class Tickets:
    """Finds one value, wherever it stands, and takes it for a name."""

    name = "tickets"

    async def find(self, text: str) -> list[Finding]:
        found: list[Finding] = []
        at = text.find(TICKET)
        while at >= 0:
            found.append(Finding(at, at + len(TICKET), "person", "pii"))
            at = text.find(TICKET, at + 1)
        return found


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_no_place_of_a_request_lets_a_name_through(home: Home, way: Way) -> None:
    """Of every third place of every way: which places there are is the surfaces', and tried with patterns. A rule that
    names every origin looks everywhere but in the names of fields."""
    every = GuardRule(
        id="people",
        detector="names",
        direction="in",
        action="redact",
        provenance=get_args(Provenance),
        timeout_ms=20_000,
    )
    home.guards = lambda: WorkerGuards(None, lambda _: Tickets())
    body = body_of(way)
    places = [(place, one) for place, one in marked(body) if not place.endswith("(name)")]
    reached = 0
    async with Upstream(script_of(way)) as upstream:
        home.publish(key(), targets=(behind(home, upstream, way.provider),), guards=(policy(every),))
        async with running(home) as worker:
            for place, one in places[::3]:
                before = len(upstream.seen)
                got = await worker.post(way.path, encoded(one))
                assert got.status < 500, (place, got.body)
                new = upstream.seen[before:]
                assert not any(holds(seen.body) for seen in new), place
                reached += any(b"PERSON_1" in seen.body for seen in new)
    assert reached > 0
