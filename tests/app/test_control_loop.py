"""What goes on for ever in the control process outlives what goes wrong in one round."""

import logging
import threading
from collections.abc import Sequence

import pytest

from genaiops.app.control_loop import _once
from genaiops.app.folding import FoldLoop
from genaiops.core.errors import StoreError
from genaiops.watch import Folder


class Failing(Folder):
    """Fails so often, then there is nothing to fold."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        self.errors = list(errors)
        self.folded = threading.Event()

    def step(self) -> int:
        if self.errors:
            raise self.errors.pop(0)
        self.folded.set()
        return 0


def test_folding_goes_on_after_any_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("genaiops.app.folding.RETRY_SECONDS", 0.001)
    folder = Failing([StoreError("The disk is full.", remedy="Make room."), ValueError("a bug"), OSError("away")])
    loop = FoldLoop(folder)
    loop.start()
    assert folder.folded.wait(30)
    loop.stop(1.0)
    assert loop.failing is None
    assert "the spools cannot be folded: The disk is full." in caplog.text


def test_a_bug_while_folding_is_shown_as_one(caplog: pytest.LogCaptureFixture) -> None:
    loop = FoldLoop(Failing([ValueError("a bug"), ValueError("a bug")]))
    with caplog.at_level(logging.ERROR), loop.caught_up():
        pass
    assert loop.failing == "a bug"
    assert "Traceback" in caplog.text


async def test_one_round_never_ends_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    def full() -> None:
        raise OSError(28, "No space left on device")

    await _once("the records cannot be published", broken)
    await _once("the log cannot be signed", full)
    assert "RuntimeError: a bug" in caplog.text
    assert "the log cannot be signed: [Errno 28]" in caplog.text
