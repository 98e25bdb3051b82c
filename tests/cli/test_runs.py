"""Suites that the server runs, as a new user has them: verdicts, exit statuses, what is left of a crash, bad input."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from genaiops.cli._ci import run_for
from genaiops.domain import Target
from tests.app.running import Installation, request, until
from tests.cli.conftest import Shell

SUITE = """
[[target]]
name = "candidate"
model = "{model}"
[[cases]]
file = "cases.jsonl"
[[check]]
metric = "equals"
[run]
cache = false
concurrency = 2
"""
RAIN = "It rains in Berlin today."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "talker", 4)
    return tmp_path


def write(folder: Path, model: str, cases: int, expected: str = RAIN) -> str:
    (folder / "suite.toml").write_text(SUITE.format(model=model))
    lines = [json.dumps({"input": f"Question {number}", "expected": expected}) for number in range(cases)]
    (folder / "cases.jsonl").write_text("\n".join(lines))
    return str(folder / "suite.toml")


@pytest.fixture(scope="module")
def slow(installation: Installation) -> str:
    """A model that takes a third of a second."""
    settings = {"text": RAIN, "delay": "0.3"}
    target = Target(id="slow", provider="echo", model="slow", upstream_model="slow", settings=settings, created_us=0)
    with installation.hub() as hub:
        hub.targets.create(target, by="admin")
    until(lambda: request(f"{installation.url}/v1/models/slow", key=installation.key).status == 200, "the target")
    return "slow"


def begun(shell: Shell, file: str) -> str:
    return shell.ok("suite", "run", file, "--detach", "--json").json()["id"]


def shown(shell: Shell, run: str) -> dict[str, Any]:
    return shell.ok("run", "show", run, "--json").json()["run"]


def test_the_verdict_is_the_exit_status(connected: Shell, folder: Path) -> None:
    file = str(folder / "suite.toml")
    passed = connected.ok("suite", "run", file, "--name", "rain", "--commit", "abc123", "--json").json()
    run = passed["run"]
    assert (run["state"], run["done"], run["failed"]) == ("done", 4, 0)
    assert passed["report"]["verdict"]["outcome"] == run["verdict"]["outcome"] == "pass"
    assert [(each["check"], each["mean"], each["n"]) for each in passed["figures"]] == [("equals", 1.0, 4)]
    assert run["inputs"]["suite"].startswith("suite/rain@sha256:")
    assert run["inputs"]["cases/0"].startswith("dataset/rain/cases@sha256:")
    assert run["inputs"]["target/candidate"] == "model/talker"
    assert run["environment"]["commit"] == "abc123"
    assert {row["id"] for row in connected.ok("run", "list", "--commit", "abc123", "--json").json()["data"]} == {
        run["id"]
    }
    # What it ran is kept, and runs again by its name.
    version = run["inputs"]["suite"].removeprefix("suite/")
    assert connected.ok("suite", "run", version).out.rstrip().endswith("0 spent.")

    write(folder, "talker", 2, expected="It snows.")
    failed = connected.run("suite", "run", file, "--name", "rain")
    assert failed.status == 1, failed.err
    assert "candidate: 2 cases failed:" in failed.out
    newest = connected.ok("run", "list", "--suite", "rain", "--limit", "1", "--json").json()["data"][0]
    cases = connected.ok("run", "cases", newest["id"], "--outcome", "fail")
    assert "equals=fail" in cases.out
    assert cases.out.count(RAIN) == 2


def test_suites_are_kept_compared_and_run_by_name(connected: Shell, folder: Path) -> None:
    file = str(folder / "suite.toml")
    kept = connected.ok("suite", "push", "kept", file, "--alias", "tried", "--json").json()
    assert kept["manifest"]["cases"][0]["dataset"].startswith("kept/cases@sha256:")
    (folder / "suite.toml").write_text(SUITE.format(model="talker") + "repeats = 2\n")
    connected.ok("suite", "push", "kept", file, "--alias", "next")
    diff = connected.run("suite", "diff", "kept@tried", "kept@next")
    assert (diff.status, "run.repeats" in diff.out) == (1, True)
    assert "next, tried" in connected.ok("suite", "list").column("ALIASES")
    assert len(connected.ok("suite", "show", "kept", "--json").json()["versions"]) == 2
    connected.ok("suite", "alias", "kept@tried", "kept@next")
    assert connected.ok("suite", "show", "kept@tried", "--json").json()["manifest"]["run"]["repeats"] == 2
    run = connected.ok("suite", "run", "kept@tried", "--json").json()["run"]
    for words in (("run", "kepd@tried"), ("trend", "kepd"), ("board", "kepd")):
        unknown = connected.run("suite", *words)
        assert (unknown.status, "There is no suite 'kepd'." in unknown.err) == (2, True), unknown.err
        assert "Did you mean 'kept'? See: genaiops suite list" in unknown.err
    assert (run["done"], run["subject"].partition("@")[0]) == (8, "suite/kept")
    lineage = connected.ok("lineage", "show", run["subject"], "--up", "--json").json()
    assert {"dataset/kept/cases"} <= {node["ref"].partition("@")[0] for node in lineage["nodes"]}


PROMPT = """
messages: [{role: user, content: "Weather in {{city}}? <WORD>"}]
variables: {city: {type: string}}
model: talker
"""
GUARDED = """
protects = ["prompt/gated/say@prod"]
[[target]]
name = "candidate"
prompt = "gated/say@tried"
[[case]]
variables = { city = "Berlin" }
expected = "<WORD>"
[[check]]
metric = "equals"
"""


def test_what_a_suite_protects_moves_only_to_what_passed(connected: Shell, tmp_path: Path) -> None:
    suite = tmp_path / "gated.toml"

    def push(word: str, *more: str) -> Any:
        return connected.run("prompt", "push", "gated/say", "-", *more, "--json", typed=PROMPT.replace("<WORD>", word))

    first = push("One", "--alias", "tried").json()["id"].removeprefix("prompt/")
    untried = connected.run("prompt", "alias", "gated/say@prod", "gated/say@tried")
    assert "no suite has passed for prompt/gated/say@sha256:" in untried.err
    connected.ok("prompt", "alias", "gated/say@prod", "gated/say@tried", "--emergency", "the first one")
    suite.write_text(GUARDED.replace("<WORD>", RAIN))
    connected.ok("suite", "push", "gated", str(suite), "--alias", "prod")

    second = push("Two").json()["id"].removeprefix("prompt/")
    refused = connected.run("prompt", "alias", "gated/say@prod", second)
    assert refused.status == 2
    assert f"Run it: genaiops suite run gated@prod --prompt {second}" in refused.err
    # A run for another version, and one of another suite of that name, count for nothing.
    connected.ok("suite", "run", "gated@prod")
    connected.ok("suite", "run", str(suite), "--name", "gated", "--repeats", "2", "--prompt", second)
    assert "has not been run for" in connected.run("prompt", "alias", "gated/say@prod", second).err
    connected.ok("suite", "run", "gated@prod", "--prompt", second)
    connected.ok("prompt", "alias", "gated/say@prod", second)
    approval = connected.ok("approval", "list", "--json").json()["data"][0]
    assert "passed for" in approval["verdicts"]["suites"]["reason"]

    suite.write_text(GUARDED.replace("<WORD>", "It snows."))
    connected.ok("suite", "push", "gated", str(suite), "--alias", "prod")
    assert connected.run("suite", "run", "gated@prod", "--prompt", first).status == 1
    refused = connected.run("prompt", "alias", "gated/say@prod", first)
    assert "says fail of prompt/gated/say" in refused.err
    connected.ok("prompt", "alias", "gated/say@prod", first, "--emergency", "it burns")
    wrong = connected.run("suite", "run", "gated@prod", "--prompt", "gated/sway@tried")
    assert "Did you mean 'gated/say'?" in wrong.err


USABLE = """
protects = ["prompt/useless/say@prod"]
[[target]]
name = "candidate"
prompt = "useless/say@tried"
[[target]]
name = "before"
model = "talker"
[[check]]
metric = "equals"
margin = 0.9
[gate]
baseline = "before"
"""
CITIES = ("Rome", "Oslo", "Bern", "Riga")


def test_what_is_no_worse_and_of_no_use_is_not_promoted(connected: Shell, tmp_path: Path) -> None:
    told = connected.run("prompt", "push", "useless/say", "-", "--json", typed=PROMPT.replace("<WORD>", "Useless"))
    version = str(told.json()["id"]).removeprefix("prompt/")
    connected.ok("prompt", "alias", "useless/say@tried", version)
    suite = tmp_path / "useless.toml"
    cases = [f'[[case]]\ninput = "{city}?"\nvariables = {{ city = "{city}" }}\nexpected = "Snow"\n' for city in CITIES]
    suite.write_text(USABLE + "".join(cases))
    connected.ok("suite", "push", "useless", str(suite))
    unnamed = connected.run("suite", "run", "useless@prod")
    assert unnamed.status == 2
    assert "suite/useless has 1 version and no alias yet: name suite/useless@sha256:" in unnamed.err
    connected.ok("suite", "push", "useless", str(suite), "--alias", "prod")
    run = connected.run("suite", "run", "useless@prod")
    assert run.status == 4
    refused = connected.run("prompt", "alias", "useless/say@prod", version)
    assert refused.status == 2
    assert "useless says inconclusive of prompt/useless/say" in refused.err
    assert "0 of 4 cases pass" in refused.err
    assert "usable = 0 in [gate]" in refused.err


JUDGED = """
[[target]]
name = "candidate"
model = "talker"
[[case]]
input = "Question"
[[check]]
name = "kept"
metric = "judge"
options = { judge = "strict@tried" }
[[check]]
name = "filed"
metric = "judge"
options = { judge = "loose.toml" }
"""
RUBRIC = 'template = "rubric"\nrubric = "It is polite."\nmodel = "{model}"\n'


def test_judges_are_asked_by_the_server(connected: Shell, installation: Installation, tmp_path: Path) -> None:
    target = Target(
        id="strict",
        provider="echo",
        model="strict",
        upstream_model="strict",
        settings={"text": "Fine.\nVerdict: 5"},
        created_us=0,
    )
    with installation.hub() as hub:
        hub.targets.create(target, by="admin")
    until(lambda: request(f"{installation.url}/v1/models/strict", key=installation.key).status == 200, "the target")
    (tmp_path / "strict.toml").write_text(RUBRIC.format(model="strict"))
    (tmp_path / "loose.toml").write_text(RUBRIC.format(model="talker"))  # whose words are no verdict
    suite = tmp_path / "judged.toml"
    suite.write_text(JUDGED)
    assert "There is no" in connected.run("suite", "run", str(suite)).err
    connected.ok("judge", "push", "strict", str(tmp_path / "strict.toml"), "--alias", "tried")
    ran = connected.run("suite", "run", str(suite), "--json")
    assert ran.status == 4, ran.err  # nobody calibrated them
    done = json.loads(ran.out)
    run = done["run"]
    assert (run["state"], run["failed"]) == ("done", 0)
    assert run["inputs"]["judge kept"].startswith("sha256:")
    [broken] = done["unjudged"]
    assert (broken["check"], broken["errors"]) == ("filed", 1)
    page = connected.ok("run", "cases", run["id"], "--json").json()["data"]
    said = {judged["check"]: judged["verdict"] for judged in page[0]["judged"]}
    assert (said["kept"]["outcome"], said["kept"]["measure"]) == ("pass", 1.0)
    assert "filed: 1 verdict is an error: " in connected.ok("run", "show", run["id"]).out

    (tmp_path / "loose.toml").write_text('template = "rubric"\nrubric = "Polite."\n[[panel]]\npython = "os:getcwd"\n')
    assert "The judge 'os:getcwd' is a function of a program" in connected.run("suite", "run", str(suite)).err


def test_its_calls_are_traced_with_a_key_that_ends_with_it(
    connected: Shell, installation: Installation, folder: Path
) -> None:
    run = begun(connected, str(folder / "suite.toml"))
    connected.ok("run", "show", run, "--follow")
    key = connected.ok("key", "show", f"run/{run}", "--json").json()
    assert (key["state"], key["scopes"], key["environment_id"]) == ("revoked", ["calls"], "dev")
    answers = connected.ok("run", "cases", run, "--json").json()["data"]
    trace_id = answers[0]["answers"][0]["trace_id"]
    until(
        lambda: request(f"{installation.url}/api/traces/{trace_id}", key=installation.key).status == 200,
        "the trace of an answer",
    )


def test_a_run_goes_on_after_the_control_process_was_killed(
    connected: Shell, installation: Installation, slow: str, folder: Path
) -> None:
    run = begun(connected, write(folder, slow, 12))
    until(lambda: shown(connected, run)["done"] >= 2, "two answers")
    control = installation.named("control")
    assert control.pid is not None
    os.kill(control.pid, signal.SIGKILL)
    installation.wait_ready("control", restarts=control.restarts + 1)
    done = connected.ok("run", "show", run, "--follow", "--json").json()["run"]
    assert (done["state"], done["done"], done["failed"]) == ("done", 12, 0)


def test_stop_resume_and_delete(connected: Shell, slow: str, folder: Path) -> None:
    run = begun(connected, write(folder, slow, 8))
    until(lambda: shown(connected, run)["done"] >= 1, "an answer")
    assert "Stop it first" in connected.run("run", "delete", run).err
    connected.ok("run", "stop", run)
    until(lambda: shown(connected, run)["state"] == "stopped", "the run to stop")
    stopped = shown(connected, run)
    assert 0 < stopped["done"] < 8
    assert "is stopped" in connected.run("run", "stop", run).err
    connected.ok("run", "resume", run)
    done = connected.ok("run", "show", run, "--follow", "--json").json()["run"]
    assert (done["state"], done["done"]) == ("done", 8)
    assert "is done" in connected.run("run", "resume", run).err
    connected.ok("run", "delete", run)
    assert connected.run("run", "show", run).status == 2


@pytest.mark.parametrize(
    ("suite", "says"),
    [
        ("[[check]]\nmetric = 'f7'\n", "line 2: check[0].metric: There is no metric 'f7'."),
        ("[[target]]\nname='a'\nmodel='talker'\n[[check]]\nmetric='equals'\n", "The suite has no cases."),
        ("[[target]]\nname='a'\nmodel='talker'\n[[cases]]\nfile='no.jsonl'\n", "There is no file"),
        ("[[target]]\nname='a'\nmodel='talker'\n[[cases]]\ndataset='no@prod'\n", "There is no"),
        ("[[target]]\nname='a'\nprompt='no@prod'\n[[case]]\ninput='a'\n", "There is no artifact 'prompt/no'"),
        ("[[target]]\nname='a'\npython='os:getcwd'\n[[case]]\ninput='a'\n", "is a function of a program"),
        ("[[case]]\ninput='a'\n", "The suite has no target"),
        ("[[target]]\nname='a'\nmodel='m'\n[[case]]\ninput='a'\n[gate]\nbaseline='prod'\n", "of which application"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_kept(connected: Shell, tmp_path: Path, suite: str, says: str) -> None:
    (tmp_path / "broken.toml").write_text(suite)
    ran = connected.run("suite", "run", str(tmp_path / "broken.toml"))
    assert ran.status == 2
    assert says in ran.err
    assert not connected.ok("run", "list", "--suite", "broken", "--json").json()["data"]


def test_what_a_pipeline_says_of_itself() -> None:
    github = {"GITHUB_SHA": "a1", "GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main", "GITHUB_REF": "refs/pull/7/merge"}
    assert run_for(github, {}) == {"commit": "a1", "branch": "main", "pull_request": "7"}
    gitlab = {"CI_COMMIT_SHA": "b2", "CI_COMMIT_REF_NAME": "topic", "CI_MERGE_REQUEST_IID": "9"}
    assert run_for(gitlab, {"branch": "mine"}) == {"commit": "b2", "branch": "mine", "pull_request": "9"}
    assert run_for({}, {}) == {}


def test_two_runs_beside_each_other(connected: Shell, folder: Path) -> None:
    file = str(folder / "suite.toml")
    lines = [{"input": f"Question {n}", "expected": RAIN, "slices": ["odd" if n % 2 else "even"]} for n in range(8)]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)))
    before = connected.ok("suite", "run", file, "--name", "beside", "--json").json()["run"]["id"]
    found = connected.ok("run", "compare", before, before, "--json").json()
    assert (found["against"], found["target"], found["alike"]) == ("candidate", "candidate", 8)
    assert (found["won"], found["lost"]) == ([], [])
    assert {each["slice"]: each["word"] for each in found["checks"]} == dict.fromkeys(
        (None, "even", "odd"), "no difference shown"
    )
    shown = connected.ok("run", "compare", before, before, "--slice", "odd")
    assert "0 won, 0 lost of 4 cases." in shown.out
    assert f"/arena/compare?a={before}&b={before}&one=candidate&other=candidate" in shown.err
    wrong = connected.run("run", "compare", before, before, "--target", "candidat")
    assert (wrong.status, "has no target 'candidat'" in wrong.err, "candidate" in wrong.err) == (2, True, True)
    assert "There is no run 'run_9'" in connected.run("run", "compare", before, "run_9").err
