"""Inspect's own command: how it is found and what it is asked. With Inspect itself: tests/cli/test_suite_inspect.py"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from genaiops.core.errors import ConfigError, UsageError
from genaiops.engines.inspect_command import InspectTask, find_inspect, run_inspect

RECORDER = """#!{python}
import json, os, sys
from pathlib import Path
folder = Path(sys.argv[sys.argv.index("--log-dir") + 1])
said = dict(arguments=sys.argv[1:], key=os.environ["GENAIOPS_API_KEY"], url=os.environ["GENAIOPS_BASE_URL"])
if "nope" in sys.argv[2]:
    sys.exit("Task named 'nope' not found.")
(folder / "new.eval").write_text(json.dumps(said))
"""


@pytest.fixture
def command(tmp_path: Path) -> str:
    path = tmp_path / "recorder"
    path.write_text(RECORDER.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


def ran(command: str, task: InspectTask, logs: Path) -> dict[str, Any]:
    [log] = run_inspect(command, task, url="http://127.0.0.1:1", key="gok_x", logs=logs, quiet=True)
    return json.loads(log.read_text())


def test_it_is_asked_for_our_models_with_a_key_in_its_environment_alone(command: str, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "older.eval").write_text("{}")
    task = InspectTask(task="package/task", model="m", grader="g", arguments=("n=1",), limit=2, epochs=3)
    said = ran(command, task, logs)
    assert said["key"] == "gok_x"
    assert said["url"] == "http://127.0.0.1:1/v1"
    words = " ".join(said["arguments"])
    assert "eval package/task --model openai-api/genaiops/m" in words
    assert "--model-role grader=openai-api/genaiops/g --limit 2 --epochs 3 -T n=1" in words
    assert "gok_x" not in words


def test_what_cannot_begin_says_why(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"no file gone\.py"):
        ran(command, InspectTask(task="gone.py@nope", model="m"), tmp_path)
    with pytest.raises(UsageError, match=r"ended with 1 and left no log: Task named 'nope' not found"):
        ran(command, InspectTask(task="nope", model="m"), tmp_path)
    assert find_inspect({"GENAIOPS_INSPECT": command}) == command
    with pytest.raises(ConfigError, match="no command /gone"):
        find_inspect({"GENAIOPS_INSPECT": "/gone"})
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ConfigError, match="not installed"):
        find_inspect({})
