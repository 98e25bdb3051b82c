"""Guard policies from the command line, as the documentation tells it."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Installation, request, until
from tests.cli.conftest import Ran, Shell
from tests.house.tree import ROOT

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
STATUS = {"refused": (2,), "exit status 1": (1,), "exit status 1 or 4": (1, 4)}
WORDS = """\
rules:
  - id: bombs
    detector: words
    action: {action}
    options: {{words: [bomb]}}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "words.yaml"
    file.write_text(WORDS.format(action="block"), encoding="utf-8")
    return file


def follow(page: str, connected: Shell, folder: Path) -> dict[str, Ran]:
    """Write the files of a page of the documentation, and run its commands, in order."""
    ran: dict[str, Ran] = {}
    for language, title, text in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if title:
            (folder / title).parent.mkdir(exist_ok=True)
            (folder / title).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.splitlines():
                command, _, note = line.partition("  # ")
                got = connected.run(*shlex.split(command)[1:])
                assert got.status in STATUS.get(note, (0,)), f"{line}: {got.out}{got.err}"
                ran.setdefault(command, got)
    return ran


def test_the_policy_against_attacks_can_be_pushed(
    connected: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    follow("attacks.md", connected, tmp_path)
    assert connected.ok("key", "show", "strangers", "--json").json()["guard"] == "hardened"


def test_the_documentation_can_be_followed(connected: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = follow("guardrails.md", connected, tmp_path)
    wrong = "rules[0].action: Invalid enum value 'redakt'. There are: allow, flag, redact, replace, hold, block."
    assert ran["genaiops policy check broken.toml"].out == f"broken.toml:4: {wrong}\n"
    assert "line 4: rules[0].action" in ran["genaiops policy push strict broken.toml"].err
    assert ran["genaiops policy test strict cases.jsonl"].out == "3 of 3 cases passed.\n"
    assert "rule secrets is changed  (stricter)" in ran["genaiops policy diff default strict.toml"].out
    assert "guards the environment preprod as strict" in connected.ok("policy", "show", "strict").err
    (tmp_path / "default.toml").write_text(ran["genaiops policy show default"].out, encoding="utf-8")
    assert connected.ok("policy", "diff", "default", "default.toml").out == "They say the same.\n"


def test_what_show_prints_can_be_pushed(connected: Shell, policy: Path) -> None:
    connected.ok("policy", "push", "shown", str(policy))
    shown = connected.ok("policy", "show", "shown").out
    assert connected.ok("policy", "push", "shown", "-", typed=shown).out.startswith("shown@sha256:")
    assert connected.ok("policy", "diff", "shown", str(policy)).out == "They say the same.\n"
    found = connected.ok("policy", "show", "shown", "--json").json()
    assert len(found["versions"]) == 1
    assert "shown" in connected.ok("policy", "list").column("NAME")


def test_one_noun_for_both_kinds_of_policies(connected: Shell, tmp_path: Path) -> None:
    file = tmp_path / "consent.yaml"
    shown = connected.ok("policy", "show").out
    assert connected.ok("policy", "show", "approvals").out == shown
    file.write_text(shown, encoding="utf-8")
    assert connected.run("policy", "diff", "approvals", str(file)).status == 0
    pushed = connected.ok("policy", "push", str(file))  # as it was written when there was only one
    assert "Taken as approvals" in pushed.err
    assert connected.ok("policy", "push", "approvals", str(file)).out.startswith("In force: policy/approvals@")
    assert "policy of consent" in connected.run("policy", "alias", "approvals@current", "x").err


def test_slips_are_met_with_what_to_do(connected: Shell, policy: Path, tmp_path: Path) -> None:
    connected.ok("policy", "push", "slips", str(policy))
    for words, said in (
        (("policy", "show", "slipss"), "Did you mean 'slips'?"),
        (("policy", "push", "slips", "gone.toml"), "There is no file gone.toml"),
        (("policy", "check", "gone.toml"), "There is no file gone.toml"),
        (("policy", "alias", "slips", "x"), "Write NAME@ALIAS"),
        (("policy", "alias", "slips@current"), "Give a VERSION, --undo or --remove"),
        (("policy", "test", "slips", "gone.jsonl"), "There is no file gone.jsonl"),
        (("key", "create", "k", "--guard", "slipss"), "Did you mean 'slips'?"),
        (("env", "guard", "dev", "slipss"), "Did you mean 'slips'?"),
        (("route", "set", "r", "--target", "talker", "--guard", "slipss"), "Did you mean 'slips'?"),
    ):
        ran = connected.run(*words)
        assert (ran.status, said in ran.err) == (2, True), f"{words}: {ran.err}"
    broken = tmp_path / "cases.jsonl"
    broken.write_text('{"input": "a", "expect": {"action": "allow"}}\n{no\n', encoding="utf-8")
    assert "cases.jsonl:2: this is no JSON" in connected.run("policy", "test", "slips", str(broken)).err


def test_a_policy_is_attached_and_taken_off(connected: Shell, policy: Path) -> None:
    connected.ok("policy", "push", "worn", str(policy))
    connected.ok("env", "create", "worn-dev", "--kind", "dev", "--guard", "worn")
    connected.ok("key", "create", "worn-key", "--env", "worn-dev", "--guard", "worn@current")
    assert connected.ok("key", "show", "worn-key", "--json").json()["guard"] == "worn"
    assert connected.run("policy", "alias", "worn@current", "--remove").status == 2
    connected.ok("key", "update", "worn-key", "--guard", "none")
    connected.ok("env", "guard", "worn-dev", "none")
    connected.ok("policy", "alias", "worn@current", "--remove")
    shown = connected.ok("key", "show", "worn-key").out
    assert re.search(r"guard\s+that of its environment", shown)
    connected.ok("policy", "push", "worn", str(policy))
    connected.ok("app", "create", "worn-app")
    made = connected.ok("release", "create", "worn-app", "--model", "talker", "--guard", "worn", "--json").json()
    assert made["manifest"]["pins"]["guard"].startswith("policy/worn@sha256:")


def test_cases_that_fail_are_shown(connected: Shell, policy: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    rows: list[dict[str, Any]] = [
        {"input": "a bomb", "expect": {"action": "block"}},
        {"input": "a cake", "expect": {"action": "block"}, "note": "cakes, too"},
    ]
    cases.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ran = connected.run("policy", "test", str(policy), str(cases))
    assert ran.status == 1
    assert "1 of 2 cases passed." in ran.out
    assert "cakes, too" in ran.out
    assert connected.run("policy", "test", str(policy), str(cases), "--json").json()["passed"] == 1


def test_yesterdays_calls_are_replayed(connected: Shell, installation: Installation, tmp_path: Path) -> None:
    ask(installation, "What is a bomb?", "What is a cake?")
    block, flag = tmp_path / "block.yaml", tmp_path / "flag.yaml"
    block.write_text(WORDS.format(action="block"), encoding="utf-8")
    flag.write_text(WORDS.format(action="flag"), encoding="utf-8")
    words = ("policy", "replay", str(block), "--against", str(flag), "--model", "talker", "--since", "1h")
    ran = connected.run(*words)
    assert ran.status == 1, ran.out + ran.err
    assert "1 call: flag becomes block." in ran.out
    assert "What is" not in ran.out, "no word of a call is told"
    report = connected.run(*words, "--json").json()["report"]
    assert (report["different"], report["rules"][0]["stricter"]) == (1, 1)
    assert connected.run("policy", "replay", str(flag), "--against", str(flag), "--model", "talker").status == 0
    assert "flag becomes block" not in connected.run("policy", "replay", str(block), "--model", "talker").out, (
        "default held, and says nothing of bombs"
    )
    listed = connected.run("policy", "replays", "--json").json()["data"]
    assert [each["state"] for each in listed[:4]] == ["done"] * 4
    shown = connected.run("policy", "replays", listed[2]["id"])
    assert (shown.status, "1 call: flag becomes block." in shown.out) == (1, True)
    assert connected.run("policy", "replays", listed[0]["id"], "--resume").status == 2
    assert connected.run("policy", "replays", "--delete").status == 2
    assert connected.run("policy", "replays", listed[0]["id"], "--delete").status == 0
    assert listed[0]["id"] not in connected.run("policy", "replays").out
    nothing = connected.run("policy", "replay", str(block), "--model", "none-has-this")
    assert nothing.status == 4
    assert "write cases" in nothing.out


def ask(installation: Installation, *texts: str) -> None:
    """Calls, once they are traces."""
    for text in texts:
        body = {"model": "talker", "messages": [{"role": "user", "content": text}]}
        assert request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body).status == 200

    def recorded() -> bool:
        found = request(f"{installation.url}/api/traces?model=talker", key=installation.key)
        return len(found.body["data"]) >= len(texts)

    until(recorded, "the calls become traces")
