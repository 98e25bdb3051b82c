"""SIGKILL at any moment: see `killing.py`, which does it in processes of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILLING = Path(__file__).with_name("killing.py")


def killing(folder: Path, *arguments: str) -> dict[str, int]:
    done = subprocess.run([sys.executable, KILLING, folder, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_death_before_each_single_store(tmp_path: Path) -> None:
    stores = killing(tmp_path, "each")
    assert min(stores.values()) > 20


def test_workers_killed_at_random_under_load(tmp_path: Path) -> None:
    done = killing(tmp_path, "random", "3")
    assert done["kills"] > 10
    assert done["calls"] > 100


@pytest.mark.slow
def test_workers_killed_at_random_under_load_thousands_of_times(tmp_path: Path) -> None:
    done = killing(tmp_path, "random", "60")
    assert done["kills"] > 1000
