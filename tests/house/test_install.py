"""`requirements/install.py` makes, keeps and mends .venv: run with real interpreters, in folders of their own."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.tree import ROOT

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tiny"
version = "1"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with the real script and a lock of one package."""
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "install.py", tmp_path / "requirements")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements" / "core.txt").write_text("nothing==1 --hash=sha256:" + "0" * 64 + "\n")
    (tmp_path / "requirements" / "dev.txt").write_text("nothing==1 --hash=sha256:" + "0" * 64 + "\nmore==2\n")
    return tmp_path


@pytest.fixture
def script(clone: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("install_under_test", clone / "requirements" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fill(script: ModuleType, clone: Path, selection: str) -> None:
    """What a finished installation leaves behind."""
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    if not python.exists():
        python.symlink_to(sys.executable)
    script.stamp(clone, selection).write_text(script.fingerprint(clone, selection))


def test_a_filled_venv_is_current(script: ModuleType, clone: Path) -> None:
    assert not script.is_current(clone, "core")
    fill(script, clone, "core")
    assert script.is_current(clone, "core")
    assert not script.is_current(clone, "dev")
    fill(script, clone, "dev")
    assert script.is_current(clone, "dev")


def test_the_development_lock_serves_for_running(script: ModuleType, clone: Path) -> None:
    fill(script, clone, "dev")
    assert script.is_current(clone, "core")


@pytest.mark.parametrize("name", ["requirements/core.txt", "pyproject.toml", ".venv/pyvenv.cfg"])
def test_a_change_makes_it_stale(script: ModuleType, clone: Path, name: str) -> None:
    fill(script, clone, "core")
    with (clone / name).open("a") as file:
        file.write("# changed\n")
    assert not script.is_current(clone, "core")


def test_a_venv_whose_python_is_gone_is_stale(script: ModuleType, clone: Path) -> None:
    fill(script, clone, "core")
    (clone / ".venv" / "bin" / "python").unlink()
    (clone / ".venv" / "bin" / "python").symlink_to(clone / "gone")
    assert not script.is_current(clone, "core")


def test_a_current_venv_needs_no_installer(script: ModuleType, clone: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fill(script, clone, "core")
    command = [sys.executable, str(clone / "requirements" / "install.py"), "core"]
    assert subprocess.run(command, env={"PATH": ""}, check=False).returncode == 0
    assert capfd.readouterr() == ("", "")


def test_without_ensurepip_and_uv_the_message_says_what_to_install(
    script: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(script.InstallError, match=r"ensurepip module is missing(.|\n)*apt-get install python3-venv"):
        script.ensure_venv(clone, uv=None)


@pytest.mark.slow
def test_a_broken_venv_is_made_anew(script: ModuleType, clone: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(clone / "gone")
    (clone / ".venv" / "left-over").write_text("")
    script.ensure_venv(clone, uv=None)
    assert not (clone / ".venv" / "left-over").exists()
    command = [str(clone / ".venv" / "bin" / "python"), "-m", "pip", "--version"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_an_unreachable_registry_is_said_plainly_and_leaves_no_stamp(clone: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(clone / ".venv")], check=True)
    environment = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "HOME": str(clone)}
    command = [sys.executable, str(clone / "requirements" / "install.py"), "core"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "The packages in requirements/core.txt could not be installed" in done.stderr
    assert "PIP_INDEX_URL" in done.stderr
    assert not (clone / ".venv" / "installed-core").exists()


def test_wrong_usage(clone: Path) -> None:
    command = [sys.executable, str(clone / "requirements" / "install.py"), "everything"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "core|dev" in done.stderr
