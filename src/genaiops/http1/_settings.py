"""What an owner sets: limits of a server, where an upstream is, how long to wait for it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from genaiops.http1.errors import InvalidField


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bytes, counts and seconds. Deadlines are swept every `tick` seconds, so they are late by at most that."""

    header_bytes: int = 65_536
    header_count: int = 100
    header_timeout: float = 10.0
    """From the first byte of a head (or from the connection) to its end."""
    body_timeout: float = 30.0
    """Without a byte of the request's body, while the body is wanted."""
    body_total_timeout: float = 300.0
    """For the whole body, against one that trickles."""
    body_window: int = 262_144
    """How much of a body is received before the handler asks for it."""
    keep_alive: float = 75.0
    write_timeout: float = 60.0
    """Without the client taking a byte, while the write buffer is over its mark."""
    write_high_water: int = 65_536
    pipeline_bytes: int = 65_536
    """How much may arrive behind a request that is being answered before reading pauses."""
    max_connections: int = 10_000
    half_close_probe: float = 0.25
    """After a client's half-close, how soon it is asked (by a `100 Continue`) whether it is still there; 0: never."""
    linger: float = 2.0
    """How long an unread request is drained after its last response, so that the response is not reset away."""
    tick: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds; 0 is none. `idle` counts only while the reader wants bytes: a slow client is not a slow upstream."""

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an upstream is. `proxy` is the URL of a CONNECT proxy (`http://[user:password@]host:port`)."""

    scheme: str = "http"
    host: str = "127.0.0.1"
    port: int = 80
    unix_path: str | None = None
    proxy: str | None = None
    ca_file: str | None = None
    """PEM file of the authorities to trust instead of the system's."""
    verify: bool = True
    server_name: str | None = None
    """The name to ask for and to verify, when it is not `host`."""

    def __post_init__(self) -> None:
        if self.scheme not in ("http", "https"):
            raise InvalidField(f"The scheme {self.scheme!r} is not one of http, https.", remedy="Give a http(s) URL.")
        if self.proxy is not None and not self.proxy.startswith("http://"):
            raise InvalidField("A proxy must be reached over http://.", remedy="Give http://host:port.")
        try:
            _ = self.authority
        except UnicodeError:
            raise InvalidField(f"{self.host!r} is not a host name.", remedy="Give a DNS name or an address.") from None

    @classmethod
    def parse(cls, url: str, *, proxy: str | None = None, ca_file: str | None = None, verify: bool = True) -> "Origin":
        """The origin of a URL; its path is not looked at."""
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            host, port = None, 0
        if not host:
            raise InvalidField(f"{url!r} names no host and port.", remedy="Give a URL such as https://api.example.com.")
        return cls(scheme=parts.scheme, host=host, port=port, proxy=proxy, ca_file=ca_file, verify=verify)

    @property
    def authority(self) -> bytes:
        """The value of the `host` field: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return (host if self.port == default else f"{host}:{self.port}").encode(
            "idna" if not host.isascii() else "ascii"
        )

    def __str__(self) -> str:
        return self.unix_path or f"{self.scheme}://{self.authority.decode('ascii')}"
