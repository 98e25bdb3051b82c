"""Binding the public address, and saying who has it when somebody else does."""

import errno
import socket
from pathlib import Path

from genaiops.core.errors import ConfigError, Unavailable

BACKLOG = 4096
"""Connections that wait while the only worker is being replaced are not refused."""


def bind(host: str, port: int) -> socket.socket:
    """A bound stream socket, not listening yet. Port 0 takes a free one."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise ConfigError(
            f"The address to listen on, {host!r}, is not known here: {error.strerror}.",
            remedy="Use 127.0.0.1 for this machine alone, 0.0.0.0 for all of its addresses.",
            param="listen.host",
        ) from error
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise explain(error, host, port) from error
    sock.setblocking(False)
    return sock


def listen(sock: socket.socket) -> None:
    host, port = sock.getsockname()[:2]
    try:
        sock.listen(BACKLOG)
    except OSError as error:
        raise explain(error, host, port) from error


def explain(error: OSError, host: str, port: int) -> Exception:
    if error.errno == errno.EADDRINUSE:
        holder = who_listens(port)
        return Unavailable(
            f"Port {port} on {host} is in use{f' by {holder}' if holder else ''}.",
            remedy="Stop that program, or take another port with --port or GENAIOPS_PORT.",
            code="port_in_use",
        )
    if error.errno == errno.EACCES:
        return ConfigError(
            f"Port {port} may not be used by this user.",
            remedy="Take one over 1023 with --port or GENAIOPS_PORT.",
            param="listen.port",
        )
    return ConfigError(
        f"It is not possible to listen on {host}:{port}: {error.strerror}.",
        remedy="Use an address of this machine, such as 127.0.0.1.",
        param="listen.host",
    )


def who_listens(port: int) -> str | None:
    """`nginx (process 123)`, as far as this user may see it; None elsewhere than on Linux."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(str(entry.readlink()) in wanted for entry in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue  # it ended meanwhile, or belongs to another user
    return None


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found
