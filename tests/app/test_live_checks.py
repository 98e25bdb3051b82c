"""Checks of suites on live calls: what counts, what does not and is told, and each once, whenever the process ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.app.fact_checking import FactChecking
from genaiops.app.home import Home
from genaiops.app.live_checks import LiveChecks, identifier
from genaiops.app.live_judges import LiveJudges
from genaiops.app.publish import Publisher
from genaiops.app.settings import Settings
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Experiment, Score, Span
from genaiops.domain.experiments import CheckedCalls, ExperimentMetric, ExperimentPlan, ExperimentTally, GuardMetric
from genaiops.engines.runs_sql import open_runs
from genaiops.engines.secrets_file import open_secrets
from genaiops.hub import NewExperiment
from genaiops.ports.telemetry import Batch
from genaiops.watch._spans import ended, spans_of
from tests.app.test_experimenting import Life
from tests.app.test_experimenting import life as made_life
from tests.watch.calls import REQUEST, admitted, settled, trace_id

life = made_life

MINUTE_US = 60_000_000
SUITE: dict[str, Any] = {
    "kind": "suite",
    "case": [{"input": "Hi"}],
    "target": [{"name": "it", "model": "echo"}],
    "check": [
        {"name": "kind", "metric": "icontains", "options": {"values": ["please"]}, "margin": 0.1},
        {"name": "grounded", "metric": "groundedness"},
        {"name": "german", "metric": "language", "options": {"code": "de"}},
        {
            "name": "asked",
            "metric": "judge",
            "options": {"template": "bias", "panel": [{"url": "http://127.0.0.1:9/v1/chat"}]},
        },
    ],
    "gate": {"baseline": "it"},
}
LONG = "Bitte warten Sie noch drei Tage, please; dann ist das Paket bestimmt bei Ihnen angekommen."


def checks_of(life: Life, folder: Path) -> LiveChecks:
    home = Home(folder / "home")
    home.path.mkdir(exist_ok=True)
    runs = open_runs(f"sqlite:///{folder}/runs.db")
    facts = FactChecking(life.blobs, runs, home.path)
    publisher: Publisher = None  # type: ignore[assignment] (nobody is asked through the gateway)
    judges = LiveJudges(
        Settings(home=str(home.path)), home, runs, life.hub, publisher, open_secrets(home.path), lambda: life.now_us
    )
    return LiveChecks(
        life.hub,
        life.store,
        life.telemetry,
        life.blobs,
        facts,
        judges,
        machine="here",
        clock=lambda: life.now_us,
    )


@pytest.fixture
def checks(life: Life, tmp_path: Path) -> LiveChecks:
    version = life.hub.artifacts.register("suite", "polite", SUITE, by="admin")
    life.hub.artifacts.move("suite/polite", "prod", version.id, by="admin")
    return checks_of(life, tmp_path)


def begin(life: Life, *guards: GuardMetric, spend: str | None = None, **more: Any) -> Experiment:
    plan = ExperimentPlan(
        primary=ExperimentMetric(metric="check/kind", better="higher"),
        guards=guards,
        share=50,
        window_us=1_000_000,
        suite="polite@prod",
        spend=spend,
        **more,
    )
    new = NewExperiment(name="live", application="support", environment="dev", candidate=life.releases[1], plan=plan)
    life.hub.experiments.create(new, by="admin")
    return life.experiments.start(life.hub, "live", by="admin")


def call(life: Life, number: int, answer: str | None = "Please wait.", **facts: Any) -> None:
    """Even ones are served by the candidate; each is of another user. `answer` None: it is not kept."""
    known: dict[str, Any] = {
        "user_id": f"user {number}",
        "application": "support",
        "release": life.releases[1 - number % 2].partition("@")[2],
        "deployment": "support@dev",
        "start_us": life.now_us,
    }
    body = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()
    if answer is None:
        known["capture"] = "preview"
    end = ended(settled(number))
    if facts.pop("failed", False):
        end = msgspec.structs.replace(end, status="error", error_type="upstream_500")
    spans, content = spans_of(admitted(number, **{**known, **facts}), end, REQUEST, body, life.blobs)
    life.telemetry.write(Batch(spans=spans, contents=[content] if content else []))


def span_of(life: Life, number: int) -> Span:
    trace = life.telemetry.trace(trace_id(number))
    assert trace is not None
    return trace.spans[0]


def counted(life: Life, metric: str) -> tuple[CheckedCalls, CheckedCalls]:
    arms = life.experiments.tally("live").checked.get(metric, {})
    return arms.get("candidate", CheckedCalls()), arms.get("baseline", CheckedCalls())


def over(life: Life) -> ExperimentTally:
    """When the time of all users is."""
    life.now_us += MINUTE_US
    life.experiments.step()
    return life.experiments.tally("live")


async def test_what_a_check_says_counts_as_a_score_does(life: Life, checks: LiveChecks) -> None:
    begin(life, GuardMetric(metric="check/german", better="higher", margin=0.1))
    for number, answer in enumerate(("Please wait.", LONG, "No.", LONG), start=2):
        call(life, number, answer)
    call(life, 8, None)
    call(life, 10, failed=True)
    life.experiments.step()
    assert await checks.step() == 1
    assert await checks.step() == 0
    assert counted(life, "check/kind") == (CheckedCalls(scored=2, unkept=1, unanswered=1), CheckedCalls(scored=2))
    german = counted(life, "check/german")
    assert german == (CheckedCalls(errors=2, unkept=1, unanswered=1), CheckedCalls(scored=2))
    assert "too short" in life.experiments.tally("live").faults["check/german"]
    tally = over(life)
    assert tally.counted == {"candidate": 4, "baseline": 2}
    kind = tally.sums["check/kind"]
    assert (kind["candidate"].n, kind["candidate"].mean, kind["baseline"].mean) == (2, 0.5, 1.0)
    assert "candidate" not in tally.sums["check/german"]  # an error is no score, and no 0
    trace = life.telemetry.trace(trace_id(2))
    assert trace is not None
    assert [(one.name, one.value, one.source, one.created_by) for one in trace.scores] == [
        ("check/kind", 1.0, "code", "experiment/live")
    ]


async def test_it_is_decided_by_a_check_in_the_words_of_its_gate(life: Life, checks: LiveChecks) -> None:
    begin(life, GuardMetric(metric="errors", better="lower", margin=0.1), most=1000)
    for number in range(2, 402):
        call(life, number, "Please wait." if number % 2 else "Wait.")
    life.experiments.step()
    await checks.step()
    over(life)
    done = life.hub.experiments.get("live")
    assert (done.state, done.outcome) == ("ended", "worse")
    assert "difference -1, at worst 1." in done.reason
    assert "worse with 95% confidence; 0.1 is allowed" in done.reason


async def test_calls_without_passages_and_those_that_nobody_pays_for_are_told(life: Life, checks: LiveChecks) -> None:
    begin(
        life,
        GuardMetric(metric="check/grounded", better="higher", margin=0.1),
        GuardMetric(metric="check/asked", better="lower", margin=0.1, sample=1.0),
        spend="1",
    )
    call(life, 2)
    life.experiments.step()
    await checks.step()
    assert counted(life, "check/grounded")[0] == CheckedCalls(lacking=1)
    assert counted(life, "check/asked")[0] == CheckedCalls(errors=1)  # nobody is there who could be asked
    assert "gave no answer" in life.experiments.tally("live").faults["check/asked"]
    call(life, 4)
    judged = Score(
        identifier=identifier(life.hub.experiments.get("live"), span_of(life, 4), "check/asked"),
        trace_id=trace_id(4),
        name="check/asked",
        value=0.5,
        source="model",
        created_us=life.now_us,
    )
    life.telemetry.add_score(judged)  # it had answered when the process ended
    life.experiments.step()
    await checks.step()
    assert counted(life, "check/asked")[0] == CheckedCalls(errors=1, scored=1)
    assert counted(life, "check/kind")[0] == CheckedCalls(scored=2)


class _Judge(BaseHTTPRequestHandler):
    """Says N, and that it has cost 0.4."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"choices": [{"message": {"content": "Verdict: N"}}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-genaiops-cost", "0.4")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name in the base class)
        """Nothing on standard error."""


@pytest.fixture
def judge_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Judge)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/chat"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_nothing_is_asked_that_the_money_may_not_suffice_for(life: Life, tmp_path: Path, judge_url: str) -> None:
    judged = {"name": "asked", "metric": "judge", "options": {"template": "bias", "panel": [{"url": judge_url}]}}
    suite = {**SUITE, "check": [SUITE["check"][0], judged]}
    version = life.hub.artifacts.register("suite", "polite", suite, by="admin")
    life.hub.artifacts.move("suite/polite", "prod", version.id, by="admin")
    checks = checks_of(life, tmp_path)
    begin(life, GuardMetric(metric="check/asked", better="lower", margin=0.1, sample=1.0), spend="1")
    for number in (2, 4, 6):
        call(life, number, f"Please wait for {number} days.")
    life.experiments.step()
    await checks.step()
    # Of three, two fit: the third could take it beyond 1.
    assert counted(life, "check/asked")[0] == CheckedCalls(scored=2, unpaid=1)
    assert counted(life, "check/kind")[0] == CheckedCalls(scored=3)  # what costs nothing goes on
    tally = life.experiments.tally("live")
    assert (tally.spent_nano, "At most 1 may be spent" in tally.faults["check/asked"]) == (800_000_000, True)
    # After a restart what was spent is known, and no price: one call shows it, and no more are paid whenever it starts.
    for number in (8, 10):
        call(life, number, f"Please wait for {number} days.")
        life.experiments.step()
        await checks_of(life, tmp_path).step()
    assert counted(life, "check/asked")[0] == CheckedCalls(scored=3, unpaid=2)
    tally = over(life)
    assert (tally.spent_nano, tally.sums["check/asked"]["candidate"].n) == (1_200_000_000, 3)


async def test_a_share_of_the_calls_is_drawn_by_lot(life: Life, checks: LiveChecks) -> None:
    begin(life, GuardMetric(metric="check/german", better="higher", margin=0.1, sample=0.25))
    for number in range(2, 202):
        call(life, number, LONG)
    life.experiments.step()
    await checks.step()
    drawn = sum(one.scored for one in counted(life, "check/german"))
    assert 20 <= drawn <= 85  # of a fair quarter of 200 far outside of one in a million
    assert sum(one.scored for one in counted(life, "check/kind")) == 200


def test_weights_that_are_not_there_are_told_before_it_begins(life: Life, checks: LiveChecks) -> None:
    toxic = {"name": "toxic", "metric": "toxicity", "threshold": 0.5}
    life.hub.artifacts.register("suite", "toxic", {**SUITE, "check": [toxic]}, by="admin")
    found = life.hub.artifacts.versions("suite/toxic")[0].id.removeprefix("suite/")
    plan = ExperimentPlan(primary=ExperimentMetric(metric="check/toxic", better="higher"), suite=found)
    new = NewExperiment(name="toxic", application="support", environment="dev", candidate=life.releases[1], plan=plan)
    made = life.hub.experiments.create(new, by="admin")
    with pytest.raises(GenaiopsError, match="minilm"):
        checks.ready(made)


_CHECKING = """
import asyncio, sys
from pathlib import Path
from genaiops.app import live_checks
from tests.app.test_experimenting import Life
from tests.app.test_live_checks import checks_of
live_checks._PURE = 7
folder = Path(sys.argv[1])
life = Life.again(folder)
checks = checks_of(life, folder)
keep = live_checks.keep_looked_at
def told(*given):
    kept = keep(*given)
    print("kept", flush=True)
    return kept
live_checks.keep_looked_at = told
asyncio.run(checks.step())
"""


def test_killed_in_the_middle_no_call_is_looked_at_twice(life: Life, checks: LiveChecks, tmp_path: Path) -> None:
    calls = 120
    begin(life, GuardMetric(metric="check/german", better="higher", margin=0.1))
    for number in range(2, 2 + calls):
        call(life, number, LONG if number % 4 else None)
    life.experiments.step()
    life.telemetry.close()  # one process writes
    process = subprocess.Popen([sys.executable, "-c", _CHECKING, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == b"kept\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    life.close()
    again = Life.again(tmp_path)
    looked = sum(sum(msgspec.structs.astuple(one)) for one in counted(again, "check/kind"))
    assert 0 < looked < calls
    asyncio.run(checks_of(again, tmp_path).step())
    for metric in ("check/kind", "check/german"):
        both = counted(again, metric)
        assert sum(one.scored for one in both) == calls * 3 // 4
        assert sum(one.unkept for one in both) == calls // 4
    tally = over(again)
    assert tally.sums["check/kind"]["candidate"].n + tally.sums["check/kind"]["baseline"].n == calls * 3 // 4
    for number in range(2, 2 + calls):
        trace = again.telemetry.trace(trace_id(number))
        assert trace is not None
        assert len(trace.scores) == (2 if number % 4 else 0)
    again.close()
