"""Judgements of a run, sent to a collector of OpenTelemetry or written into a file, as OTLP's JSON."""

import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.app.installation import write_atomically
from genaiops.app.suite_reports import reported_run
from genaiops.arena.reports import event_requests
from genaiops.core.errors import UpstreamError, UsageError

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS"
_SECONDS: Final = 20.0


def collector(given: str | None) -> str | None:
    """The address of its logs; None: nobody named one. UsageError for what is no address."""
    base = given or os.environ.get(ENDPOINT)
    if not base:
        return None
    parts = urllib.parse.urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{base} is no address.", remedy="Write http://HOST:4318", param="to")
    return base if parts.path.endswith("/v1/logs") else f"{base.rstrip('/')}/v1/logs"


def write_events(run_id: str, file: Path, *, home: str | None = None) -> int:
    """A request a line, as OTLP's file exporter has it. How many events. UsageError when it cannot be written."""
    requests = list(event_requests(reported_run(run_id, home=home)))
    data = b"".join(msgspec.json.encode(each) + b"\n" for each in requests)
    try:
        write_atomically(file.absolute(), data, mode=0o644)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.", remedy="Name another file.") from error
    return sum(map(_number, requests))


def send_events(run_id: str, to: str, *, home: str | None = None) -> int:
    """How many. UpstreamError says why the collector did not take them."""
    sent = 0
    for each in event_requests(reported_run(run_id, home=home)):
        headers = {**_headers(), "content-type": "application/json", "user-agent": "genaiops"}
        request = urllib.request.Request(to, msgspec.json.encode(each), headers=headers)  # noqa: S310 (http or https)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as reply:  # noqa: S310
                reply.read(1 << 20)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(300).decode("utf-8", "replace")
            raise _refused(to, f"{error.code}: {said}", sent) from None
        except OSError as error:
            raise _refused(to, str(error), sent) from None
        sent += _number(each)
    return sent


def _refused(to: str, why: str, sent: int) -> UpstreamError:
    return UpstreamError(
        f"{to} did not take the events: {why}. {sent} were sent before.", remedy="See to the collector."
    )


def _headers() -> dict[str, str]:
    """`name=value,name=value`, each encoded as in URLs."""
    pairs = (part.partition("=") for part in os.environ.get(HEADERS, "").split(",") if "=" in part)
    return {name.strip(): urllib.parse.unquote(value.strip()) for name, _, value in pairs}


def _number(request: dict[str, Any]) -> int:
    return len(request["resourceLogs"][0]["scopeLogs"][0]["logRecords"])
