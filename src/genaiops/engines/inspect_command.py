"""Tasks of Inspect, run by its own command (the package inspect-ai, MIT) in a process of its own.

A task is a program: it runs with the rights of whoever starts it, and is sent nowhere. Inspect asks models over
OpenAI's chat, at an address and with a key that it finds in its environment (its provider `openai-api`).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from genaiops.core.errors import ConfigError, OutsideError, UsageError

COMMAND: Final = "GENAIOPS_INSPECT"
"""The command itself, where it stands in an environment of its own."""
MISSING: Final = f"Run: pip install 'genaiops[inspect]'; or name the command of another environment with {COMMAND}."
_SERVICE: Final = "genaiops"
"""How Inspect knows us; the variables with address and key are named after it."""


class InspectTask(msgspec.Struct, frozen=True, kw_only=True):
    """`task`: FILE, FILE@TASK, or the name of a package's task. `grader`: the model that tasks let grade ("": the one
    that is tried). `arguments`: what the task takes, as NAME=VALUE. `limit`: so many samples of each. `connections`:
    calls at once."""

    task: str
    model: str
    grader: str = ""
    arguments: Sequence[str] = ()
    limit: int | None = None
    epochs: int | None = None
    max_tokens: int | None = None
    connections: int = 4


def find_inspect(environ: Mapping[str, str] = os.environ) -> str:
    """Where the command is. ConfigError when it is nowhere."""
    named = environ.get(COMMAND)
    beside = Path(sys.executable).parent / "inspect"
    found = shutil.which(named) if named else (str(beside) if beside.is_file() else shutil.which("inspect"))
    if found is None:
        what = f"There is no command {named} ({COMMAND})." if named else "Inspect is not installed."
        raise ConfigError(what, remedy=MISSING, code="extra_missing")
    return found


def run_inspect(command: str, task: InspectTask, *, url: str, key: str, logs: Path, quiet: bool) -> Sequence[Path]:
    """Its new logs in the folder `logs`, the oldest first; also of tasks that failed. What it prints goes to stderr.
    UsageError for a task that it cannot begin."""
    file = task.task.partition("@")[0]
    if file.endswith(".py") and not Path(file).is_file():
        raise UsageError(f"There is no file {file}.", remedy="Name a file with a task of Inspect.", param="task")
    before = set(logs.rglob("*.eval"))
    environment = {
        **os.environ,
        f"{_SERVICE.upper()}_API_KEY": key,
        f"{_SERVICE.upper()}_BASE_URL": f"{url}/v1",
        "INSPECT_LOG_DIR": str(logs),
    }
    try:
        done = subprocess.run(
            [command, *_arguments(task, logs)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else sys.stderr,
            stderr=subprocess.STDOUT if quiet else None,
            check=False,
            text=True,
        )
    except OSError as error:
        raise OutsideError(f"{command} cannot be started: {error}.", remedy=MISSING) from error
    found = sorted(set(logs.rglob("*.eval")) - before, key=lambda path: path.stat().st_mtime)
    if not found:
        said = " ".join((done.stdout or "see above").split())[-300:]
        raise UsageError(
            f"Inspect ended with {done.returncode} and left no log: {said.rstrip('.')}.",
            remedy="Try the task by Inspect's own command: inspect eval FILE --model mockllm/model",
            param="task",
        )
    return found


def _arguments(task: InspectTask, logs: Path) -> list[str]:
    said = ["eval", task.task, "--model", f"openai-api/{_SERVICE}/{task.model}"]
    said += ["--log-dir", str(logs), "--log-format", "eval", "--display", "plain", "--no-fail-on-error"]
    said += ["--max-connections", str(task.connections)]
    said += ["--model-role", f"grader=openai-api/{_SERVICE}/{task.grader}"] if task.grader else []
    for option, value in (("--limit", task.limit), ("--epochs", task.epochs), ("--max-tokens", task.max_tokens)):
        said += [] if value is None else [option, str(value)]
    for argument in task.arguments:
        said += ["-T", argument]
    return said
