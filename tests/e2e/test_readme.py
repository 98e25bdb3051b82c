"""The README as written: a fresh clone, an empty home, `make up`, and its lines of client code."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 420.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def made_up(clone: Path, home: Path, port: int) -> Generator[Path]:
    """`make up`, until it says that it is ready; its output."""
    others = ("GENAIOPS_", "VIRTUAL_ENV", "MAKE", "MFLAGS")  # of the tests' own make
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    environment |= {"HOME": str(home), "GENAIOPS_PORT": str(port)}
    output = home / "up.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            ["make", "up"],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + PATIENCE
        while "Admin key" not in output.read_text(errors="replace"):
            assert process.poll() is None, output.read_text(errors="replace")[-3000:]
            assert time.monotonic() < end, output.read_text(errors="replace")[-3000:]
            time.sleep(0.5)
        yield output
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


@pytest.mark.slow
def test_the_two_commands_and_the_client_code(tmp_path: Path) -> None:
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    readme = (clone / "README.md").read_text()
    assert "make up " in readme
    block = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    port = free_port()
    with made_up(clone, home, port) as output:
        printed = output.read_text(errors="replace")
        key = re.search(r"Admin key\s+(gok_\S+)", printed)
        assert key is not None, printed
        code = block[1].replace("YOUR KEY", key[1]).replace("127.0.0.1:4000", f"127.0.0.1:{port}")
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
        assert said.stdout.strip()
    assert (home / ".local/share/genaiops/admin.key").stat().st_mode & 0o777 == 0o600
