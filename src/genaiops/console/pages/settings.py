"""Settings: what runs, what is configured, which secrets there are. Read only: the file is edited by people."""

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get

from genaiops.console._running import running
from genaiops.console._visit import Visiting
from genaiops.console.pages.guard_places import guard_choices
from genaiops.ports.secrets import OWN


class Store(msgspec.Struct, frozen=True):
    name: str
    place: str
    size: int | None


@get("/settings", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    services = visit.services
    settings = cast("dict[str, Any]", msgspec.to_builtins(services.settings))
    counters = services.stores.counters
    return visit.page(
        "settings.html",
        title="Settings",
        nav="settings",
        running=running(services.home.state),
        python=platform.python_version(),
        snapshot=counters.version(),
        workers=sorted(counters.acknowledged().items()),
        failing=services.folding.failing,
        stores=stores(services.home.path, settings.get("stores", {})),
        settings=flat(settings),
        home=str(services.home.path),
        secrets=[each for each in services.secrets.names() if not each.name.startswith(OWN)],
        may_audit=visit.can("audit"),
        environments=visit.environments(),
        guards=guard_choices(visit) if visit.can("environments") else (),
        issuers=services.hub.issuers.list(),
        provenance=services.provenance,
    )


def stores(home: Path, urls: dict[str, str]) -> list[Store]:
    """Where each store lies. A password in a URL is not shown."""
    own = {
        "records": home / "records.db",
        "telemetry": home / "telemetry",
        "counters": home / "counters.mmap",
        "blobs": home / "blobs",
    }
    found: list[Store] = []
    for name, path in own.items():
        url = urls.get(name, "")
        found.append(Store(name, without_password(url), None) if url else Store(name, str(path), size_of(path)))
    return found


def size_of(path: Path) -> int | None:
    """Bytes of a file or of all files below a folder; None when it is not there."""
    if path.is_file():
        return path.stat().st_size
    if not path.is_dir():
        return None
    return sum(each.stat(follow_symlinks=False).st_size for each in path.rglob("*") if each.is_file())


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()


def flat(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """`listen.port` and its value, of all that is set. No passwords of URLs, and of headers only secrets' names."""
    found: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            found += flat(cast("dict[str, Any]", value), f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            shown = map(_header if name == "headers" else str, cast("Sequence[Any]", value))
            found.append((prefix + name, ", ".join(shown) or "none"))
        else:
            found.append((prefix + name, without_password(str(value)) if value != "" else "default"))
    return found


def _header(text: str) -> str:
    """`NAME=VALUE`, where the value may be a credential, or `NAME=secret:NAME`."""
    name, _, value = text.partition("=")
    return text if value.startswith("secret:") else f"{name}=***"


HANDLERS: list[Any] = [show]
