"""`genaiops up` as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.gateway.machine import BenchmarkError
from genaiops.app.home import Home


def begin(home: Home, *options: str, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    """Returns when it is ready, on a port of its own. BenchmarkError with what it said when it never is. `variables`:
    beside those of the environment that are not genaiops' own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GENAIOPS_")}
    command = [sys.executable, "-m", "genaiops", "up", "--json", "--port", "0", "--home", str(home.path)]
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**inherited, **variables},
        start_new_session=True,
    )
    try:
        _wait(process)
    except BaseException:
        end(process)
        raise
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _wait(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("{") and str(json.loads(line).get("message", "")).startswith("ready"):
            return
    raise BenchmarkError(f"genaiops did not start: {''.join(said)}")
