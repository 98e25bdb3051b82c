"""Answers that workers share outlive the death of the worker that made them."""

import os
import signal
import time
from pathlib import Path

import pytest
import redis

from genaiops.domain import CachePolicy, Route, RouteTarget
from tests.app.running import Installation, until

KEPT = 8


@pytest.mark.needs_redis
def test_a_killed_worker_leaves_its_answers_and_its_records(tmp_path: Path, redis_url: str) -> None:
    store = redis.Redis.from_url(redis_url)
    before = set(store.keys("genaiops:cache:1:*"))
    with Installation(tmp_path, "--no-embedded", variables={"GENAIOPS_STORES_CACHE": redis_url}) as installation:
        installation.start().add_echo()
        policy = CachePolicy(mode="exact", namespace=tmp_path.name)
        with installation.hub() as hub:
            route = Route(id="kept", targets=(RouteTarget("echo"),), cache=policy, created_us=0)
            hub.routes.create(route, by="admin")
        until(lambda: installation.ask("kept").status == 200, "the route")
        questions: list[str] = []

        def kept() -> bool:
            """Asks something new: an answer that Redis is too slow for is not kept."""
            questions.append(f"question {len(questions)}")
            assert installation.ask("kept", questions[-1]).headers["x-genaiops-cache"] == "miss"
            return len(set(store.keys("genaiops:cache:1:*")) - before) >= KEPT

        until(kept, "answers to be kept")
        victim = installation.named("worker-0").pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        installation.wait_ready("worker-0", restarts=1)
        until(lambda: installation.ask().status == 200, "the worker to be back")
        found: list[str] = []
        for question in questions:  # a Redis that is slow for once is left alone for a second
            found.append(installation.ask("kept", question).headers["x-genaiops-cache"])
            if found[-1] != "miss":
                break
            time.sleep(0.5)
        assert found[-1].startswith("hit; age="), found
