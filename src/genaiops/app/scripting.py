"""Code that suites bring: whether it can be called here, and who calls it."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from genaiops.arena import scripts_of
from genaiops.core.errors import UsageError
from genaiops.domain import Suite
from genaiops.engines.scripts import Hosts

TARGETS_AT_ONCE = 4
"""Processes of one language for targets, which wait for others; what checks call is one after the other."""


@contextmanager
def hosts(folder: Path | None, at_once: int = 1) -> Generator[Hosts | None]:
    """Processes start when they are first asked, and end with the block. None where the suite's files are not."""
    if folder is None:
        yield None
        return
    made = Hosts(folder, at_once=at_once)
    try:
        yield made
    finally:
        made.close()


def check_scripts(suite: Suite, folder: Path | None) -> None:
    """UsageError names code that cannot be called."""
    found = scripts_of(suite)
    if not found:
        return
    if folder is None:
        raise UsageError(
            "The suite brings code, which runs where its files are and not on the server.",
            remedy="Run it there: genaiops suite run FILE --local",
            param="suite",
        )
    with hosts(folder) as made:
        assert made is not None
        made.check(found)
