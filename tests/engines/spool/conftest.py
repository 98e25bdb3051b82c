"""The engines of the spool port. A further engine is a further parameter here; the same tests run on all."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from genaiops.engines import spool_files
from genaiops.ports.spool import SpoolReader, SpoolWriter


class Spool(NamedTuple):
    """`begin(column, life_us)` begins a life of three calls a segment; `reader()` is what another process has."""

    begin: Callable[[int, int], SpoolWriter]
    reader: Callable[[], SpoolReader]


@pytest.fixture(params=["files"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spool]:
    assert request.param == "files"
    begun: list[SpoolWriter] = []

    def begin(column: int, life_us: int) -> SpoolWriter:
        begun.append(spool_files.open_writer(tmp_path / "spool", column=column, life_us=life_us, segment_calls=3))
        return begun[-1]

    yield Spool(begin, lambda: spool_files.open_reader(tmp_path / "spool"))
    for writer in begun:
        writer.close()
