"""The data directory: what lies where in it (`GENAIOPS_HOME`)."""

import hashlib
import os
import tempfile
from pathlib import Path

from genaiops.core.errors import StoreError

SOCKET_PATH_BYTES = 90
"""A unix socket's path is limited to 104 or 108 bytes by the operating systems; names inside need the rest."""


class Home:
    """Paths below one data directory. Making one touches nothing; `prepare` makes the folders."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.models = self.path / "models"
        self.spool = self.path / "spool"
        self.snapshots = self.path / "snapshots"
        self.telemetry = self.path / "telemetry"
        self.blobs = self.path / "blobs"
        self.documents = self.path / "documents"
        self.audit = self.path / "audit"
        self.provenance = self.path / "provenance"
        self.records = self.path / "records.db"
        self.runs = self.path / "runs.db"
        self.suites = self.path / "suites"
        self.counters = self.path / "counters.mmap"
        self.machine = self.path / "machine.id"
        self.admin_key = self.path / "admin.key"
        self.person_keys = self.path / "persons.keys"
        self.secrets_key = self.path / "secrets.key"
        self.config = self.path / "genaiops.toml"
        self.lock = self.run / "lock"
        self.state = self.run / "supervisor.json"
        self.settings = self.run / "settings.json"
        self.sockets = self._socket_folder()

    @property
    def control_socket(self) -> Path:
        return self.sockets / "control.sock"

    def prepare(self) -> None:
        """Make the folders, closed to other users. StoreError when the place cannot be written."""
        try:
            for folder in (self.path, self.run, self.logs, self.sockets):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.sockets.stat().st_uid != os.getuid():
                raise StoreError(
                    f"The folder for sockets, {self.sockets}, belongs to another user.",
                    remedy="Choose a shorter home, or set XDG_RUNTIME_DIR to a folder of your own.",
                    code="home_unusable",
                )
        except OSError as error:
            raise StoreError(
                f"The data directory {self.path} cannot be used: {error.strerror} ({error.filename}).",
                remedy="Choose another with --home or GENAIOPS_HOME, or make it writable for this user.",
                code="home_unusable",
            ) from error

    def _socket_folder(self) -> Path:
        if len(os.fsencode(self.run)) <= SOCKET_PATH_BYTES:
            return self.run
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        if runtime and len(runtime) < SOCKET_PATH_BYTES - 30:
            return Path(runtime) / "genaiops" / digest
        return Path(tempfile.gettempdir()) / f"genaiops-{os.getuid()}" / digest
