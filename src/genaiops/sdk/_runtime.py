"""What a process has once: its settings, and the exporter that its spans and scores leave by."""

import atexit
import os
import threading
from collections.abc import Mapping

import msgspec

from genaiops import __version__
from genaiops.core.errors import ConfigError
from genaiops.sdk._exporter import Counts, Exporter
from genaiops.sdk._settings import Redact, Settings, settings_from

_AT_EXIT = 5.0


class _Runtime:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.settings: Settings | None = None
        self.exporter: Exporter | None = None
        self.exits = False


_runtime = _Runtime()


def settings() -> Settings:
    found = _runtime.settings
    if found is None:
        with _runtime.lock:
            found = _runtime.settings = _runtime.settings or settings_from()
    return found


def exporter() -> Exporter:
    found = _runtime.exporter
    if found is None:
        with _runtime.lock:
            found = _runtime.exporter = _runtime.exporter or Exporter(settings(), __version__)
            if not _runtime.exits:
                _runtime.exits = True
                atexit.register(flush, _AT_EXIT)
    return found


def configure(
    *,
    url: str | None = None,
    api_key: str | None = None,
    service: str | None = None,
    resource: Mapping[str, str] | None = None,
    enabled: bool | None = None,
    capture: bool | None = None,
    redact: Redact | None = None,
    limit: int | None = None,
) -> None:
    """Change what was not left out, for this process; the environment says the rest. Best called once, at the start.

    `url`, `api_key`: else GENAIOPS_URL and GENAIOPS_API_KEY. `service`: the application's name on its spans.
    `enabled` False: nothing is sent. `capture` False: neither inputs, outputs nor messages of errors are kept.
    `redact(name, value)` gives what is kept of each text and number. `limit`: characters of one input or output.
    """
    if limit is not None and not 0 < limit <= 1_000_000:
        raise ConfigError(f"The limit is {limit}.", remedy="Give 1 to 1,000,000 characters.", param="limit")
    given = {
        "url": url,
        "api_key": api_key,
        "service": service,
        "resource": resource,
        "enabled": enabled,
        "capture": capture,
        "redact": redact,
        "limit": limit,
    }
    with _runtime.lock:
        flush()
        if _runtime.exporter is not None:
            _runtime.exporter.close()
        changes = {name: value for name, value in given.items() if value is not None}
        _runtime.settings = msgspec.structs.replace(settings(), **changes)
        _runtime.exporter = None


def flush(timeout: float = 5.0) -> bool:
    """Send what waits now, in at most about `timeout` seconds: at the end of a short-lived process, such as a function
    of a cloud that is frozen between calls. Done by itself when the interpreter ends. False: not all got there."""
    found = _runtime.exporter
    return found is None or found.flush(timeout)


def counts() -> Counts:
    """How many spans and scores were sent, were dropped, and wait."""
    found = _runtime.exporter
    return Counts(0, 0, 0) if found is None else found.counts


def _after_fork() -> None:
    """A child starts with locks of its own and an empty queue: what waits is sent by its parent."""
    _runtime.lock = threading.RLock()
    _runtime.exporter = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
