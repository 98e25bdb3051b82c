"""`genaiops suite inspect` with Inspect itself, where it is installed: a task of its own, against an echo target."""

from pathlib import Path

import pytest

from genaiops.core.errors import ConfigError
from genaiops.engines.inspect_command import MISSING, find_inspect
from tests.cli.conftest import Shell

TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate


@task
def weather(city="Berlin"):
    samples = [Sample(input="Where does it rain?", target=city) for _ in range(12)]
    return Task(dataset=samples, solver=generate(), scorer=includes())
"""


@pytest.mark.slow
def test_a_task_runs_against_the_gateway_and_its_log_is_a_run_with_a_gate(connected: Shell, tmp_path: Path) -> None:
    try:
        find_inspect()
    except ConfigError:
        pytest.skip(f"needs Inspect. {MISSING}")
    file = tmp_path / "weather.py"
    file.write_text(TASK)
    words = ("suite", "inspect", f"{file}@weather", "--model", "talker", "--floor", "0.6", "--json")
    [done] = connected.run(*words).json()["runs"]
    assert done["report"]["verdict"]["outcome"] == "pass"
    assert (done["run"]["done"], done["run"]["failed"]) == (12, 0)
    [failed] = connected.run(*words, "-T", "city=Rome", "--logs", str(tmp_path / "logs")).json()["runs"]
    assert failed["report"]["verdict"]["outcome"] == "fail"
    assert len(list((tmp_path / "logs").glob("*.eval"))) == 1
    keys = [key for key in connected.ok("key", "list", "--json").json()["data"] if key["name"].startswith("inspect/")]
    assert {key["state"] for key in keys} == {"revoked"}
    assert len(keys) == 2


def test_without_inspect_the_command_says_how_to_get_it(
    connected: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAIOPS_INSPECT", str(tmp_path / "nowhere"))
    ran = connected.run("suite", "inspect", "weather.py", "--model", "talker")
    assert ran.status == 2
    assert "genaiops[inspect]" in ran.err
