"""Where a model server listens. Never beyond this machine."""

import contextlib
import ipaddress
import os
import socket
from pathlib import Path

from genaiops.core.errors import ConfigError


def bind(listen: str) -> socket.socket:
    """A bound socket for `HOST:PORT` (loopback addresses only), the path of a unix socket, or `fd:N` (bound already).

    Raises ConfigError.
    """
    if listen.startswith("fd:"):
        try:
            return socket.socket(fileno=int(listen.removeprefix("fd:")))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{listen} is not an open socket: {error}.", remedy="Pass a descriptor that is inherited."
            ) from error
    if listen.startswith("/"):
        return _bind_unix(Path(listen))
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not _is_loopback(host) or not port.isdigit():
        raise ConfigError(
            f"A model server does not listen on {listen!r}: it has no users but the gateway on this machine.",
            remedy="Give 127.0.0.1:PORT, [::1]:PORT, the path of a unix socket, or fd:N.",
        )
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, int(port)))
    except (OSError, OverflowError) as error:
        bound.close()
        raise ConfigError(f"Cannot listen on {listen}: {error}.", remedy="Choose a free port.") from error
    return bound


def describe(bound: socket.socket) -> str:
    """The address as `bind` takes it, with the port that was given for port 0."""
    name = bound.getsockname()
    if bound.family == socket.AF_UNIX:
        return str(name)
    return f"[{name[0]}]:{name[1]}" if bound.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bind_unix(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if path.is_socket():
            path.unlink()  # of a server that was killed
    bound = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)  # the socket is this user's alone from its first moment
    try:
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"Cannot listen on {path}: {error}.", remedy="Give a path of at most 100 characters that may be made."
        ) from error
    finally:
        os.umask(mask)
    return bound
