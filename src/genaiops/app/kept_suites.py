"""Suites as they were when they ran, in the home under their digest: what a run shows depends on what was asked for."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any, Final

import msgspec

from genaiops.app.home import Home
from genaiops.app.installation import write_atomically
from genaiops.arena import read_suite_document, suite_manifest
from genaiops.core.digest import digest_bytes, digest_value
from genaiops.core.errors import NotFound, StoreError
from genaiops.domain import Run, Suite

_ADDED: Final = "added "
"""Begins the names of inputs of a run that are checks which were added to it."""


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


def added_inputs(suite: Suite) -> Mapping[str, str]:
    """What a run pins of checks that are taken of its answers later: each by its name, with the suite they stand in."""
    digest = digest_value(suite_manifest(suite))
    return {f"{_ADDED}{check.name}": digest for check in suite.check}


def added_suites(home: Home, run: Run, own: AbstractSet[str]) -> Sequence[Suite]:
    """With the checks that were added to a run, without those that its suite has (`own`), and what is not kept here."""
    found: list[Suite] = []
    pinned = {name.removeprefix(_ADDED): digest for name, digest in run.inputs.items() if name.startswith(_ADDED)}
    for digest in dict.fromkeys(digest for name, digest in pinned.items() if name not in own):
        with suppress(NotFound):
            suite = kept_suite(home, digest)
            checks = tuple(each for each in suite.check if pinned.get(each.name) == digest and each.name not in own)
            found.append(msgspec.structs.replace(suite, check=checks))
    return found
