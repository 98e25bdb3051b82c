"""From traces to a release by commands alone: cases of traces, releases that are tried before they serve, and what lets
nothing untried to prod."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.app.running import Installation, request, until
from tests.cli.conftest import Shell

RAIN = "It rains in Berlin today."
OF_TRACES = """
[[target]]
name = "candidate"
{target}
[[cases]]
traces = {{ session_id = "{session}", status = "ok" }}
fields = {{ expected = "output" }}
[[check]]
metric = "equals"
"""


def ask(installation: Installation, text: str, session: str, model: str = "talker") -> str:
    """The trace of a call, when it can be read."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "genaiops": {"session": session},
    }
    answer = request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body)
    assert answer.status == 200, answer.body
    trace = answer.headers["traceparent"].split("-")[1]
    until(lambda: request(f"{installation.url}/api/traces/{trace}", key=installation.key).status == 200, "the trace")
    return trace


@pytest.fixture(scope="module")
def asked(installation: Installation) -> list[str]:
    return [ask(installation, f"Weather {number}?", "talk-1") for number in range(3)]


def test_cases_are_traces(connected: Shell, asked: list[str], tmp_path: Path) -> None:
    suite = tmp_path / "seen.toml"
    suite.write_text(OF_TRACES.format(target='model = "talker"', session="talk-1"))
    done = connected.ok("suite", "run", str(suite), "--json").json()
    run = done["run"]
    assert (run["state"], run["done"], done["report"]["verdict"]["outcome"]) == ("done", 3, "pass")
    pinned = run["inputs"]["cases/0"]
    assert pinned.startswith("dataset/seen/traces@sha256:")
    assert "Weather 0?" in connected.ok("dataset", "head", pinned.removeprefix("dataset/")).out
    [first, *_] = connected.ok("run", "cases", run["id"], "--json").json()["data"]
    assert first["case"]["cluster"] == "talk-1"  # what one person said is not independent
    assert first["case"]["messages"][0]["content"] == "Weather 0?"
    assert first["case"]["metadata"]["trace_id"] == asked[0]
    # The same in this process, and of a file of exported traces.
    local = connected.ok("suite", "run", str(suite), "--local", "--json").json()
    assert (local["run"]["done"], local["report"]["verdict"]["outcome"]) == (3, "pass")
    connected.ok("trace", "export", "--session", "talk-1", "--output", str(tmp_path / "traces.jsonl"))
    filed = OF_TRACES.replace('traces = {{ session_id = "{session}", status = "ok" }}', 'file = "traces.jsonl"')
    suite.write_text(filed.format(target="recorded = true"))
    recorded = connected.ok("suite", "run", str(suite), "--local", "--json").json()
    assert (recorded["run"]["done"], recorded["run"]["failed"]) == (3, 0)


@pytest.mark.parametrize(
    ("traces", "says"),
    [
        ('{ modle = "x" }', "unknown field `modle`"),
        ('{ since = "yesterday" }', "since"),
        ('{ session_id = "nobody" }', "No trace meets these conditions"),
    ],
)
def test_filters_that_are_wrong(connected: Shell, tmp_path: Path, traces: str, says: str) -> None:
    suite = tmp_path / "wrong.toml"
    suite.write_text(f"[[target]]\nname = 'a'\nmodel = 'talker'\n[[cases]]\ntraces = {traces}\n")
    ran = connected.run("suite", "run", str(suite))
    assert ran.status == 2, ran.out
    assert says in ran.err


def released(shell: Shell, application: str, *options: str) -> str:
    return str(shell.ok("release", "create", application, "--model", "talker", *options, "--json").json()["id"])


@pytest.fixture
def shop(connected: Shell) -> str:
    """An application that may serve in prod."""
    if connected.run("app", "show", "shop").status:
        connected.ok("app", "create", "shop", "--title", "Shop", "--purpose", "Answers.", "--risk", "limited")
        connected.ok("app", "acknowledge", "shop", "--statement", "It uses generative AI.")
    return "shop"


RELEASED = """
protects = ["app/shop@prod"]
[[target]]
name = "candidate"
release = "shop@latest"
[[case]]
input = "Weather?"
expected = "{expected}"
[[check]]
metric = "equals"
[run]
cache = false
"""


def test_a_release_is_tried_before_it_serves(connected: Shell, shop: str, tmp_path: Path) -> None:
    suite = tmp_path / "shop.toml"
    suite.write_text(RELEASED.format(expected=RAIN))
    connected.ok("suite", "push", "shop", str(suite), "--alias", "prod")
    first, second = (released(connected, shop, "--param", f"temperature={heat}") for heat in ("0.1", "0.2"))
    refused = connected.run("app", "deploy", shop, "--release", first, "--env", "prod")
    assert refused.status == 2
    assert f"Run it: genaiops suite run shop@prod --release {first}" in refused.err

    done = connected.ok("suite", "run", "shop@prod", "--release", first, "--json").json()["run"]
    assert done["inputs"]["target/candidate"] == f"release/{first}"
    [case] = connected.ok("run", "cases", done["id"], "--json").json()["data"]
    trace = case["answers"][0]["trace_id"]
    found: dict[str, Any] = {}

    def told() -> bool:
        answer = connected.run("trace", "show", trace, "--json")
        found.update(answer.json() if answer.status == 0 else {})
        return bool(found)

    until(told, "the trace")
    assert found["application"] == shop
    assert first.partition("@")[2] in json.dumps(found)  # the trace says which release answered
    assert connected.ok("app", "deployments", shop, "--json").json()["data"] == []  # nothing is left of it
    connected.ok("app", "deploy", shop, "--release", first, "--env", "prod")
    assert "has not been run for" in connected.run("app", "deploy", shop, "--release", second, "--env", "prod").err
    wrong = connected.run("suite", "run", "shop@prod", "--release", "shap@latest")
    assert "Did you mean 'shop'?" in wrong.err
    assert "no release" in connected.run("suite", "run", "shop@prod", "--release", "shop@0123456789").err


SAYS = '{{"messages": [{{"role": "user", "content": "{text}"}}], "model": "talker"}}'


def test_no_prompt_reaches_prod_untried(connected: Shell, tmp_path: Path) -> None:
    refused = connected.run("prompt", "push", "fresh/say", "-", "--alias", "prod", typed=SAYS.format(text="One"))
    assert refused.status == 2
    [kept] = connected.ok("prompt", "show", "fresh/say", "--json").json()["versions"]  # or nothing could be tried
    version = kept["id"].removeprefix("prompt/")
    assert f"run it: genaiops suite run answers.toml --prompt {version}" in refused.err
    assert "--emergency" in refused.err
    connected.ok("prompt", "alias", "fresh/say@dev", version)  # what is not protected moves as ever

    suite = tmp_path / "answers.toml"
    written = (
        '[[target]]\nname = "c"\nprompt = "fresh/say@dev"\n[[case]]\nexpected = "{0}"\n[[check]]\nmetric = "equals"\n'
    )
    suite.write_text(written.format("It snows."))
    assert connected.run("suite", "run", str(suite)).status == 1
    assert "says fail" in connected.run("prompt", "alias", "fresh/say@prod", version).err
    suite.write_text(written.format(RAIN))
    connected.ok("suite", "run", str(suite))
    connected.ok("prompt", "alias", "fresh/say@prod", version)
    approval = connected.ok("approval", "list", "--json").json()["data"][0]
    assert "has passed a suite" in approval["verdicts"]["suites"]["reason"]

    second = connected.ok(
        "prompt", "push", "fresh/say", "-", "--alias", "dev", "--json", typed=SAYS.format(text="Two")
    ).json()["id"]
    untried = second.removeprefix("prompt/")
    assert connected.run("prompt", "alias", "fresh/say@prod", untried).status == 2
    connected.ok("prompt", "alias", "fresh/say@prod", untried, "--emergency", "it burns")
    connected.ok("prompt", "undo", "fresh/say@prod")  # what was there before comes back at once


def test_no_release_with_an_untried_prompt_reaches_prod(connected: Shell) -> None:
    typed = SAYS.format(text="Three")
    connected.ok("prompt", "push", "fresh/other", "-", "--alias", "dev", typed=typed)
    connected.ok("app", "create", "desk", "--title", "Desk", "--purpose", "Answers.", "--risk", "limited")
    connected.ok("app", "acknowledge", "desk", "--statement", "It uses generative AI.")
    made = released(connected, "desk", "--prompt", "fresh/other@dev")
    connected.ok("app", "deploy", "desk", "--release", made, "--env", "dev")
    refused = connected.run("app", "deploy", "desk", "--release", made, "--env", "prod")
    assert f"genaiops suite run answers.toml --release {made}" in refused.err
    bare = released(connected, "desk")
    connected.ok("app", "deploy", "desk", "--release", bare, "--env", "prod")  # it brings no prompt


GOLDEN = """
[[target]]
name = "served"
model = "golden"
[[case]]
input = "Weather?"
expected = "{rain}"
[[case]]
input = "And tomorrow?"
expected = "{rain}"
[[check]]
metric = "equals"
[run]
repeats = 4
[watch]
every = "1d"
"""


def watched(shell: Shell, run: str) -> str:
    """What a look says of itself, when it was held against those before."""
    found: dict[str, str] = {}

    def told() -> bool:
        found.update(shell.ok("run", "show", run, "--json").json()["run"]["environment"])
        return "watched" in found

    until(told, "the look")
    return found["watched"]


def look(shell: Shell) -> str:
    ran = shell.run("suite", "look", "golden", "--json")
    return watched(shell, json.loads(ran.out)["run"]["id"])


def alerts(shell: Shell, kind: str) -> list[dict[str, Any]]:
    return [one for one in shell.ok("alert", "list", "--json").json()["data"] if one["kind"] == kind]


def test_a_model_that_is_swapped_behind_its_name_is_told(
    connected: Shell, installation: Installation, tmp_path: Path
) -> None:
    installation.add_echo("golden", text=RAIN)
    until(lambda: request(f"{installation.url}/v1/models/golden", key=installation.key).status == 200, "the target")
    suite = tmp_path / "golden.toml"
    suite.write_text(GOLDEN.format(rain=RAIN))
    connected.ok("suite", "push", "golden", str(suite), "--alias", "prod")

    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = connected.ok("suite", "trend", "golden", "--json").json()["data"]
        return found

    until(lambda: bool(runs()), "the first look, which nobody began")
    assert watched(connected, runs()[0]["run"]["id"]) == "learned"
    assert look(connected) == "learned"
    assert look(connected) == "p=1"  # nothing differs
    assert not alerts(connected, "answers_changed")
    with installation.hub() as hub:
        target = hub.targets.get("golden")
        hub.targets.replace(msgspec.structs.replace(target, settings={"text": "No idea."}), by="admin")
    until(lambda: ask_once(installation) == "No idea.", "the other model")
    assert look(connected).startswith("p=")
    [raised] = alerts(connected, "answers_changed")
    assert raised["subject"] == "suite/golden: served"
    assert "2 of 2 cases are answered as never before" in raised["message"]
    trend = connected.ok("suite", "trend", "golden")
    assert len(trend.column("WATCH")) == 4
    board = connected.ok("suite", "board", "golden")
    assert (board.column("RANK"), board.column("TARGET")) == (["1"], ["served"])
    assert "hold together with 0.95 confidence" in board.err
    [entry] = connected.ok("suite", "board", "golden", "--json").json()["entries"]
    assert (entry["asked"], entry["run"]) == ("model/golden", runs()[0]["run"]["id"])
    connected.ok("alert", "close", raised["id"], "--comment", "wanted")
    assert look(connected) == "learned"  # what answers now is what is to answer


def ask_once(installation: Installation) -> str:
    body = {"model": "golden", "messages": [{"role": "user", "content": "x"}]}
    answer = request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body)
    return str(answer.body["choices"][0]["message"]["content"])


def test_what_is_not_watched(connected: Shell, tmp_path: Path) -> None:
    assert connected.run("suite", "look", "nobody").status == 2
    assert "There is no suite 'nobody'" in connected.run("suite", "trend", "nobody").err
    assert "There is no suite 'nobody'" in connected.run("suite", "board", "nobody").err
    suite = tmp_path / "wrong.toml"
    suite.write_text(GOLDEN.format(rain=RAIN).replace('"1d"', '"daily"'))
    said = connected.run("suite", "check", str(suite))
    assert said.status == 2
    assert "watch.every" in said.err


LOOP = """
protects = ["app/loop@prod"]
[[target]]
name = "candidate"
release = "loop@latest"
[[cases]]
dataset = "loop/good@gold"
fields = { expected = "output" }
[[check]]
metric = "rougeL"
floor = 0.1
"""


def test_from_traces_to_a_release(connected: Shell, installation: Installation, tmp_path: Path) -> None:
    """docs/loop.md, with as many traces as its gate needs."""
    for number in range(30):
        trace = ask(installation, f"Will it rain on day {number}?", f"loop-{number}")
        if number < 29:
            connected.ok("trace", "score", trace, "feedback", "up", "--comment", "right")
    made = connected.ok("dataset", "from-traces", "loop/good", "--score", "feedback=up", "--json").json()
    assert made["traces"] == 29
    connected.ok("dataset", "alias", "loop/good", "gold", "loop/good")
    connected.ok("app", "create", "loop", "--title", "Loop", "--purpose", "Answers.", "--risk", "limited")
    connected.ok("app", "acknowledge", "loop", "--statement", "It uses generative AI.")
    suite = tmp_path / "loop.toml"
    suite.write_text(LOOP)
    connected.ok("suite", "push", "loop", str(suite), "--alias", "prod")
    release = released(connected, "loop")
    assert connected.run("app", "deploy", "loop", "--release", "latest", "--env", "prod").status == 2
    connected.ok("suite", "run", "loop@prod", "--release", "loop@latest", "--commit", "c0ffee1", "--branch", "main")
    connected.ok("app", "deploy", "loop", "--release", "latest", "--env", "prod")
    [step] = connected.ok("suite", "trend", "loop", "--commit", "c0ffee1", "--json").json()["data"]
    assert (step["run"]["verdict"]["outcome"], step["figures"][0]["mean"]) == ("pass", 1.0)
    assert connected.ok("suite", "trend", "loop", "--branch", "topic", "--json").json()["data"] == []
    lineage = connected.ok("lineage", "show", f"release/{release}", "--up", "--json").json()
    assert any(node["ref"].startswith("dataset/loop/good@") for node in lineage["nodes"])
