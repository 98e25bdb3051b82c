"""Where each store lies: which engine its URL means, and the path of what is a file. Opens nothing."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from genaiops.app.home import Home
from genaiops.app.settings import Settings
from genaiops.core.errors import ConfigError

SCHEMES: Mapping[str, tuple[str, ...]] = {
    "records": ("sqlite", "postgresql"),
    "telemetry": ("sqlite",),
    "counters": ("mmap", "redis", "rediss"),
    "blobs": ("file",),
    "cache": ("redis", "rediss", "unix"),
    "runs": ("sqlite", "postgresql"),
}
"""Store -> the engines there are."""

_SERVERS = frozenset({"postgresql", "redis", "rediss", "unix"})
"""Schemes whose URL redis-py or the database's driver reads; of all others it is a path."""


def check_urls(store: str, url: str, origin: str) -> None:
    """ConfigError when no engine of this store has the URL's scheme."""
    schemes = SCHEMES[store]
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme not in schemes:
        raise ConfigError(
            f"stores.{store} in {origin} has the scheme {parts.scheme or '(none)'!r}, and there is no such engine.",
            remedy=f"Use {' or '.join(f'{scheme}://' for scheme in schemes)}, or leave it out for a store in the home.",
            param=f"stores.{store}",
        )
    if parts.scheme not in _SERVERS and (parts.netloc or not parts.path.startswith("/")):
        raise ConfigError(
            f"stores.{store} in {origin} is {url!r}, which holds no absolute path.",
            remedy=f"Write three slashes before it: {parts.scheme}:///var/lib/genaiops/{store}.",
            param=f"stores.{store}",
        )


def records_url(settings: Settings, home: Home) -> str:
    return settings.stores.records or f"sqlite:///{home.records}"


def runs_url(settings: Settings, home: Home) -> str:
    """Beside the records where those are on a server."""
    if settings.stores.runs:
        return settings.stores.runs
    shared = urlsplit(settings.stores.records).scheme == "postgresql"
    return settings.stores.records if shared else f"sqlite:///{home.runs}"


def telemetry_folder(settings: Settings, home: Home) -> Path:
    return _path(settings.stores.telemetry) or home.telemetry


def counters_path(settings: Settings, home: Home) -> Path:
    """This machine's file, also where it shares counters with others."""
    return home.counters if shares_counters(settings) else _path(settings.stores.counters) or home.counters


def shares_counters(settings: Settings) -> bool:
    """Whether several machines share limits and budgets."""
    return urlsplit(settings.stores.counters).scheme in _SERVERS


def blobs_folder(settings: Settings, home: Home) -> Path:
    return _path(settings.stores.blobs) or home.blobs


def _path(url: str) -> Path | None:
    return Path(unquote(urlsplit(url).path)) if url else None
