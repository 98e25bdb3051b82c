"""What every gateway worker agrees on: compiled by the control process, immutable, swapped as a whole."""

import msgspec

from genaiops.domain._application import Application, Deployment, Release
from genaiops.domain._energy import EnergyRate
from genaiops.domain._guard import GuardVersion
from genaiops.domain._limits import Budget, RateLimit
from genaiops.domain._people import Environment, IdentityIssuer
from genaiops.domain._pricing import Price
from genaiops.domain._prompt import PromptVersion
from genaiops.domain._routing import Route, Target
from genaiops.domain._task import Pass


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`keys_file` is the key log's file name and `keys_offset` how far of it this version reaches (keys come as a
    sequence of changes, so that 100,000 of them are never decoded at once). Limits of single keys stand in their
    KeyEntry, all others here. `energy`: what is known of what targets use; of the others nothing is. `releases`:
    those that serve somewhere (`deployments`). `passes`: held requests that were released."""

    version: int
    compiled_us: int
    targets: tuple[Target, ...] = ()
    routes: tuple[Route, ...] = ()
    prices: tuple[Price, ...] = ()
    budgets: tuple[Budget, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    environments: tuple[Environment, ...] = ()
    issuers: tuple[IdentityIssuer, ...] = ()
    energy: tuple[EnergyRate, ...] = ()
    prompts: tuple[PromptVersion, ...] = ()
    applications: tuple[Application, ...] = ()
    releases: tuple[Release, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    guards: tuple[GuardVersion, ...] = ()
    passes: tuple[Pass, ...] = ()
    keys_file: str = ""
    keys_offset: int = 0
