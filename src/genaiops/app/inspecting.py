"""A task of Inspect against this installation: a key for it alone, its own command, and its logs as runs."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from genaiops.app.importing_runs import import_run
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import ConfigError, GenaiopsError, UsageError
from genaiops.engines.inspect_command import InspectTask, find_inspect, run_inspect
from genaiops.sdk import Client, path_of

__all__ = ["InspectTask", "Inspecting", "inspected"]

_DAY_US = 86_400_000_000


class Inspecting(msgspec.Struct, frozen=True, kw_only=True):
    """`home`: where the runs are kept; `environment`: which one is asked; `floor`: what the gate wants the bound of the
    share that is right to reach; `logs`: a folder that Inspect's logs stay in (None: they are kept as runs alone);
    `quiet`: nothing that Inspect prints is shown."""

    home: str | None = None
    environment: str = "dev"
    floor: float | None = None
    logs: Path | None = None
    quiet: bool = False


def inspected(client: Client, task: InspectTask, how: Inspecting) -> list[dict[str, Any]]:
    """One run for each task that was run, as documents. ConfigError without Inspect; UsageError for a task that it
    cannot begin."""
    command = find_inspect()
    with tempfile.TemporaryDirectory(prefix="genaiops-inspect-") as folder, _key(client, task, how.environment) as key:
        logs = Path(folder) if how.logs is None else how.logs
        try:
            logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{logs} cannot be made: {error.strerror}.", remedy="Name another folder.", param="logs"
            ) from None
        found = run_inspect(command, task, url=client.url, key=key, logs=logs, quiet=how.quiet)
        return [import_run(str(log), how.home, floor=how.floor) for log in found]


@contextmanager
def _key(client: Client, task: InspectTask, environment: str) -> Generator[str]:
    """A key that may call the models of this task, for a day at most, and not after it."""
    made = client.post(
        "/api/keys",
        {
            "name": f"inspect/{now_us()}",
            "environment_id": environment,
            "models": [each for each in (task.model, task.grader) if each and not each.startswith("app/")],
            "scopes": ["calls"],
            "expires_at": to_iso(now_us() + _DAY_US),
        },
    )
    secret = made.get("secret")
    if not secret:
        raise ConfigError("No key was made for Inspect.", remedy="Use a key that may make keys: --key", param="key")
    try:
        yield secret
    finally:
        with suppress(GenaiopsError):  # it ends by itself within a day
            client.delete(path_of("/api/keys", made["id"]))
