"""Answers that workers share outlive the death of the worker that made them."""

import os
import signal
from pathlib import Path

import pytest

from genaiops.domain import CachePolicy, Route, RouteTarget
from tests.app.running import Installation, until


@pytest.mark.needs_redis
def test_a_killed_worker_leaves_its_answers_and_its_records(tmp_path: Path, redis_url: str) -> None:
    with Installation(tmp_path, "--no-embedded", variables={"GENAIOPS_STORES_CACHE": redis_url}) as installation:
        installation.start().add_echo()
        policy = CachePolicy(mode="exact", namespace=tmp_path.name)
        with installation.hub() as hub:
            route = Route(id="kept", targets=(RouteTarget("echo"),), cache=policy, created_us=0)
            hub.routes.create(route, by="admin")
        until(lambda: installation.ask("kept").status == 200, "the route")
        assert installation.ask("kept", "again").headers["x-genaiops-cache"] == "miss"
        victim = installation.named("worker-0").pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        installation.wait_ready("worker-0", restarts=1)
        until(lambda: installation.ask().status == 200, "the worker to be back")
        found = installation.ask("kept", "again")
        assert found.headers["x-genaiops-cache"].startswith("hit; age=")
        assert found.headers["x-genaiops-cost"] == "0"
