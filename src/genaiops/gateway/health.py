"""Whether this worker lives, and whether model calls through it will succeed."""

import msgspec

from genaiops.gateway.breaker import OPEN
from genaiops.gateway.plan import Plan
from genaiops.gateway.settings import GatewaySettings


class Health(msgspec.Struct, frozen=True):
    status: str
    reasons: tuple[str, ...] = ()


ALIVE = msgspec.json.encode(Health("ok"))


def readiness(plan: Plan | None, settings: GatewaySettings, now: float, degraded: str | None = None) -> Health:
    """`ok`, or `unready` with every reason why calls would fail, or `degraded` with why some would: a worker that is
    degraded stays ready. `now` in seconds of the monotonic clock."""
    if plan is None:
        return Health("unready", ("No configuration has been read yet.",))
    enabled = [one.upstream for one in plan.candidates.values() if one.target.enabled]
    found: list[str] = []
    if not enabled:
        found.append("No target is enabled.")
    elif all(one.breaker.state(now) == OPEN for one in enabled):
        found.append("Every target is failing: " + ", ".join(sorted(one.target.id for one in enabled)) + ".")
    if settings.ready_probe is not None:
        why = settings.ready_probe()
        if why is not None:
            found.append(why)
    if found:
        return Health("unready", tuple(found))
    return Health("ok") if degraded is None else Health("degraded", (degraded,))
