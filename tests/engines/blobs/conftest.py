"""The engines of the blobs port. A further engine is a further parameter here; the same tests run on all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from genaiops.engines import blobs_folder
from genaiops.ports.blobs import Blobs

OpenBlobs = Callable[[], Blobs]


@pytest.fixture(params=["folder"])
def open_blobs(request: pytest.FixtureRequest, tmp_path: Path) -> OpenBlobs:
    """Opens the same blobs again and again, each time as another process would."""
    assert request.param == "folder"
    return lambda: blobs_folder.open_blobs(tmp_path / "blobs")
