"""Spend that is unusual, for the page of costs."""

from collections.abc import Sequence

import msgspec

from genaiops.console._visit import Visit
from genaiops.domain import ApiKey
from genaiops.watch import SPENDERS, Spend, spend_anomalies

_SHOWN = 10


class Unusual(msgspec.Struct, frozen=True):
    """What is above, with the names of keys; how many stretches are not known, and how many are as usual."""

    above: Sequence[tuple[str, Spend]]
    unknown: int
    usual: int


def unusual(visit: Visit, by: str) -> Unusual | None:
    """None where nobody spent anything lately, and for what has no spend of its own."""
    if by not in SPENDERS:
        return None
    stores = visit.services.stores
    found = spend_anomalies(stores.telemetry, (by,), now_us=visit.now_us)
    if not found:
        return None
    above = [one for one in found if one.state == "above"][:_SHOWN]
    with stores.records.read() as view:
        keys = {one.id: view.get(ApiKey, one.id) for one in above if by == "key"}
    named = [(key.name if (key := keys.get(one.id)) is not None else one.id, one) for one in above]
    states = [one.state for one in found]
    return Unusual(named, states.count("unknown"), states.count("usual"))
