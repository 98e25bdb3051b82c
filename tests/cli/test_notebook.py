"""Runs out of a notebook: the documentation's own cell, what is kept of it, and what is shown."""

import re
from typing import Any

import pytest

import genaiops
from genaiops.core.errors import TimedOut, UsageError
from tests.app.running import Installation
from tests.cli.conftest import Shell
from tests.house.tree import ROOT

CELL = re.compile(r"```python\n(import genaiops\n\ncases = .*?)```", re.DOTALL)


@pytest.fixture
def here(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_HOME", str(installation.home.path))


def test_the_documentation_s_cell_is_kept_with_its_verdict(here: None, connected: Shell) -> None:
    [cell] = CELL.findall((ROOT / "docs" / "sdk.md").read_text(encoding="utf-8"))
    space: dict[str, Any] = {}
    exec(cell.replace("smollm2", "talker"), space)
    run: genaiops.SuiteRun = space["run"]
    assert run.verdict == "fail"  # it talks of the weather
    assert {line["kpi"]: line["measured"] for line in run.kpis} == {"icontains": 0.0, "answers in time": 1.0}
    kept = connected.ok("run", "show", run.id, "--json").json()
    assert kept["run"]["verdict"]["outcome"] == "fail"
    assert "0.8" in connected.ok("suite", "show", "capitals", "--json").out


def test_kpis_are_held_and_shown_as_a_table(here: None) -> None:
    cases = [{"input": f"Question {number}", "expected": "Berlin"} for number in range(40)]
    good = genaiops.run_suite("rain", cases=cases, models=["talker"], kpis={"contains": 0.9}, run={"cache": False})
    assert (good.verdict, good.kpis[0]["n"]) == ("pass", 40)
    bad = genaiops.run_suite("rain", cases=cases, models=["talker"], kpis={"equals": 0.9})
    assert bad.verdict == "fail"
    shown = re.split(r"<[^>]+>", bad._repr_html_())
    assert {"FAIL", "equals", "talker", "0.9"} <= set(shown)
    assert bad.url.endswith(f"/arena/runs/{bad.id}")
    assert repr(bad).startswith("FAIL: ")


def test_what_is_wrong_is_told(here: None) -> None:
    with pytest.raises(UsageError, match="takes cases"):
        genaiops.run_suite("x", cases=[], models=["talker"], kpis={"equals": 0.9})
    with pytest.raises(UsageError, match="no metric"):
        genaiops.run_suite("x", cases=[{"input": "a"}], models=["talker"], kpis={"equal": 0.9})
    with pytest.raises(TimedOut, match="goes on"):
        genaiops.run_suite("y", cases=[{"input": "a"}], models=["talker"], kpis={"equals": 0.9}, timeout=-1)
