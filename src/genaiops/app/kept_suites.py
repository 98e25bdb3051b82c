"""Suites as they were when they ran, in the home under their digest: what a run shows depends on what was asked for."""

from typing import Any

import msgspec

from genaiops.app.home import Home
from genaiops.app.installation import write_atomically
from genaiops.arena import read_suite_document, suite_manifest
from genaiops.core.digest import digest_bytes, digest_value
from genaiops.core.errors import NotFound, StoreError
from genaiops.domain import Suite


def keep_suite(home: Home, suite: Suite) -> None:
    """Beside the runs. What is there already stays."""
    manifest = suite_manifest(suite)
    home.suites.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home.suites / f"{digest_value(manifest).removeprefix('sha256:')}.json"
    if not path.exists():
        write_atomically(path, msgspec.json.encode(manifest, order="sorted"))


def kept_suite(home: Home, digest: str) -> Suite:
    """NotFound when the home has it not; StoreError when it is no longer what it was."""
    name = digest.removeprefix("sha256:")
    path = home.suites / f"{name}.json"
    try:
        data = path.read_bytes() if name.isalnum() else b""
    except OSError:
        data = b""
    if not data:
        raise NotFound(
            f"The suite {digest[:80]} is not kept in {home.path}.",
            remedy="Run it again, or name the home it ran in.",
        )
    document: Any = msgspec.json.decode(data) if digest_bytes(data) == digest else None
    suite = None if document is None else read_suite_document(document).suite
    if suite is None:
        raise StoreError(f"{path} is not what it was when the suite ran.", remedy="Restore it, or run the suite again.")
    return suite
