"""SIGKILL of a worker, and of all of an installation, within a session: every call that went out is a step."""

import contextlib
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from genaiops.domain import GuardPolicy, ToolRules
from tests.app.running import Answer, Installation, until
from tests.app.test_faults import in_flight

RUN: dict[str, Any] = {"genaiops": {"session": "run"}}


@pytest.mark.slow
def test_steps_of_a_session_outlive_everybody(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool, Installation(tmp_path, "--no-embedded") as installation:
        installation.start().add_echo("never", delay="300")
        installation.add_echo("echo")
        with installation.hub() as hub:
            hub.guards.push("default", GuardPolicy(tools=ToolRules(steps=4, session="required")), by="admin")
        until(lambda: installation.ask().status == 400, "the policy to be in force")

        def interrupted() -> Future[Answer]:
            asked = pool.submit(installation.ask, "never", **RUN)
            until(lambda: in_flight(installation), "the call to be under way")
            return asked

        assert installation.ask(**RUN).status == 200
        lost = interrupted()
        worker = installation.named("worker-0")
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda: lost.exception() is not None, "the caller to be told")
        installation.wait_ready("worker-0", restarts=1)
        assert installation.ask(**RUN).status == 200
        lost = interrupted()
        installation.stop(signal.SIGKILL)
        with contextlib.suppress(OSError):
            lost.result()
    with Installation(tmp_path, "--no-embedded") as again:
        again.start()
        refused = again.ask(**RUN)
        assert refused.status == 429
        assert "4 are made" in refused.body["error"]["message"]
        assert again.ask(genaiops={"session": "another"}).status == 200
        again.stop()
