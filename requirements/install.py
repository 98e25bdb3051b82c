"""Make .venv hold exactly what is locked: `python3 requirements/install.py core|dev`.

It runs on the machine's own Python before anything is installed, so it uses the standard library alone. When .venv
already holds this lock it returns at once. uv installs when the machine has it, pip otherwise; both check every hash.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
LOCKS = {"core": "requirements/core.txt", "dev": "requirements/dev.txt"}
SHOWN_OF_A_FAILURE = 15  # lines of the installer's output


class InstallError(Exception):
    """What stopped the installation and, on the lines after the first, what to do about it."""


def fingerprint(root: Path, selection: str) -> str:
    """Changes whenever .venv has to be filled anew: another lock, other entry points or Python, a moved folder."""
    digest = hashlib.sha256(str(root).encode())
    for name in (LOCKS[selection], "pyproject.toml", ".venv/pyvenv.cfg"):
        path = root / name
        digest.update(path.read_bytes() if path.is_file() else b"absent")
    return digest.hexdigest()


def stamp(root: Path, selection: str) -> Path:
    return root / ".venv" / f"installed-{selection}"


def is_current(root: Path, selection: str) -> bool:
    """Whether .venv runs and was filled from this lock. The development lock contains the core lock."""
    if not (root / ".venv" / "bin" / "python").exists():
        return False
    for name in dict.fromkeys((selection, "dev")):
        path = stamp(root, name)
        if path.is_file() and path.read_text() == fingerprint(root, name):
            return True
    return False


def ensure_venv(root: Path, uv: str | None) -> None:
    """Create .venv unless one that runs is there. A broken one (its Python is gone) is replaced."""
    venv = root / ".venv"
    python = venv / "bin" / "python"
    if python.exists():
        return
    if venv.exists():
        print("genaiops: the Python of .venv is gone; making it anew", flush=True)
        shutil.rmtree(venv)
    if importlib.util.find_spec("ensurepip") is not None:
        command = [sys.executable, "-m", "venv", str(venv)]
    elif uv:
        command = [uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(venv)]
    else:
        raise InstallError(
            f"{sys.executable} cannot make virtual environments: its ensurepip module is missing.\n"
            "Install it (Debian and Ubuntu: apt-get install python3-venv) or install uv, then run make again."
        )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        raise InstallError(f"The virtual environment {venv} could not be made:\n{tail(done.stdout + done.stderr)}")


def tail(output: str) -> str:
    return "\n".join("  " + line for line in output.strip().splitlines()[-SHOWN_OF_A_FAILURE:])


def run(command: list[str], root: Path, total: int) -> tuple[int, str]:
    """Run an installer, keep its output, and show on a terminal how many of `total` packages it has reached."""
    environment = os.environ | {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}
    output: list[str] = []
    reached = 0
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            reached += line.startswith("Collecting ")
            if sys.stdout.isatty() and total:
                doing = "unpacking" if line.startswith("Installing ") else f"{reached} of about {total} packages"
                print(f"\r\033[K  {doing}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    return process.returncode, "".join(output)


def fill(root: Path, selection: str, uv: str | None) -> None:
    """Install the lock into .venv, then the project itself as an editable package."""
    python = str(root / ".venv" / "bin" / "python")
    lock = LOCKS[selection]
    total = len(re.findall(r"^[A-Za-z0-9]\S*==", (root / lock).read_text(), re.MULTILINE))
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    ways = [("pip", [*pip, "--require-hashes", "-r", lock], [*pip, "--no-deps", "--no-build-isolation", "-e", "."])]
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", python]
        project = [*command, "--no-deps", "--no-build-isolation", "-e", "."]
        ways.insert(0, ("uv", [*command, "--require-hashes", "-r", lock], project))
    output = ""
    for name, packages, project in ways:
        print(
            f"genaiops: installing about {total} packages with {name} (the first time takes a minute or two)",
            flush=True,
        )
        status, output = run(packages, root, total)
        if status == 0:
            status, output = run(project, root, 0)
        if status == 0:
            return
        if name == "uv":
            print("genaiops: uv did not manage; trying pip, which has an index configuration of its own", flush=True)
    raise InstallError(
        f"The packages in {lock} could not be installed:\n{tail(output)}\n"
        "Is the package registry in reach? pip's own settings apply: PIP_INDEX_URL, PIP_PROXY, PIP_CERT or pip.conf."
    )


def install(root: Path, selection: str) -> None:
    if is_current(root, selection):
        return
    started = time.monotonic()
    own = root / ".venv" / "bin" / "uv"
    uv = shutil.which("uv") or (str(own) if own.exists() else None)
    ensure_venv(root, uv)
    fill(root, selection, uv)
    stamp(root, selection).write_text(fingerprint(root, selection))
    print(f"genaiops: installed in {time.monotonic() - started:.0f} s", flush=True)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        print(f"usage: {sys.executable} requirements/install.py {'|'.join(LOCKS)}", file=sys.stderr)
        return 2
    if sys.version_info[:2] < OLDEST:
        print(
            f"genaiops needs Python {OLDEST[0]}.{OLDEST[1]} or newer; {sys.executable} is {sys.version.split()[0]}.\n"
            "Name another one: make up PYTHON=python3.12",
            file=sys.stderr,
        )
        return 2
    try:
        install(ROOT, arguments[0])
    except InstallError as error:
        print(f"genaiops: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
