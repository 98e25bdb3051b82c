"""The templates, compiled once and not at each start."""

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from genaiops import __version__
from genaiops.console import _format
from genaiops.console._assets import release
from genaiops.console._format import FILTERS


@cache
def templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("genaiops.console", "templates"),
        autoescape=True,
        bytecode_cache=_compiled(),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS.items())
    known: dict[str, Any] = {"release": release(), "version": __version__}
    environment.globals.update(known.items())
    return environment


class Compiled(jinja2.FileSystemBytecodeCache):
    """What templates were compiled to. What cannot be written is compiled again next time."""

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        # Filters of constants are applied when a template is compiled.
        filters = Path(_format.__file__).stat().st_mtime_ns
        return super().get_cache_key(f"{jinja2.__version__} {filters} {name}", filename)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _compiled() -> Compiled | None:
    """Beside the package's own compiled modules, where it may write there: all templates take 2.5 s to compile."""
    folder = Path(__file__).parent / "__pycache__" / "templates"
    if sys.dont_write_bytecode or sys.pycache_prefix is not None:
        return None
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return Compiled(os.fspath(folder)) if os.access(folder, os.W_OK) else None
