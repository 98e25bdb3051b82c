"""Where programs run that were answered: whether this machine can confine them, and whether somebody allowed less."""

import os
from collections.abc import Iterator
from typing import Final

from genaiops.app.findings import Finding, ok, warn
from genaiops.arena import runs_programs
from genaiops.domain import Suite
from genaiops.engines.sandbox import ALLOW_VARIABLE, Processes, probe

_WEAK: Final = "weak"


def sandbox(weak: bool | None = None) -> Processes:
    """`weak` None: as this command's environment says."""
    return Processes(weak=os.environ.get(ALLOW_VARIABLE) == _WEAK if weak is None else weak)


def check_sandbox(suite: Suite, weak: bool | None = None) -> None:
    """UsageError when a check runs programs, and this machine cannot confine them."""
    if runs_programs(suite):
        sandbox(weak).check()


def confinement(suite: Suite) -> dict[str, str]:
    """What programs were kept from, as the environment of a run tells it."""
    if not runs_programs(suite):
        return {}
    found = probe()
    lacking = f"; lacking: {', '.join(found.lacking)}" if found.lacking else ""
    return {"sandbox": f"{', '.join(found.in_force)}{lacking}"}


def sandbox_findings() -> Iterator[Finding]:
    """The doctor's look."""
    found = probe()
    if not found.lacking:
        yield ok("sandbox", f"programs that models write can be tried: {', '.join(found.in_force)}")
        return
    yield warn(
        "sandbox",
        f"Programs that models write are not tried here: nothing keeps them from {' and '.join(found.lacking)}.",
        "Run suites with the metric code on Linux 5.13 or newer.",
    )
