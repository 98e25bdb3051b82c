"""The thread of the control process that passes stored spans on to a collector, over OTLP/HTTP.

At least once: how far it came is written down after the collector took it, so a span may arrive twice after a crash
(with the same id) and never goes missing. A collector that is away is tried again; the spans wait in the telemetry.
"""

import email.utils
import gzip
import http.client
import logging
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from genaiops.app.settings import ExportOptions
from genaiops.core.errors import ConfigError, GenaiopsError
from genaiops.ports.blobs import Blobs
from genaiops.ports.secrets import Secrets
from genaiops.ports.telemetry import Telemetry
from genaiops.watch.otlp import encode_request

_log = logging.getLogger("genaiops.export")

AT_ONCE = 500
IDLE_SECONDS = 1.0
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0
TIMEOUT_SECONDS = 20.0
_AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which OTLP has senders try again; after others the same spans would fail for ever."""

_FROM_SECRETS = "secret:"


class _Cursor(msgspec.Struct, frozen=True):
    """`to`: the collector that took everything before `place`."""

    to: str
    place: int


class ExportLoop:
    """Without an address in the settings it does nothing."""

    def __init__(
        self,
        options: ExportOptions,
        file: Path,
        telemetry: Telemetry,
        blobs: Blobs,
        secrets: Secrets,
        *,
        first_retry_seconds: float = FIRST_RETRY_SECONDS,
    ) -> None:
        self.failing: str | None = None
        self.sent = 0
        self.dropped = 0
        """Spans that the collector will never take."""
        self._options = options
        self._file = file
        self._telemetry = telemetry
        self._blobs = blobs
        self._secrets = secrets
        self._first_retry = first_retry_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="export", daemon=True)

    def start(self) -> None:
        if self._options.otlp:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_SECONDS)

    def _run(self) -> None:
        retry = self._first_retry
        while not self._stop.is_set():
            try:
                wait = self._step()
            except (OSError, http.client.HTTPException, GenaiopsError, _Busy) as error:
                if self.failing is None:
                    _log.warning("spans cannot be passed on to %s: %s", self._options.otlp, error)
                self.failing = str(error)
                wait = error.seconds if isinstance(error, _Busy) and error.seconds else retry
                retry = min(retry * 2, LONGEST_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 (the thread must outlive a bug, or a header that is none)
                if self.failing is None:
                    _log.exception("spans cannot be passed on to %s", self._options.otlp)
                self.failing = str(error) or type(error).__name__
                wait = LONGEST_RETRY_SECONDS
            else:
                self.failing, retry = None, self._first_retry
            self._stop.wait(wait)

    def _step(self) -> float:
        """Pass on what there is; seconds until there may be more."""
        cursor = self._read_cursor()
        place, spans = self._telemetry.written(cursor.place, limit=AT_ONCE)
        if not spans:
            return IDLE_SECONDS
        guarded = dict.fromkeys(span.trace_id for span, _ in spans if span.kind == "guardrail")
        verdicts = self._telemetry.verdicts_of(guarded) if guarded else ()
        body = encode_request(spans, self._blobs, content=self._options.content, verdicts=verdicts)
        self._send(body, len(spans))
        self._write_cursor(place)
        return 0.0 if len(spans) == AT_ONCE else IDLE_SECONDS

    def _send(self, body: bytes, spans: int) -> None:
        request = urllib.request.Request(  # noqa: S310 (the settings were checked: it is http or https)
            self._options.otlp,
            data=gzip.compress(body, 5),
            headers={
                **self._headers(),
                "content-type": "application/x-protobuf",
                "content-encoding": "gzip",
                "user-agent": "genaiops",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:  # noqa: S310
                reply.read(1 << 20)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(2000).decode("utf-8", "replace")
                if error.code in _AGAIN or error.code in (401, 403, 404):  # an operator can put the latter right
                    raise _Busy(f"it answered {error.code}", _seconds(error.headers.get("retry-after"))) from error
                _log.error("%s does not take %d spans (%d): %s", self._options.otlp, spans, error.code, said)
                self.dropped += spans
                return
        self.sent += spans

    def _headers(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for header in self._options.headers:
            name, _, value = header.partition("=")
            if value.startswith(_FROM_SECRETS):
                secret = self._secrets.get(value.removeprefix(_FROM_SECRETS))
                if secret is None:
                    raise ConfigError(
                        f"export.headers names the secret {value.removeprefix(_FROM_SECRETS)!r}, which is not there.",
                        remedy="Set it with `genaiops secret set`, or as a variable of the environment.",
                        param="export.headers",
                    )
                value = secret
            found[name.strip()] = value
        return found

    def _read_cursor(self) -> _Cursor:
        """The first time, and for another collector: what is written from now on."""
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=_Cursor)
        except FileNotFoundError:
            found = None
        except msgspec.DecodeError:
            _log.warning("%s is no cursor of an export; it begins anew", self._file)
            found = None
        if found is None or found.to != self._options.otlp:
            self._write_cursor(self._telemetry.head())
            return msgspec.json.decode(self._file.read_bytes(), type=_Cursor)
        return found

    def _write_cursor(self, place: int) -> None:
        fresh = self._file.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(_Cursor(self._options.otlp, place)))
            file.flush()
            os.fdatasync(file.fileno())
        fresh.replace(self._file)


class _Busy(Exception):
    """The collector will take them later; `seconds`: it said when."""

    def __init__(self, message: str, seconds: float | None) -> None:
        super().__init__(message)
        self.seconds = seconds


def _seconds(text: str | None, clock: Callable[[], float] = time.time) -> float | None:
    """Of a header `retry-after`: a number, or a date."""
    if text is None:
        return None
    if text.strip().isdigit():
        return min(float(text), LONGEST_RETRY_SECONDS)
    try:
        return max(0.0, min(email.utils.parsedate_to_datetime(text).timestamp() - clock(), LONGEST_RETRY_SECONDS))
    except ValueError:
        return None
