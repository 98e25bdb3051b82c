"""`genaiops apply` and `genaiops export` against an installation that runs; the documentation's example as written."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from genaiops.sdk import Client
from tests.app.running import Installation, request
from tests.cli.conftest import Shell
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "apply.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return name


def test_the_documentation_as_written(connected: Shell, installation: Installation, folder: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    write(folder, "genaiops.yaml", example)
    commands = [
        shlex.split(line)[1:]
        for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    assert [words[0] for words in commands] == ["apply", "apply", "apply", "import"]
    looked = connected.ok(*commands[0])
    assert "+ target mini\n" in looked.out
    assert "There is no secret OPENAI_API_KEY yet: genaiops secret set OPENAI_API_KEY" in looked.err
    assert connected.run("model", "show", "mini").status == 2
    done = connected.ok(*commands[1])
    (secret,) = re.findall(r"^search-web +(gok_\S+)$", done.out, re.MULTILINE)
    assert "\n12 to add, 1 unchanged.\n" in done.out  # that price is in the table that comes with the program
    models = request(f"{installation.url}/v1/models", key=secret)
    assert "assistant" in [model["id"] for model in models.body["data"]]
    assert connected.ok(*commands[2]).out == "Nothing to do, 13 unchanged.\n"


def test_what_changes_is_shown_and_check_says_it_by_its_status(connected: Shell, folder: Path) -> None:
    file = write(folder, "a.yaml", "targets:\n  shown: {provider: echo, settings: {text: a}}\n")
    connected.ok("apply", "-f", file)
    write(folder, "a.yaml", "targets:\n  shown: {provider: echo, settings: {text: b}, max_concurrency: 2}\n")
    checked = connected.run("apply", "-f", file, "--check")
    assert checked.status == 1
    assert checked.out == (
        "~ target shown\n"
        "    max_concurrency  - -> 2\n"
        '    settings         {"text":"a"} -> {"text":"b"}\n'
        "\n"
        "1 to change, 0 unchanged.\n"
    )
    assert "--prune removes them" in checked.err
    connected.ok("apply", "-f", file, "--json")
    assert connected.ok("apply", "-f", file, "--check", "--json").json()["changes"] == []


def test_prune(connected: Shell, folder: Path) -> None:
    connected.ok("route", "set", "too-much", "--target", "talker")
    file = write(folder, "none.toml", "routes = {}\n")
    assert connected.ok("apply", "-f", file).out.startswith("Nothing to do")
    assert "- route too-much\n" in connected.ok("apply", "-f", file, "--prune").out
    assert "too-much" not in connected.ok("route", "list", "--json").out


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "teams:\n  x: {}\n\ntargets:\n  t:\n    provider: ehco\n", "a.yaml:6: targets.t.provider: "),
        ("a.yaml", "targets:\n  t:\n    provider: echo\n    setings: {}\n", "a.yaml:4: targets.t.setings: "),
        ("a.yaml", "budgets:\n- {scope: {kind: team, id: nobody}, limit: 3 calls}\n", "a.yaml:2: budgets[0].scope: "),
        ("a.yaml", "targts: {}\n", "a.yaml:1: targts: "),
        ("a.yaml", "teams: {x: {}}\nteams: {}\n", "a.yaml:2: teams stands here for the second time; the first is at"),
        ("a.yaml", "teams: {x: [}\n", "a.yaml:1: this cannot be read as YAML"),
        ("a.yaml", "- 1\n", "a.yaml:1: this is no description"),
        ("a.json", '{\n\t"targets": {\n\t\t"t": {"provider": 3}}}', "a.json:3: targets.t.provider: "),
        ("a.json", '{"teams": {"x": {}, "x": {}}}', "a.json:1: teams.x stands here for the second time"),
        ("a.json", '{\n"teams": ', "a.json:2: this is no JSON"),
        ("a.toml", "[targets.t]\nprovider = 3\n", "a.toml: targets.t.provider: "),
        ("a.toml", "[targets\n", "a.toml is no TOML"),
    ],
)
def test_an_error_names_file_line_and_field(connected: Shell, folder: Path, name: str, text: str, said: str) -> None:
    ran = connected.run("apply", "-f", write(folder, name, text))
    assert ran.status == 2
    assert f"error: {said}" in ran.err


def test_a_file_that_is_not_there(connected: Shell, folder: Path) -> None:
    assert "nowhere.yaml cannot be read" in connected.run("apply", "-f", "nowhere.yaml").err
    (folder / "empty").mkdir()
    assert "holds no description" in connected.run("apply", "-f", "empty").err


def test_several_files_are_one_description(connected: Shell, folder: Path) -> None:
    parts = folder / "parts"
    parts.mkdir()
    write(parts, "1.yaml", "teams: {several: {}}\nlimits:\n- {scope: {kind: team, id: several}, concurrency: 1}\n")
    write(parts, "2.toml", "[teams.others]\n")
    write(parts, "3.json", '{"limits": [\n{"scope": {"kind": "team", "id": "othrs"}, "concurrency": 1}]}')
    write(parts, "notes.txt", "not read")
    ran = connected.run("apply", "-f", "parts")
    assert "parts/3.json:2: limits[1].scope: There is no team 'othrs'" in ran.err
    write(parts, "3.json", '{"limits": [{"scope": {"kind": "team", "id": "others"}, "concurrency": 1}]}')
    assert "4 to add" in connected.ok("apply", "-f", "parts").out
    write(folder, "again.yaml", "teams: {several: {}}\n")
    assert (
        "teams.several is described at parts/1.yaml:1 already"
        in connected.run("apply", "-f", "parts", "-f", "again.yaml").err
    )


def test_standard_input(connected: Shell) -> None:
    ran = connected.ok("apply", "-f", "-", typed="teams: {piped: {title: Piped}}\n")
    assert ran.out == "+ team piped\n    title  Piped\n\n1 to add, 0 unchanged.\n"


def test_anchors_and_dates(connected: Shell, installation: Installation) -> None:
    text = """
keys:
  dated: &common {expires_at: 2100-01-01, application: shop}
  merged: {<<: *common, application: desk}
"""
    connected.ok("apply", "-f", "-", typed=text)
    with Client(home=installation.home.path) as client:
        keys = {key["name"]: key for key in client.pages("/api/keys")}
    assert keys["merged"]["expires_at"].startswith("2100-01-01T00")
    assert (keys["dated"]["application"], keys["merged"]["application"]) == ("shop", "desk")


def test_aliases_that_grow_without_end(connected: Shell) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "is too large" in connected.run("apply", "-f", "-", typed="\n".join(lines)).err


def test_export_is_read_back(connected: Shell, folder: Path) -> None:
    connected.ok("apply", "-f", "-", typed="teams: {exported: {title: Two words}}\n")
    for name in ("all.yaml", "all.json"):
        connected.ok("export", "-o", name)
        assert connected.ok("apply", "-f", name, "--prune", "--check").out.startswith("Nothing to do")
    printed = connected.ok("export", "--only", "teams").out
    assert yaml.safe_load(printed)["teams"]["exported"] == {"title": "Two words"}
    assert json.loads(connected.ok("export", "--only", "teams", "--json").out) == yaml.safe_load(printed)
    assert "There is no section 'teem'" in connected.run("export", "--only", "teem").err
    assert "neither YAML nor JSON" in connected.run("export", "-o", "x.toml").err


def test_on_a_terminal_it_asks(connected: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(folder, "a.yaml", "teams: {asked: {}}\n")
    monkeypatch.setattr("genaiops.cli._applying._asks", lambda how: not how.yes)
    refused = connected.run("apply", "-f", file, typed="n\n")
    assert (refused.status, "Nothing was changed." in refused.err) == (1, True)
    assert "asked" not in connected.ok("team", "list").out
    connected.ok("apply", "-f", file, typed="y\n")
    assert "asked" in connected.ok("team", "list").out
