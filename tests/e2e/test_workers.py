"""Two workers: the death of one is not felt by calls that it had not accepted."""

import os
import signal
from pathlib import Path

from tests.app.running import Installation


def test_killing_one_of_two_workers_fails_no_call_that_it_had_not_accepted(tmp_path: Path) -> None:
    with Installation(tmp_path, "--no-embedded", "--workers", "2") as installation:
        installation.start().add_echo()
        victim = installation.named("worker-1").pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        assert [installation.ask().status for _ in range(20)] == [200] * 20
