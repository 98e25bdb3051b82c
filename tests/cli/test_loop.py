"""From traces to a release by commands alone: cases of traces, releases that are tried before they serve, and what lets
nothing untried to prod."""

import json
from pathlib import Path
from typing import Any

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
