"""Prompts from the command line to a call and its trace, as the documentation tells it."""

import json
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from genaiops.cli._prompt_file import read_prompt, write_prompt
from genaiops.core.errors import UsageError
from tests.app.running import Answer, Installation, request
from tests.cli.conftest import Shell
from tests.house.tree import ROOT

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)


def ask(installation: Installation, genaiops: dict[str, Any]) -> Answer:
    body = {"model": "talker", "messages": [], "genaiops": genaiops}
    return request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body)


def test_the_documentation_can_be_followed(connected: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran: list[str] = []
    for language, title, text in BLOCK.findall((ROOT / "docs" / "prompts.md").read_text(encoding="utf-8")):
        if title:
            (tmp_path / title).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.splitlines():
                command, _, note = line.partition("  # ")
                if not command.startswith("genaiops "):
                    subprocess.run(shlex.split(command), check=True)
                    continue
                command, _, file = command.partition(" > ")
                got = connected.run(*shlex.split(command)[1:])
                assert got.status == {"refused": 2, "exit status 1": 1}.get(note, 0), f"{line}: {got.err}"
                ran.append(got.out + got.err)
                if file:
                    (tmp_path / file).write_text(got.out, encoding="utf-8")
    assert "'mood' is used and not declared" in ran[0]
    assert "You answer for Acme. Be brief and friendly.\nWhat you know:\n- We open at 9.\n" in ran[3]
    assert "run it: genaiops suite run answers.toml --prompt support/answer@sha256:" in "".join(ran)
    [differs] = [said for said in ran if "+ You speak for {{company}}." in said]
    assert "- You answer for {{company}}." in differs
    moves = connected.ok("prompt", "history", "support/answer@prod").column("VERSION")
    assert len(moves) == 3
    assert moves[0] == moves[2] != moves[1]


def test_a_change_is_live_with_the_next_call_and_undone_in_another(
    connected: Shell, installation: Installation
) -> None:
    for text in ("One {{n}}.", "Two {{n}}."):
        manifest = f'{{"messages": [{{"role": "user", "content": "{text}"}}], "variables": {{"n": "number"}}}}'
        connected.ok("prompt", "push", "live/p", "-", "--alias", "current", typed=manifest)
    difference = connected.run("prompt", "diff", "live/p@current", "live/p@current")
    assert (difference.status, difference.out) == (0, "They are the same.\n")
    first, second = connected.ok("prompt", "history", "live/p@current", "--json").json()["data"][::-1]
    difference = connected.run(
        "prompt", "diff", *(one["version_id"].removeprefix("prompt/") for one in (first, second))
    )
    assert difference.status == 1
    assert "messages.0.content: changed\n  - One {{n}}.\n  + Two {{n}}.\n" in difference.out

    used = {"prompt": "live/p@current", "variables": {"n": 5}}
    assert ask(installation, used).status == 200
    connected.ok("prompt", "undo", "live/p@current")
    assert ask(installation, used).status == 200
    refused = ask(installation, {"prompt": "live/p@current"})
    assert (refused.status, refused.body["error"]["param"]) == (400, "genaiops.variables.n")

    versions = [one["version_id"].partition("@")[2] for one in (second, first)]
    asked = ("trace", "list", "--json", "--property")
    deadline = time.monotonic() + 20
    found: list[Any] = []
    while len(found) < 2 and time.monotonic() < deadline:
        found = connected.ok(*asked, "gen_ai.prompt.name=live/p").json()["data"]
    for version in versions:
        (row,) = connected.ok(*asked, f"gen_ai.prompt.version={version}").json()["data"]
        trace = connected.ok("trace", "show", row["trace_id"], "--json").json()
        assert f'"{version}"' in str(trace).replace("'", '"')
        made = connected.ok("lineage", "show", f"trace/{row['trace_id']}", "--json").json()
        assert f"prompt/live/p@{version}" in {node["ref"] for node in made["nodes"]}

    used_by = connected.ok("prompt", "show", "live/p", "--json").json()["used_by"]
    assert {one["version_id"].partition("@")[2]: one["calls"] for one in used_by["callers"]} == dict.fromkeys(
        versions, 1
    )
    assert {one["environment_id"] for one in used_by["callers"]} == {"dev"}
    shown = connected.ok("prompt", "show", "live/p").out
    assert "CALLED BY" in shown
    assert "key admin" in shown


def test_tables_name_people_and_json_has_their_ids_too(connected: Shell, tmp_path: Path) -> None:
    made = connected.ok("actor", "create", "bea-of-prompts", "--role", "developer", "--json").json()
    key = connected.ok("key", "create", "beas", "--actor", "bea-of-prompts", "--scope", "api", "--json").json()
    (tmp_path / "said.md").write_text("Be brief.", encoding="utf-8")
    connected.ok("prompt", "push", "named/p", str(tmp_path / "said.md"), "--alias", "dev", "--key", key["secret"])
    assert connected.ok("prompt", "history", "named/p@dev").column("BY") == ["bea-of-prompts"]
    (move,) = connected.ok("prompt", "history", "named/p@dev", "--json").json()["data"]
    assert (move["by"], move["by_name"]) == (made["id"], "bea-of-prompts")
    assert "bea-of-prompts" in connected.ok("prompt", "show", "named/p").out
    listed = connected.ok("audit", "list", "--actor", made["id"], "--json").json()["data"]
    assert {row["actor_name"] for row in listed} == {"bea-of-prompts"}
    assert connected.ok("key", "show", key["id"]).out.count("bea-of-prompts") == 1


def test_the_name_comes_first_and_the_other_way_round_is_understood(connected: Shell, tmp_path: Path) -> None:
    file = tmp_path / "said.md"
    file.write_text("Be brief.", encoding="utf-8")
    assert connected.ok("prompt", "push", "order/p", str(file)).err == ""
    swapped = connected.ok("prompt", "push", str(file), "order/q")
    assert f"Taken as order/q {file}" in swapped.err
    assert "order/q@sha256:" in swapped.out
    toml = tmp_path / "said.toml"
    toml.write_text('[[messages]]\nrole = "system"\ncontent = "Be brief."\n')
    assert read_prompt(str(toml)) == {"messages": [{"role": "system", "content": "Be brief."}]}
    toml.write_text("messages: []\n")
    wrong = connected.run("prompt", "push", "order/p", str(toml))
    assert (wrong.status, "cannot be read as TOML" in wrong.err, "YAML (.yaml)" in wrong.err) == (2, True, True)
    assert connected.run("prompt", "push", "order/p", str(tmp_path / "none.md")).status == 2
    assert "Nobody used it" in connected.ok("prompt", "show", "order/q").out
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"a": 1}\n', encoding="utf-8")
    assert "Taken as order/rows" in connected.ok("dataset", "push", str(rows), "order/rows").err


def test_what_differs_is_told_by_part(connected: Shell, installation: Installation, tmp_path: Path) -> None:
    tool = '{"type": "function", "function": {"name": "%s"}}'
    before = f'{{"messages": [{{"role": "user", "content": "Hi there."}}], "tools": [{tool % "a"}, {tool % "b"}]}}'
    after = (
        '{"messages": [{"role": "system", "content": "Be\\nbrief."}, {"role": "user", "content": "Hi there."}],'
        f' "tools": [{tool % "b"}], "parameters": {{"temperature": 0.5}}}}'
    )
    for name, manifest in (("one", before), ("two", after)):
        connected.ok("prompt", "push", "differs/p", "-", "--alias", name, typed=manifest)
    shown = connected.run("prompt", "diff", "differs/p@one", "differs/p@two")
    assert shown.status == 1
    assert shown.out.splitlines() == [
        "Messages",
        "messages.0: added",
        "  + [system]",
        "  + Be",
        "  + brief.",
        "Tools",
        "tools.a: removed",
        '  - {"type":"function","function":{"name":"a"}}',
        "Parameters",
        "parameters: added",
        '  + {"temperature":0.5}',
    ]
    with installation.hub() as hub:
        versions = [
            hub.artifacts.register("model", "tuned", {"files": [{"name": "a.gguf", "size": n}]}, by="admin").digest
            for n in (1, 2)
        ]
    shown = connected.run("model", "diff", *(f"tuned@{digest}" for digest in versions))
    assert (shown.status, "files.a.gguf.size: changed\n  - 1\n  + 2\n" in shown.out) == (1, True)


def test_render_takes_a_draft_and_texts_that_look_like_numbers(connected: Shell, tmp_path: Path) -> None:
    file = tmp_path / "draft.yaml"
    file.write_text("messages: [{role: user, content: 'At {{zip}}'}]\nvariables: {zip: string}\n", encoding="utf-8")
    assert connected.ok("prompt", "render", str(file), "--var", "zip=10115").out == "[user]\nAt 10115\n"
    ran = connected.run("prompt", "render", str(file))
    assert ran.status == 2
    assert "needs the variable 'zip'" in ran.err


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "p.md"
    file.write_text("---\nmodel: m\n---\n# system\nA\n\nB\n# user\n{{x}}\n", encoding="utf-8")
    manifest = read_prompt(str(file))
    assert manifest == {
        "model": "m",
        "messages": [{"role": "system", "content": "A\n\nB"}, {"role": "user", "content": "{{x}}"}],
    }
    again = tmp_path / "p.yaml"
    again.write_text(write_prompt({**manifest, "includes": {"a@b": "prompt/a@sha256:0"}}), encoding="utf-8")
    assert read_prompt(str(again)) == manifest
    file.write_text("before\n# user\nx", encoding="utf-8")
    with pytest.raises(UsageError, match="before the first role"):
        read_prompt(str(file))
    again.write_text("- 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="holds no prompt"):
        read_prompt(str(again))


def test_what_a_prompt_takes(connected: Shell, tmp_path: Path) -> None:
    file = tmp_path / "zip.yaml"
    file.write_text(
        "model: echo\nmessages:\n- role: system\n  content: Be brief.\n- role: user\n  content: At {{zip}}\n"
        "variables:\n  zip:\n    type: string\nparameters:\n  max_tokens: 9\n"
    )
    found = json.loads(connected.ok("prompt", "budget", str(file), "--var", "zip=Bern", "--json").out)
    assert [(each["name"], each["tokens"]) for each in found["parts"]] == [("system", 3), ("user", 2)]
    assert [(each["name"], each["tokens"]) for each in found["variables"]] == [("zip", 1)]
    assert (found["request"], found["answer"], found["exact"]) == (5, 9, False)
    said = connected.ok("prompt", "budget", str(file), "--var", "zip=Bern").out
    assert connected.ok("prompt", "budget", str(file), "--var", "zip=3011").out.startswith("PART")
    assert "Together 5 tokens, counted as an estimate" in said
