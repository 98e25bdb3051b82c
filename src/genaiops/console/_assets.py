"""Style and scripts, from this package; the chart library, from the vl-convert package."""

import asyncio
import contextlib
import gzip
import hashlib
import os
import sys
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import msgspec

from genaiops.core.errors import NotFound, OutsideError

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
BUNDLE = "vega.js"
_SECONDS = 60.0
_SNIPPET = "window.vegaEmbed = vegaEmbed;"


class Asset(msgspec.Struct, frozen=True):
    """`zipped` is the same compressed."""

    type: str
    body: bytes
    zipped: bytes
    tag: str


@cache
def asset(name: str) -> Asset:
    """NotFound unless it is one of this package's own files."""
    folder = files("genaiops.console").joinpath("static")
    names = {entry.name for entry in folder.iterdir()}
    suffix = Path(name).suffix
    if name not in names or suffix not in TYPES:
        raise NotFound(f"There is no file {name!r} in the console.", remedy="Load the page again.")
    return _asset(TYPES[suffix], folder.joinpath(name).read_bytes())


@cache
def release() -> str:
    """Changes with any of the files; part of their addresses, so that browsers may keep them."""
    folder = files("genaiops.console").joinpath("static")
    digest = hashlib.sha256()
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        digest.update(entry.name.encode() + entry.read_bytes())
    return digest.hexdigest()[:12]


def _asset(kind: str, body: bytes) -> Asset:
    return Asset(kind, body, gzip.compress(body, 6, mtime=0), hashlib.sha256(body).hexdigest()[:32])


class ChartLibrary:
    """Vega, Vega-Lite and Vega-Embed as one file, kept in `folder`. It is made once, by a process of its own: that runs
    V8, which a serving process need not keep."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"vega-{version('vl-convert-python')}.js"
        self._lock = asyncio.Lock()
        self._asset: Asset | None = None

    async def get(self) -> Asset:
        async with self._lock:
            if self._asset is None:
                if not self._path.exists():
                    await self._make()
                self._asset = await asyncio.to_thread(lambda: _asset(TYPES[".js"], self._path.read_bytes()))
            return self._asset

    async def _make(self) -> None:
        fresh = self._path.with_suffix(".new")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "genaiops.console._assets", os.fspath(fresh), stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(_SECONDS):
                _, said = await process.communicate()
        except TimeoutError as error:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise OutsideError(f"The chart library was not ready within {_SECONDS:.0f} s.") from error
        if process.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            raise OutsideError(
                f"The chart library could not be made: {' '.join(last)}",
                remedy="Install vl-convert-python again; until then the tables below the charts hold the figures.",
            )
        fresh.replace(self._path)


def write_bundle(path: Path) -> None:
    import vl_convert

    path.write_text(vl_convert.javascript_bundle(snippet=_SNIPPET), encoding="utf-8")


if __name__ == "__main__":
    write_bundle(Path(sys.argv[1]))
