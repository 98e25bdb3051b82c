"""Where the installation answers, and with which key."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from genaiops.core.errors import ConfigError

URL_VARIABLE = "GENAIOPS_URL"
KEY_VARIABLE = "GENAIOPS_API_KEY"
_DEFAULT_PORT = "4000"


class Address(msgspec.Struct, frozen=True):
    """`url` has no slash at its end. `key` None: no key was found that may be sent there."""

    url: str
    key: str | None

    def __repr__(self) -> str:
        return f"Address(url={self.url!r}, key={'...' if self.key else None})"


class _State(msgspec.Struct, frozen=True):
    """The part of run/supervisor.json that a client needs."""

    url: str


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """`GENAIOPS_HOME`, else `genaiops` in the folder for data of applications."""
    given = environ.get("GENAIOPS_HOME")
    if given:
        return Path(given).expanduser().absolute()
    data = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".local" / "share")
    return Path(data) / "genaiops"


def find_address(
    url: str | None = None,
    api_key: str | None = None,
    home: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Address:
    """What is given wins; then what runs in the `home` that is given; then GENAIOPS_URL and GENAIOPS_API_KEY; then the
    default home, and port 4000 on this machine.

    The administrator's key in a home is only ever sent to this machine, or to the address that runs in that home.
    ConfigError when the address is none, or when the `home` that is given is no folder.
    """
    named = Path(home).expanduser().absolute() if home is not None else None
    if named is not None and not named.is_dir():
        raise ConfigError(
            f"There is no data directory {named}.",
            remedy="Name the one that `genaiops up` was started with, or leave --home out.",
            code="no_home",
            param="home",
        )
    place = named or default_home(environ)
    running = _running(place)
    from_environment = environ.get(URL_VARIABLE)
    if named is not None:
        chosen = url or running or from_environment
    else:
        chosen = url or from_environment or running
    url = _checked(chosen or f"http://127.0.0.1:{environ.get('GENAIOPS_PORT') or _DEFAULT_PORT}")
    if api_key:
        return Address(url, api_key)
    own = _admin_key(place) if url == running or _is_this_machine(url) else None
    variable = environ.get(KEY_VARIABLE)
    return Address(url, (own or variable) if named is not None else (variable or own))


def _running(home: Path) -> str | None:
    try:
        return msgspec.json.decode((home / "run" / "supervisor.json").read_bytes(), type=_State).url.rstrip("/")
    except (OSError, msgspec.MsgspecError):
        return None


def _admin_key(home: Path) -> str | None:
    try:
        return (home / "admin.key").read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _checked(url: str) -> str:
    remedy = "Write it as http://127.0.0.1:4000, without a path."
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable, parts = False, urlsplit("")
    if parts.username is not None or parts.password is not None:
        # Not shown: it may hold a password.
        raise ConfigError("The address holds a user name or a password.", remedy=remedy, param="url")
    if not usable or parts.query or parts.fragment:
        raise ConfigError(f"{url!r} is no address of an installation.", remedy=remedy, param="url")
    return url.rstrip("/").removesuffix("/v1")


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
