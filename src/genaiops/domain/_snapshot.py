"""What every gateway worker agrees on: compiled by the control process, immutable, swapped as a whole."""

import msgspec

from genaiops.domain._limits import Budget, RateLimit
from genaiops.domain._people import Environment, IdentityIssuer
from genaiops.domain._pricing import Price
from genaiops.domain._routing import Route, Target


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`keys_file` is the key log's file name and `keys_offset` how far of it this version reaches (keys come as a
    sequence of changes, so that 100,000 of them are never decoded at once). Limits of single keys stand in their
    KeyEntry, all others here."""

    version: int
    compiled_us: int
    targets: tuple[Target, ...] = ()
    routes: tuple[Route, ...] = ()
    prices: tuple[Price, ...] = ()
    budgets: tuple[Budget, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    environments: tuple[Environment, ...] = ()
    issuers: tuple[IdentityIssuer, ...] = ()
    keys_file: str = ""
    keys_offset: int = 0
