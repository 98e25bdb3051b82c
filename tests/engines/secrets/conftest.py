"""The engines of the secrets port. A further engine is a further parameter here; the same tests run on all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from genaiops.engines import secrets_file
from genaiops.ports.secrets import Secrets

OpenSecrets = Callable[[], Secrets]


@pytest.fixture(params=["file"])
def open_secrets(request: pytest.FixtureRequest, tmp_path: Path) -> OpenSecrets:
    """Opens the same secrets again and again, each time as another process would."""
    assert request.param == "file"
    return lambda: secrets_file.open_secrets(tmp_path / "home")
