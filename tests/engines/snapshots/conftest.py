"""The engines of the snapshots ports. A further engine is a further parameter here; the same tests run on all."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from genaiops.engines import snapshot_files
from genaiops.ports.snapshots import SnapshotReader, SnapshotWriter


class Snapshots(NamedTuple):
    """`writer()` is what a control process has after its start, `reader()` what a worker has."""

    writer: Callable[[], SnapshotWriter]
    reader: Callable[[], SnapshotReader]


@pytest.fixture(params=["files"])
def snapshots(request: pytest.FixtureRequest, tmp_path: Path) -> Snapshots:
    assert request.param == "files"
    folder = tmp_path / "snapshots"
    return Snapshots(lambda: snapshot_files.open_writer(folder), lambda: snapshot_files.open_reader(folder))
