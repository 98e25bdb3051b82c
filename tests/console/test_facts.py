"""Claims on the pages of traces and cases: marked in the answer, listed with what decides, put before people."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.web import build
from genaiops.core.clock import now_us
from genaiops.domain import Answer, Case, Run
from genaiops.hub import Said
from genaiops.ports.telemetry import Batch
from tests.console.seed import settings_of
from tests.console.test_empty import log_in
from tests.console.test_queues import post
from tests.engines.telemetry.calls import content, root, trace_id

PASSAGE = "The <b>Aurora</b> bridge was opened on 12 May 1931. It carries 23,000 vehicles a day."
SAID = "The bridge was opened on 12 May 1932. It carries 23,000 vehicles a day. Monks painted it."
TRACE, BARE = trace_id(1).hex(), trace_id(2).hex()
CASE = "/arena/runs/run_facts/case?id=q1"


def called(services: Services, number: int, *messages: dict[str, Any]) -> None:
    span = root(number, now_us(), environment_id="dev", content="inline")
    asked = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "When?"}, *messages]})
    answer = msgspec.json.encode({"choices": [{"message": {"role": "assistant", "content": SAID}}]})
    services.telemetry.write(Batch(spans=[span], contents=[content(span, input=asked, output=answer)]))


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = Home(tmp_path_factory.mktemp("facts") / "home")
    prepare(settings_of(home), {})
    services = Services(settings_of(home))
    services.folding.start()
    call = {"id": "c", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    tool = {"role": "tool", "tool_call_id": "c", "content": PASSAGE}
    called(services, 1, {"role": "assistant", "content": None, "tool_calls": [call]}, tool)
    called(services, 2)
    run = Run(
        id="run_facts",
        kind="evaluation",
        subject="suite/s@sha256:0",
        state="done",
        inputs={"environment": "environment/dev"},
        created_us=1,
        created_by="admin",
    )
    services.stores.runs.create(run, [Case(id="q1", input="When?", context=(PASSAGE,))])
    services.stores.runs.add(run.id, [Answer(target="new", case="q1", state="answered", output=SAID)])
    yield services
    services.close(1.0)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient[Litestar]]:
    with TestClient(build(services)) as client:
        log_in(client, services.home.admin_key)
        client.headers["accept"] = "text/html"
        yield client


@pytest.mark.parametrize("page", [f"/traces/{TRACE}", CASE])
def test_claims_are_marked_in_the_answer_and_stand_with_their_passages(client: TestClient[Litestar], page: str) -> None:
    text = client.get(page).text
    marks = re.findall(r'<mark class="claim-(\w+)" title="[^"]*likely supported">([^<]*)</mark>', text)
    assert marks == [
        ("refuted", "The bridge was opened on 12 May 1932."),
        ("supported", "It carries 23,000 vehicles a day."),
        ("not_enough_evidence", "Monks painted it."),
    ]
    assert "in no source: 1932" in text
    assert "The &lt;b&gt;Aurora&lt;/b&gt; bridge" in text
    assert "1 of 3 supported" in text
    assert "How often these verdicts are wrong" in text
    assert "calibration error" in text


def test_a_trace_without_sources_says_nothing_of_claims(client: TestClient[Litestar]) -> None:
    assert "claim-list" not in client.get(f"/traces/{BARE}").text


def test_one_click_puts_claims_before_people_and_shows_how_often_the_program_was_wrong(
    services: Services, client: TestClient[Litestar]
) -> None:
    fields = {"run": "run_facts", "case": "q1", "target": "new"}
    assert (
        "2 claims are in the queue facts now"
        in post(client, CASE, "/facts/queue", queue="facts", back=CASE, **fields).text
    )
    page = f"/traces/{TRACE}"
    assert (
        "claims are in the queue facts now"
        in post(client, page, "/facts/queue", queue="facts", back=page, trace=TRACE).text
    )
    assert "was wrong" not in client.get("/queues/facts/results").text
    labelling = services.hub.labelling(services.blobs)
    people = [
        services.hub.actors.create(name, "person", roles=["domain-expert"], by="admin").id for name in ("ann", "bob")
    ]
    for item in labelling.queues.items("facts"):
        for actor in people:
            said = Said(answers={"facts": [{"verdict": "refuted", "source": "the archive"}]})
            labelling.label("facts", item.place, said, by=actor)
    text = client.get("/queues/facts/results").text
    assert "How often the program was wrong" in text
    assert "4 claims" in text


def test_the_claims_of_a_whole_run_are_one_click_away(services: Services, client: TestClient[Litestar]) -> None:
    page = "/arena/runs/run_facts"
    assert "Let people check the facts" in client.get(page).text
    assert (
        "2 claims are in the queue all now"
        in post(client, page, "/facts/queue", queue="all", back=page, run="run_facts").text
    )


def test_what_is_no_queue_or_trace_is_told(client: TestClient[Litestar]) -> None:
    page = f"/traces/{TRACE}"
    assert "is no trace" in post(client, page, "/facts/queue", queue="facts", back=page, trace="zz").text
    assert "Not a name" in post(client, page, "/facts/queue", queue="Not a name", back=page, trace=TRACE).text
