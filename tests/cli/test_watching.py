"""Traces, usage and the demonstration, against an installation that runs."""

import json
import select
import signal
import subprocess
import sys
from typing import Any

import pytest

from genaiops.core.ids import new_id
from genaiops.ports.telemetry import property_word
from tests.app.running import Installation, environment, until
from tests.cli.conftest import Shell


def asked(connected: Shell, installation: Installation, word: str) -> str:
    """The id of the trace of a call with that word in its prompt, once it is there."""
    assert installation.ask("talker", f"Tell me about {word}.").status == 200

    def found() -> str | None:
        rows = connected.ok("trace", "list", "--text", word, "--json").json()["data"]
        return rows[0]["trace_id"] if rows else None

    return until(found, "the trace")


def test_traces_by_property(connected: Shell, installation: Installation) -> None:
    # The words that stand for the properties, said in the prompt: the filter cannot tell the difference.
    asked(connected, installation, f"{property_word('plan', 'pro')} {property_word('step', 'a')}")
    listed = connected.ok("trace", "list", "--property", "plan=pro", "--property", "step=a")
    assert len(listed.column("TRACE")) == 1
    assert connected.ok("trace", "list", "--property", "plan=pro", "--property", "step=b").out == ""
    assert "has no name and value" in connected.run("trace", "list", "--property", "plan").err


def test_a_trace(connected: Shell, installation: Installation) -> None:
    word = new_id("word")
    trace_id = asked(connected, installation, word)
    listed = connected.ok("trace", "list", "--text", word, "--since", "1h", "--model", "talker", "--status", "ok")
    assert listed.column("TRACE") == [trace_id]
    assert connected.ok("trace", "list", "--text", word, "--status", "error").err.startswith("There is no such trace.")
    assert connected.ok("trace", "list", "--text", word, "--slower-than", "60000").out == ""

    shown = connected.ok("trace", "show", trace_id).out
    assert f"user:\n    Tell me about {word}." in shown
    assert "assistant:\n    It rains in Berlin today." in shown
    assert "attempt 1 at talker" in shown
    trace = connected.ok("trace", "show", trace_id, "--json").json()
    assert f"{trace['usage']['input_tokens']} in, {trace['usage']['output_tokens']} out" in shown
    assert ("cost          unknown" in shown) == (not trace["cost"]["known"])
    # Nobody knows what an echo uses.
    assert (trace["energy"]["known"], trace["energy"]["kwh"], "energy        unknown" in shown) == (0, None, True)


def test_a_trace_says_why_it_went_there_and_a_copy_whose_it_is(connected: Shell, installation: Installation) -> None:
    word = new_id("word")
    connected.ok("model", "add", "elsewhere", "--provider", "echo", "--setting", "text=Elsewhere.")
    connected.ok("budget", "set", "--app", "shadow/watched", "1000000 tokens")
    targets = ("--target", "talker", "--target", "elsewhere")
    connected.ok("route", "set", "watched", *targets, "--strategy", "least_busy", "--shadow", "elsewhere=1")
    assert installation.ask("watched", f"Tell me about {word}.").status == 200

    def found() -> list[dict[str, Any]] | None:
        rows = connected.ok("trace", "list", "--text", word, "--json").json()["data"]
        return rows if len(rows) == 2 else None

    traces = [connected.ok("trace", "show", row["trace_id"], "--json").json() for row in until(found, "both traces")]
    call, copy = sorted(traces, key=lambda one: "genaiops.shadow_of" in one["attributes"])
    assert copy["attributes"]["genaiops.shadow_of"] == call["trace_id"]
    assert copy["application"] == "shadow/watched"
    shown = connected.ok("trace", "show", call["trace_id"]).out
    assert "(first; least_busy of talker, elsewhere)" in shown
    assert "shadow chat watched" in connected.ok("trace", "show", copy["trace_id"]).out
    connected.ok("route", "remove", "watched")
    connected.ok("model", "remove", "elsewhere")


def test_a_trace_that_is_not_there(connected: Shell) -> None:
    ran = connected.run("trace", "show", "0" * 31 + "1")
    assert (ran.status, "There is no trace" in ran.err) == (2, True)


def tailing(installation: Installation, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "genaiops", "trace", "tail", "--home", str(installation.home.path), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())


def test_tail(connected: Shell, installation: Installation) -> None:
    with tailing(installation, "--model", "talker", "--count", "2", "--json") as tail:
        # What is asked before the tail listens is not shown: ask until it has seen two.
        until(lambda: installation.ask("talker").status == 200 and tail.poll() is not None, "the end of the tail")
        assert tail.stdout is not None
        rows = [json.loads(line) for line in tail.stdout]
    assert tail.returncode == 0
    assert [row["model"] for row in rows] == ["talker", "talker"]


def test_a_tail_that_is_interrupted(connected: Shell, installation: Installation) -> None:
    with tailing(installation) as tail:
        assert tail.stdout is not None
        reading = [tail.stdout]
        until(
            lambda: installation.ask("talker").status == 200 and bool(select.select(reading, [], [], 0)[0]),
            "the first line",
        )
        tail.send_signal(signal.SIGINT)
        printed = tail.stdout.read()
    assert tail.returncode == 0
    assert "talker" in printed


def test_usage(connected: Shell, installation: Installation) -> None:
    asked(connected, installation, new_id("word"))

    def counted() -> list[str]:
        ran = connected.ok("usage", "--by", "team", "--by", "model", "--since", "1h")
        return ran.column("MODEL") if ran.out else []

    assert "talker" in until(counted, "the usage")
    rows = connected.ok("usage", "--by", "model", "--json").json()["data"]
    row = next(row for row in rows if row["group"]["request_model"] == "talker")
    assert row["calls"] >= 1
    assert connected.ok("usage", "--step", "hour").column("FROM")
    assert "admin" in connected.ok("usage", "--by", "key").column("KEY")
    assert connected.run("usage", "--by", "weather").status == 2
    assert connected.run("usage", "weather").status == 2
    ran = connected.ok("usage", "anomalies", "--by", "model", "--json")
    assert {(row["state"], row["usual"]) for row in ran.json()["data"]} <= {("unknown", None)}
    shown = connected.ok("usage", "anomalies")
    assert set(shown.column("STATE") if shown.out else ()) <= {"unknown"}  # nobody here has a history


@pytest.fixture
def embedder(connected: Shell) -> str:
    if "embedder" not in connected.ok("model", "list").column("TARGET"):
        connected.ok("model", "add", "embedder", "--provider", "echo", "--for", "embeddings")
    return "embedder"


def test_the_demonstration(connected: Shell, embedder: str) -> None:
    first = connected.ok("demo", "traffic", "--calls", "12", "--seconds", "60", "--json").json()
    assert (first["calls"], first["surprises"]) == (12, [])
    outcomes = {(row["call"], row["outcome"]) for row in first["outcomes"]}
    assert outcomes == {
        *(("chat", "ok"), ("stream", "ok"), ("embeddings", "ok")),
        *(("unknown model", "404"), ("over budget", "429"), ("malformed", "400")),
    }
    keys = connected.ok("key", "list", "--json").json()["data"]
    made = {key["id"]: key["name"] for key in keys if key["name"].startswith("demo-")}
    assert sorted(made.values()) == ["demo-research", "demo-search", "demo-small-budget", "demo-support"]

    again = connected.ok("demo", "traffic", "--calls", "6")
    assert again.column("CALL") == ["chat", "embeddings", "malformed", "over budget", "stream", "unknown model"]
    keys = connected.ok("key", "list", "--json").json()["data"]
    assert {key["id"] for key in keys if key["name"].startswith("demo-")} == set(made)

    assert connected.ok("demo", "clean").out == "4 keys of the demonstration are revoked.\n"
    states = {key["state"] for key in connected.ok("key", "list", "--json").json()["data"] if key["id"] in made}
    assert states == {"revoked"}
    assert connected.ok("demo", "clean").out.startswith("0 keys")
    budgets = connected.ok("budget", "list", "--json").json()["data"]
    assert not [budget for budget in budgets if budget["scope"]["id"] in made]


def test_the_demonstration_ends_in_time(connected: Shell, embedder: str) -> None:
    """At one call a second at most one begins in the first second, and one more at its end."""
    ran = connected.ok("demo", "traffic", "--calls", "1000", "--seconds", "1", "--rate", "1", "--json").json()
    assert 1 <= ran["calls"] <= 2
    connected.ok("demo", "clean")
