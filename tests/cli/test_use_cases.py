"""docs/use-cases.md as it stands: a release waits for its KPIs, and comes when a run meets them."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Installation
from tests.cli.conftest import Shell
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "use-cases.md").read_text(encoding="utf-8")
TITLED = re.compile(r'```toml title="([^"]+)"\n(.*?)```', re.DOTALL)
COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
CELL = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in TITLED.findall(PAGE):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_can_be_followed(
    connected: Shell, installation: Installation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [block] = COMMANDS.findall(PAGE)
    lines = block.replace("smollm2", "talker").splitlines()
    said = [connected.run(*shlex.split(line)[1:]) for line in lines]
    refused, show = said[5], said[7]
    assert [each.status for each in said] == [0, 0, 0, 0, 0, 2, 0, 0, 0], [each.err for each in said]
    assert refused.status == 2
    assert "answers-in-time of support is not measured" in refused.err
    assert "do: genaiops suite run answers@prod --release support@sha256:" in refused.err
    [met] = [line.split() for line in show.out.splitlines() if line.startswith("MET ")]
    assert " ".join(met[3:11]) == "newest at least 0.5 1 0.607 to 1", show.out
    assert any(line.split()[:3] == ["NOT", "MEASURED", "handling-time"] for line in show.out.splitlines())

    monkeypatch.setenv("GENAIOPS_HOME", str(installation.home.path))
    [cell] = CELL.findall(PAGE)
    space: dict[str, Any] = {}
    exec(cell.replace("smollm2", "talker"), space)
    run = space["run"]
    assert [(line["kpi"], line["asked"]) for line in run.kpis] == [("answers-in-time", 0.5)]
    [kpi] = run.document["kpis"]
    assert (kpi["use_case"], kpi["status"]) == ("support", "inconclusive")
    assert "another version than answers@prod" in kpi["reason"]
    assert "| **INCONCLUSIVE** | support |" in connected.ok("suite", "report", run.id).out
    # A benchmark says what was measured: "withstands 0.9" of attacks that succeeded would read as praise.
    assert "in-time: latency/1 " in connected.ok("model", "show", "talker").out

    connected.ok("use-case", "report", "support", "handling-time", "210", "--note", "week 46")
    assert "week 46" in connected.ok("use-case", "figures", "support").out
    text = connected.ok("use-case", "show", "support", "--text").out
    assert text.strip() == (folder / "support.toml").read_text().strip()
    (folder / "support.toml").write_text(text.replace("target = 0.5", "target = 0.99"))
    pushed = connected.ok("use-case", "push", "support", "support.toml")
    assert "INCONCLUSIVE" in pushed.out
    assert connected.run("use-case", "show", "support").status == 4
    history = connected.ok("use-case", "history", "support", "--json").json()["data"]
    assert connected.run("use-case", "diff", "support", history[1]["version"][-64:][:12]).status == 1
    connected.ok("use-case", "undo", "support")
    assert connected.run("use-case", "show", "support").status == 0
    connected.ok("use-case", "retire", "support")
    assert connected.ok("use-case", "list", "--json").json()["data"] == []


def test_bad_input_is_told(connected: Shell, folder: Path) -> None:
    (folder / "wrong.toml").write_text('title = "x"\n[[kpi]]\nname = "a"\ntarget = 1\nsuite = "s"\n')
    checked = connected.run("use-case", "check", "wrong.toml")
    assert checked.status == 1
    assert "line 2: A KPI that is measured names its suite and its check; this has no check." in checked.err
    assert connected.run("use-case", "push", "wrong", "wrong.toml").status == 2
    assert "none.toml cannot be read" in connected.run("use-case", "push", "wrong", "none.toml").err


def test_risks_are_told_with_their_gaps(connected: Shell) -> None:
    """docs/risks.md: nothing reads as fine where nothing is in force."""
    listed = connected.run("risk", "list")
    assert listed.status == 1
    [row] = [line.split() for line in listed.out.splitlines() if line.startswith("biased-content")]
    assert row[1:4] == ["GAP", "GAP", "GAP"]
    shown = connected.run("risk", "show", "copied-works")
    assert shown.status == 1
    assert "Detector, GAP: No rule in force looks for it." in shown.out
    assert "to close it: genaiops policy push default FILE, with a rule of the detector verbatim" in shown.out
    assert "Did you mean 'injection'?" in connected.run("risk", "show", "injecton").err
