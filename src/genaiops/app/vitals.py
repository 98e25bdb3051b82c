"""The thread of the control process that reads what the installation uses of its machine, and keeps an hour of it."""

import threading
from collections import deque
from collections.abc import Sequence

from genaiops.app.home import Home
from genaiops.app.installation import read_state
from genaiops.app.metric_processes import read_machine, read_processes
from genaiops.core.clock import now_us
from genaiops.ports.vitals import STEP_US, Reading

_HOUR_US = 3_600_000_000


class VitalsLoop:
    """Reads every `step_us`. Without `start` there is only what is read now."""

    def __init__(self, home: Home, step_us: int = STEP_US) -> None:
        self._home = home
        self._step_us = step_us
        self._readings: deque[Reading] = deque(maxlen=_HOUR_US // step_us)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def readings(self) -> Sequence[Reading]:
        kept = list(self._readings.copy())
        # Clocks of processes tick a hundred times a second: a much shorter time says little of them.
        if kept and now_us() - kept[-1].at_us < self._step_us // 4:
            return kept
        return [*kept, self._read()]

    def _read(self) -> Reading:
        return Reading(now_us(), read_processes(read_state(self._home)), read_machine(self._home.path))

    def _run(self) -> None:
        while True:
            self._readings.append(self._read())
            if self._stop.wait(self._step_us / 1_000_000):
                return
