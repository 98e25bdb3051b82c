"""Programs of others that say a metric's figure: whether they are here, and which they are."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from genaiops.app.findings import Finding, ok
from genaiops.arena import programs_of
from genaiops.core.errors import ConfigError
from genaiops.domain import Suite
from genaiops.engines.meteor15 import Meteor15, digests, find_files

_METEOR = "meteor_1_5"


@contextmanager
def meteor() -> Generator[Meteor15]:
    """It starts when it is first asked, and ends with the block."""
    made = Meteor15()
    try:
        yield made
    finally:
        made.close()


def check_programs(suite: Suite) -> None:
    """UsageError names what a check's program lacks on this machine."""
    if _METEOR in programs_of(suite):
        Meteor15().check()


def programs(suite: Suite) -> dict[str, str]:
    """Which programs say figures of a run, for its environment. UsageError as `check_programs`."""
    return {_METEOR: digests(find_files())} if _METEOR in programs_of(suite) else {}


def program_findings() -> Iterator[Finding]:
    """The doctor's look. Nothing is wrong without them: only a suite with such a metric needs one."""
    try:
        found = find_files()
    except ConfigError as error:
        yield ok("METEOR 1.5", f"not here; only the metric {_METEOR} needs it. {error.message} {error.remedy}")
    else:
        yield ok("METEOR 1.5", f"the metric {_METEOR} can be computed: {found.jar}, by {found.java}")
