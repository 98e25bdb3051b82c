"""What the SDK does in this process: where to, under which name, how much of the content."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

Redact = Callable[[str, object], object]
"""`redact(name, value)` gives what is kept of one text or number, which stands under the argument or key `name`."""

_OFF = {"0", "off", "false", "no"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`service`: the application's name on its spans. `capture`: whether inputs and outputs are kept, each at most
    `limit` characters. `queue`: spans and scores that may wait for the server."""

    url: str | None = None
    api_key: str | None = None
    service: str = "python"
    resource: Mapping[str, str] = {}
    enabled: bool = True
    capture: bool = True
    redact: Redact | None = None
    limit: int = 16_384
    queue: int = 10_000


def settings_from(environ: Mapping[str, str] = os.environ) -> Settings:
    """GENAIOPS_TRACING and GENAIOPS_CAPTURE may be `off`; the names are OpenTelemetry's: OTEL_SERVICE_NAME,
    OTEL_RESOURCE_ATTRIBUTES (`name=value,name=value`), OTEL_SDK_DISABLED."""
    pairs = (pair.partition("=") for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    resource = {name.strip(): value.strip() for name, equals, value in pairs if equals and name.strip()}
    service = environ.get("OTEL_SERVICE_NAME") or resource.pop("service.name", "") or _program()
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return Settings(
        service=service,
        resource=resource,
        enabled=not disabled and environ.get("GENAIOPS_TRACING", "on").strip().lower() not in _OFF,
        capture=environ.get("GENAIOPS_CAPTURE", "on").strip().lower() not in _OFF,
    )


def _program() -> str:
    """The script's name; nothing better is known of an application that did not say its name."""
    name = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] not in {"", "-c", "-m"} else ""
    return name or "python"
