"""Which release answered is told by every trace, however much of its content is kept."""

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from genaiops.engines.blobs_folder import open_blobs
from genaiops.ports.telemetry import property_word
from genaiops.watch._spans import ended, spans_of
from tests.watch.calls import admitted, settled

RELEASE = "sha256:" + "ab" * 32


@pytest.mark.parametrize("capture", ["full", "preview", "off"])
def test_the_release_is_among_the_attributes(tmp_path: Path, capture: Literal["full", "preview", "off"]) -> None:
    call = admitted(1, capture=capture, release=RELEASE, deployment="support@prod")
    _, content = spans_of(call, ended(settled(1)), b"{}", b"{}", open_blobs(tmp_path))
    assert content is not None
    assert content.attributes is not None
    found = {name: msgspec.json.decode(value) for name, value in content.attributes.items()}
    assert (found["genaiops.release"], found["genaiops.deployment"]) == (RELEASE, "support@prod")
    assert property_word("release", RELEASE) in content.text
    assert property_word("deployment", "support@prod") in content.text
