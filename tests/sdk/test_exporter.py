"""Spans and scores reach the server, or are counted: while it is away, full, unwilling; in children and at exit."""

import logging
import os
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest

import genaiops
from genaiops.sdk._exporter import Exporter
from genaiops.sdk._settings import Settings, settings_from
from genaiops.sdk._span import Span
from tests.app.running import until
from tests.sdk.collector import Collector

REFUSAL = {"error": {"message": "That key may not.", "type": "permission_error", "code": "forbidden", "param": None}}


def step(name: str = "step") -> None:
    with genaiops.trace(name):
        pass


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "genaiops"]


def test_spans_leave_by_themselves(collector: Collector) -> None:
    step()
    until(lambda: collector.spans, "the span")
    assert until(lambda: genaiops.counts().sent, "its count") == 1


def test_while_the_server_is_away_they_are_kept(fresh: None, caplog: pytest.LogCaptureFixture) -> None:
    gone = Collector()
    gone.close()
    genaiops.configure(url=gone.url, api_key="k")
    for _ in range(3):
        step()
        assert not genaiops.flush()
    assert genaiops.counts() == (0, 0, 3)
    (message,) = told(caplog)
    assert "kept for later" in message
    assert "Nothing answers at" in message


def test_they_are_sent_when_it_is_back(collector: Collector) -> None:
    answers = iter([(503, {}, REFUSAL), (429, {"retry-after": "0.01"}, REFUSAL)])
    collector.reply = lambda _: next(answers, (200, {}, {}))
    for number in range(3):
        step(f"step {number}")
    until(lambda: genaiops.flush() or None, "the server")
    assert sorted(span.name for span in collector.spans) == ["step 0", "step 1", "step 2"]
    assert genaiops.counts() == (3, 0, 0)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, {}, REFUSAL), "That key may not"),
        ((200, {}, {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "over the quota"}}), "over the quota"),
        ((404, {}, "what?"), "Check that the address"),
    ],
)
def test_what_is_refused_is_counted_and_told_once(
    collector: Collector, caplog: pytest.LogCaptureFixture, answer: Any, why: str
) -> None:
    collector.reply = lambda _: answer
    for _ in range(2):
        step()
        assert genaiops.flush()
    assert genaiops.counts() == (0, 2, 0)
    (message,) = told(caplog)
    assert why in message


def test_what_does_not_fit_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(url="http://127.0.0.1:9", api_key="k", queue=5)
    exporter = Exporter(settings, "0")
    for _ in range(8):
        span = Span("x", "other", None, settings, capture=False)
        span.end()
        exporter.put(span)
    exporter.close()
    assert (exporter.counts.dropped, exporter.counts.waiting) == (3, 5)
    assert len([message for message in told(caplog) if "queue" in message]) == 1


def test_without_a_key_nothing_fails(
    fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path))
    monkeypatch.delenv("GENAIOPS_API_KEY", raising=False)
    genaiops.configure(url="http://127.0.0.1:9")
    step()
    assert not genaiops.flush()
    assert "There is no key" in told(caplog)[0]


def test_it_can_be_off(collector: Collector) -> None:
    genaiops.configure(enabled=False)
    with genaiops.trace("x", session="c"):
        assert genaiops.score("thumbs", 1) is None
        assert genaiops.headers()
    assert genaiops.flush()
    assert genaiops.counts() == (0, 0, 0)


def test_what_the_environment_says() -> None:
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop, deployment=eu ,broken", "GENAIOPS_CAPTURE": "off"}
    found = settings_from(environ)
    assert (found.service, found.resource, found.capture, found.enabled) == ("shop", {"deployment": "eu"}, False, True)
    assert settings_from({**environ, "OTEL_SERVICE_NAME": "other"}).service == "other"
    assert not settings_from({"OTEL_SDK_DISABLED": "true"}).enabled
    assert not settings_from({"GENAIOPS_TRACING": "off"}).enabled


def test_many_threads_lose_nothing(collector: Collector) -> None:
    def work() -> None:
        for _ in range(200):
            step()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert genaiops.flush(30)
    assert len({span.span_id for span in collector.spans}) == len(collector.spans) == 800
    assert genaiops.counts() == (800, 0, 0)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_sends_its_own_and_nothing_twice(collector: Collector) -> None:
    with genaiops.trace("parent"):
        step("before")
        child = os.fork()
        if child == 0:
            step("in the child")
            os._exit(0 if genaiops.flush(20) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert genaiops.flush()
    assert sorted(span.name for span in collector.spans) == ["before", "in the child", "parent"]
    assert collector.named("in the child").parent == collector.named("parent").span_id


def program(text: str, collector: Collector) -> subprocess.CompletedProcess[str]:
    variables = {"GENAIOPS_URL": collector.url, "GENAIOPS_API_KEY": "k", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", textwrap.dedent(text)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


def test_a_program_that_ends_sends_what_it_has(collector: Collector) -> None:
    done = program(
        """
        import genaiops
        with genaiops.trace("last words", kind="agent"):
            genaiops.score("helpful", True)
        """,
        collector,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    span = collector.named("invoke_agent last words")
    ((trace_id, score),) = collector.scores
    assert (trace_id, score["name"], score["value"]) == (span.trace_id, "helpful", 1.0)


def test_a_program_ends_also_without_a_server(collector: Collector) -> None:
    collector.reply = lambda _: (503, {}, REFUSAL)
    done = program("import genaiops\nwith genaiops.trace('x'):\n    print('done')", collector)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "kept for later" in done.stderr


# -- scores


def test_a_score_of_the_current_trace(collector: Collector) -> None:
    with genaiops.trace("answer") as span:
        first = genaiops.score("tone", "friendly", comment="by rule", identifier="tone-1")
        genaiops.score("correct", 0.5, span_id=span.span_id, source="model")
    assert genaiops.flush()
    assert first == "tone-1"
    assert {trace_id for trace_id, _ in collector.scores} == {span.trace_id}
    tone, correct = (body for _, body in collector.scores)
    assert (tone["label"], tone["identifier"], tone["comment"]) == ("friendly", "tone-1", "by rule")
    assert (correct["value"], correct["source"], correct["span_id"]) == (0.5, "model", span.span_id)


def test_a_score_waits_for_its_trace(collector: Collector) -> None:
    answers = iter([(404, {}, {"error": {"message": "There is no trace.", "code": "not_found"}})] * 2)
    collector.reply = lambda path: next(answers, (200, {}, {})) if path.endswith("scores") else (200, {}, {})
    assert genaiops.score("thumbs", 1, trace_id="AB" * 16, source="user")
    assert genaiops.flush(30)
    assert [trace_id for trace_id, _ in collector.scores] == ["ab" * 16]


def test_scores_that_cannot_be(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "genaiops")
    assert genaiops.score("nowhere", 1) is None
    assert genaiops.score("nowhere", 1, trace_id="../keys") is None
    assert genaiops.score("nothing", None, trace_id="ab" * 16) is None
    assert genaiops.score("nothing", float("nan"), trace_id="ab" * 16) is None
    assert len(told(caplog)) == 2
    assert genaiops.current_trace_id() is None
