"""Who sends spans, and who calls models meanwhile."""

import contextlib
import http.client
import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import urlsplit

import msgspec

from benchmarks.ingest.subjects import Subject

CALLS_A_SECOND = 100
_TIMEOUT = 300


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(seconds) or [0.0]
    last = len(ordered) - 1
    return {f"p{q}": ordered[round(last * q / 100)] * 1000 for q in (50, 99)}


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)


class Sender:
    """`clients` connections that send the bodies one after the other, as fast as they are answered or one every
    `every` seconds."""

    def __init__(self, subject: Subject, bodies: Sequence[bytes], *, clients: int, every: float = 0.0) -> None:
        self.seconds: dict[int, float] = {}
        """Of the bodies that were answered with 200: how long that took."""
        self._subject = subject
        self._every = every
        self._waiting = iter(enumerate(bodies))
        self._lock = threading.Lock()
        self._stopped = False
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def run(self, watch: Callable[[], None] | None = None) -> float:
        """Seconds until all was sent. `watch` is called all the while."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.05)
                if watch is not None:
                    watch()
        return time.monotonic() - self._began

    def stop(self) -> None:
        self._stopped = True

    def _run(self) -> None:
        with contextlib.closing(_connection(self._subject.url)) as connection:
            self._send(connection)

    def _send(self, connection: http.client.HTTPConnection) -> None:
        headers = {"content-type": "application/x-protobuf", **self._subject.headers}
        while not self._stopped:
            with self._lock:
                number, body = next(self._waiting, (0, b""))
            if not body:
                return
            if self._every:
                time.sleep(max(0.0, self._began + number * self._every - time.monotonic()))
            began = time.monotonic()
            try:
                connection.request("POST", self._subject.path, body, headers)
                reply = connection.getresponse()
                reply.read()
            except (OSError, http.client.HTTPException):
                return  # the server is gone: what it did not answer it did not take
            if reply.status == 200:
                self.seconds[number] = time.monotonic() - began


class Calls:
    """Calls of a model that answers at once, by a process of its own, until they are ended."""

    def __init__(self, subject: Subject) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._ours, theirs = context.Pipe()
        arguments = (subject.url, subject.headers, self._stop, theirs)
        self._process = context.Process(target=_call, args=arguments, daemon=True)
        self._process.start()
        self._ours.recv()  # it calls now

    def end(self) -> dict[str, float]:
        self._stop.set()
        found: dict[str, float] = self._ours.recv()
        self._process.join()
        return found


def _call(url: str, headers: Mapping[str, str], stop: Event, told: Any) -> None:
    connection, times = _connection(url), list[float]()
    body = msgspec.json.encode({"model": "echo", "messages": [{"role": "user", "content": "hello"}]})
    fields = {"content-type": "application/json", **headers}
    start = time.monotonic()
    failed = number = 0
    while not stop.is_set():
        time.sleep(max(0.0, start + number / CALLS_A_SECOND - time.monotonic()))
        began = time.monotonic()
        connection.request("POST", "/v1/chat/completions", body, fields)
        reply = connection.getresponse()
        reply.read()
        times.append(time.monotonic() - began)
        failed += reply.status != 200
        number += 1
        if number == 1:
            told.send(None)
    told.send({**percentiles(times), "calls": float(len(times)), "failed": float(failed)})
