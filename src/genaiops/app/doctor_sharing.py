"""The doctor's look at what is shared with other machines."""

import contextlib
from collections.abc import Iterator

from genaiops.app import stores
from genaiops.app.findings import Finding, fail, ok, warn
from genaiops.app.home import Home
from genaiops.app.settings import Settings
from genaiops.app.sharing import open_local
from genaiops.core.errors import GenaiopsError

_CHECK = "machines"


def check_sharing(settings: Settings, home: Home, *, running: bool) -> Iterator[Finding]:
    """Nothing to say where nothing is shared."""
    if not stores.shares_counters(settings):
        return
    if stores.records_url(settings, home).startswith("sqlite"):
        yield warn(
            _CHECK,
            "Counters are shared with other machines, but the records are a file of this one.",
            "Set stores.records to a PostgreSQL database that all machines use.",
        )
    if running and stores.counters_path(settings, home).exists():
        with contextlib.closing(open_local(settings, home)) as counters:
            degraded = counters.degraded()
        if degraded is not None:
            yield fail(_CHECK, degraded, "Look at stores.counters, that server, and logs/control.log.")
    from genaiops.app.machines import known_machines

    try:
        machines = known_machines(settings)
    except GenaiopsError as error:
        yield fail(_CHECK, error.message, error.remedy or "Read docs/operations.md.")
        return
    awaited = [machine.id for machine in machines if machine.state == "awaited"]
    silent = [machine.id for machine in machines if machine.state == "silent"]
    if awaited:
        yield fail(
            _CHECK,
            f"No more of hard limits is leased before these machines have told what they hold: {', '.join(awaited)}.",
            "Start them, or run genaiops machine forget ID for one that never comes back.",
        )
    elif silent and running:
        yield warn(
            _CHECK,
            f"Not heard of: {', '.join(silent)}. What they had leased stays leased.",
            "Start them, or run genaiops machine forget ID for one that never comes back.",
        )
    else:
        yield ok(_CHECK, f"{len(machines)} share records and counters")
