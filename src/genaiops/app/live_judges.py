"""Whom checks of live calls ask: models through the gateway, with a key of the experiment's and its money, and models
of this process."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final

import msgspec

from genaiops.app.home import Home
from genaiops.app.local_models import InstalledModels
from genaiops.app.posting import HttpPost
from genaiops.app.publish import Publisher
from genaiops.app.sandboxing import sandbox
from genaiops.app.scoring_programs import meteor
from genaiops.app.settings import Settings
from genaiops.arena import Ask, Endpoint, Judges, Purse, asker
from genaiops.core.errors import GenaiopsError, NotFound
from genaiops.core.money import to_nano
from genaiops.domain import Experiment, Suite, SuiteTarget
from genaiops.hub import Hub, KeyChange, NewKey
from genaiops.ports.metrics import Means
from genaiops.ports.runs import Runs
from genaiops.ports.secrets import Secrets

_KEY_US: Final = 3_600_000_000
_RENEW_US: Final = 1_200_000_000


class _Key(msgspec.Struct, frozen=True):
    id: str
    text: str
    at_us: int


class LivePurse(msgspec.Struct):
    """What one experiment may still spend here, and with what it asks. `told`: of what was spent, what is kept."""

    means: Means
    purse: Purse
    told: int = 0

    def spent(self) -> int:
        """What came since it was asked last."""
        known = self.purse.known or 0
        more, self.told = known - self.told, known
        return more

    def had(self, nano: int) -> None:
        """What all machines have spent by now."""
        self.purse.had(nano)
        self.told = self.purse.known or 0

    @property
    def reason(self) -> str:
        return self.purse.reason


class LiveJudges:
    """Belongs to the control process. One event loop uses it."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        runs: Runs,
        hub: Hub,
        publisher: Publisher,
        secrets: Secrets,
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._runs = runs
        self._hub = hub
        self._publisher = publisher
        self._secrets = secrets
        self._clock = clock
        self._local = InstalledModels(home.path)
        self._post = HttpPost(max_connections=16)
        self._stack = ExitStack()
        self._meteor = self._stack.enter_context(meteor())
        self._keys: dict[str, _Key] = {}
        self._purses: dict[str, LivePurse] = {}

    async def of(self, experiment: Experiment, suite: Suite, *, asks: bool, spent_nano: int) -> LivePurse:
        """`asks`: a model through the gateway is among whom it asks. GenaiopsError when no key can be made for it."""
        if asks:
            await asyncio.to_thread(self._keep_key, experiment)
        found = self._purses.get(experiment.id)
        if found is None:
            spend = experiment.plan.spend
            purse = Purse(None if spend is None else to_nano(spend))
            found = self._purses[experiment.id] = LivePurse(self._judges(experiment, suite, purse), purse)
        found.had(spent_nano)
        return found

    def check(self, weights: str) -> None:
        """GenaiopsError when they are not installed, with the command that pulls them."""
        self._local.check(weights)

    def leave(self, running: set[str]) -> None:
        """All others need their keys no more."""
        for experiment_id in set(self._keys) - running:
            key = self._keys.pop(experiment_id)
            with suppress(GenaiopsError):  # it ends by itself
                self._hub.keys.revoke(key.id, by=self._hub.experiments.get(experiment_id).started_by)
        for experiment_id in set(self._purses) - running:
            del self._purses[experiment_id]

    async def aclose(self) -> None:
        await self._post.aclose()
        self._stack.close()

    def _judges(self, experiment: Experiment, suite: Suite, purse: Purse) -> Judges:
        def ask(target: SuiteTarget) -> Ask:
            key = self._keys.get(experiment.id)
            gateway = None if key is None else Endpoint(url=self._settings.url, key=key.text)
            secret = self._secret(target.secret) if target.secret else ""
            return asker(target, post=self._post, gateway=gateway, secret=secret, timeout=suite.run.timeout_s)

        return Judges(
            self._runs,
            suite,
            ask,
            purse,
            asyncio.Event(),
            local=self._local,
            sandbox=sandbox(weak=False),
            meteor=self._meteor,
        )

    def _secret(self, name: str) -> str:
        value = self._secrets.get(name)
        if value is None:
            raise NotFound(
                f"There is no secret {name!r}.", remedy=f"Set it: genaiops secret set {name}", param="secret"
            )
        return value

    def _keep_key(self, experiment: Experiment) -> None:
        now = self._clock()
        known = self._keys.get(experiment.id)
        if known is None:
            new = NewKey(
                name=f"experiment/{experiment.id}",
                actor_id=experiment.started_by,
                environment_id=experiment.environment_id,
                expires_us=now + _KEY_US,
            )
            made, text = self._hub.keys.create(new, by=experiment.started_by)
            self._keys[experiment.id] = _Key(made.id, text, now)
            self._publisher.wait(self._publisher.publish())
        elif now - known.at_us > _RENEW_US:
            self._hub.keys.change(known.id, KeyChange(expires_us=now + _KEY_US), by=experiment.started_by)
            self._keys[experiment.id] = msgspec.structs.replace(known, at_us=now)
