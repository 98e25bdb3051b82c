"""The keys that a run on the server makes its calls with, and the releases that it tries: they live as long as it."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from genaiops.app.evaluation import JUDGES, suite_of
from genaiops.app.publish import Publisher
from genaiops.arena import judges_of, run_place, target_of, tried_of
from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Run
from genaiops.hub import Hub, KeyChange, NewKey

_log = logging.getLogger("genaiops.runs")

KEY_SECONDS: Final = 3600
RENEW_SECONDS: Final = 1200.0


class RunKeys:
    """Of all runs of this machine. Safe between threads."""

    def __init__(self, hub: Hub, publisher: Publisher) -> None:
        self._hub = hub
        self._publisher = publisher

    def mint(self, run: Run) -> Mapping[str, tuple[str, str]]:
        """Target -> (id, text) of the key that it is asked with; JUDGES has that of models that judge. What the key
        that began the run may not do, they may not, either."""
        suite = suite_of(self._hub, run)
        own = run.inputs["environment"].removeprefix("environment/")
        for release in tried_of(run).values():
            self._hub.deployments.try_out(release, own, run.id, by=run.created_by)
        first = run.inputs.get("key", "").removeprefix("key/")
        like = self._hub.keys.get(first) if first else None
        made: dict[tuple[str, str | None], tuple[str, str]] = {}
        found: dict[str, tuple[str, str]] = {}
        judges = [target_of(member) for member in judges_of(suite)]
        named = [(target.name, target) for target in suite.target] + [(JUDGES, target) for target in judges]
        for name, target in named:
            if target.url or target.python or target.script or target.recorded:
                continue
            place = run_place(target, run)
            if place not in made:
                environment, application = place
                new = NewKey(
                    name=f"run/{run.id}",
                    actor_id=run.created_by,
                    environment_id=environment,
                    application=application,
                    expires_us=now_us() + KEY_SECONDS * 1_000_000,
                )
                if like is not None:
                    new = msgspec.structs.replace(
                        new,
                        team_id=like.team_id,
                        application=application or like.application,
                        models=like.models,
                        routes=like.routes,
                        regions=like.regions,
                        tags=like.tags,
                        guard=like.guard,
                    )
                key, text = self._hub.keys.create(new, by=run.created_by)
                made[place] = key.id, text
            found[name] = made[place]
        if made:
            self._publisher.wait(self._publisher.publish())
        return found

    async def renew(self, key_ids: set[str], by: str) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            change = KeyChange(expires_us=now_us() + KEY_SECONDS * 1_000_000)
            for key_id in key_ids:
                try:
                    await asyncio.to_thread(self._hub.keys.change, key_id, change, by=by)
                except GenaiopsError as error:
                    _log.error("the key of a run cannot be renewed: %s", error)

    def revoke(self, keys: Mapping[str, tuple[str, str]], run: Run) -> None:
        for key_id in {key_id for key_id, _ in keys.values()}:
            with suppress(GenaiopsError):  # it ends by itself
                self._hub.keys.revoke(key_id, by=run.created_by)
        if tried_of(run):
            with suppress(GenaiopsError):  # looked for again at the next start
                self._hub.deployments.end_trials(run.id, by=run.created_by)
