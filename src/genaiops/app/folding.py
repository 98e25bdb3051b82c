"""The thread of the control process that folds the workers' spools into the telemetry."""

import contextlib
import logging
import threading
import time
from collections.abc import Generator

from genaiops.core.errors import GenaiopsError
from genaiops.watch import Folder

_log = logging.getLogger("genaiops.folding")

IDLE_SECONDS = 0.1
RETRY_SECONDS = 1.0
CATCH_UP_SECONDS = 2.0


class FoldLoop:
    """Folds as long as there is something, then looks ten times a second. A store that fails is tried again: the spools
    keep what could not be folded."""

    def __init__(self, folder: Folder) -> None:
        self.failing: str | None = None
        """Why nothing can be folded at the moment."""
        self._folder = folder
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fold", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Fold what is there now, for at most that long, and end the thread."""
        self._stop.set()
        self._thread.join()
        with self.caught_up(seconds):
            pass

    @contextlib.contextmanager
    def caught_up(self, seconds: float = CATCH_UP_SECONDS) -> Generator[None]:
        """Inside, everything that the spools held is folded (as far as it goes in that time), and nothing more is."""
        end = time.monotonic() + seconds
        with self._lock:
            while time.monotonic() < end and self._step():
                pass
            yield

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                folded = self._step()
            if self.failing is not None:
                self._stop.wait(RETRY_SECONDS)
            elif not folded:
                self._stop.wait(IDLE_SECONDS)

    def _step(self) -> int:
        try:
            folded = self._folder.step()
        except (GenaiopsError, OSError) as error:
            return self._failed(error, None)
        except Exception as error:  # noqa: BLE001 (the thread must outlive a bug, and the status page must show it)
            return self._failed(error, error)
        if self.failing is not None:
            _log.info("the spools are folded again")
            self.failing = None
        return folded

    def _failed(self, error: Exception, bug: Exception | None) -> int:
        said = str(error) or type(error).__name__
        if self.failing is None:
            _log.error("the spools cannot be folded: %s", said, exc_info=bug)
        self.failing = said
        return 0
