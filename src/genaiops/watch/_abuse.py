"""Keys that probe the guards, or go on against what refuses them: an alert for each pattern.

Four patterns, each a share of a key's calls: `blocked` by a guard, `injection` found, `extraction` (a canary or the
system prompt came back), `refused` otherwise before anything was sent. What counts stands in the telemetry, and what
was said of it in the alerts: nothing is kept here that a restart could lose, and no call counts for two alerts of one
pattern. The test is that of `checks.abuse`: on average a key gives the first false alarm after `minutes_between`
minutes with calls at the earliest. Its own share of the week before (the upper bound of it, `tolerated` times) is
nothing yet, nor is the pattern's floor; what there was an alert for is not of that week.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from genaiops.checks.abuse import Rule, growth, usual
from genaiops.core.clock import from_iso, to_iso
from genaiops.domain import Alert
from genaiops.ports.alerts import ALERT_PAUSE_US, AlertBook
from genaiops.ports.telemetry import RollupQuery, Telemetry, TraceFilter

MINUTE_US: Final = 60_000_000
HORIZON_US: Final = 60 * MINUTE_US
"""As long as calls count for an alert."""
PAST_US: Final = 7 * 24 * 60 * MINUTE_US
LATE_US: Final = 5 * MINUTE_US
"""What classifiers say after a call has ended comes late."""
_MOST_REFUSED: Final = 500


class AbuseBounds(msgspec.Struct, frozen=True, kw_only=True):
    """When a pattern is one. `minutes_between`: minutes with calls between two false alarms of a key, on average at
    least. `tolerated`: the multiple of a key's usual share that is nothing yet. By pattern: the share of calls that is
    nothing yet whatever is usual, and how many calls must show it."""

    minutes_between: int = 100_000
    tolerated: float = 1.5
    blocked: float = 0.05
    blocked_calls: int = 5
    injection: float = 0.05
    injection_calls: int = 5
    extraction: float = 0.02
    extraction_calls: int = 3
    refused: float = 0.5
    refused_calls: int = 20


class Pattern(NamedTuple):
    """`least`: so many calls must show it; `floor`: the share of calls that is nothing yet."""

    name: str
    least: int
    floor: float
    says: str


_SAYS: Final = {
    "blocked": "were stopped by a guard",
    "injection": "try to overrule instructions",
    "extraction": "bring out what must not be told",
    "refused": "were refused before anything was sent",
}


class _Seen(NamedTuple):
    """Of one key, by pattern: minute -> calls that show it; and the trace of one of them."""

    minutes: dict[str, dict[int, int]]
    traces: dict[str, str]


class AbuseWatch:
    """Belongs to one thread at a time."""

    def __init__(
        self, telemetry: Telemetry, alerts: AlertBook, clock: Callable[[], int], bounds: AbuseBounds | None = None
    ) -> None:
        self._bounds = bounds = bounds or AbuseBounds()
        self._patterns = tuple(
            Pattern(name, getattr(bounds, f"{name}_calls"), getattr(bounds, name), says) for name, says in _SAYS.items()
        )
        self._alarm = math.log(len(self._patterns) * bounds.minutes_between)
        self._telemetry = telemetry
        self._alerts = alerts
        self._clock = clock
        self._looked_us = 0

    def step(self) -> int:
        """Look at what came since the last time; how many alerts were raised."""
        now = self._clock()
        since = max(self._looked_us - LATE_US, now - HORIZON_US)
        raised = sum(self._judge(key, tenant, now) for key, tenant in self._suspects(since, now))
        self._looked_us = now
        return raised

    def _suspects(self, since_us: int, now_us: int) -> set[tuple[str, str]]:
        """(key, tenant) of those that did anything of it since then."""
        found = {(each.key_id, each.tenant_id) for each in self._telemetry.probing(since_us, now_us + 1)}
        query = RollupQuery(
            since_us=since_us,
            until_us=now_us + 1,
            step="all",
            group_by=("key_id", "tenant_id"),
            where={"status": "error", "target_id": ""},
        )
        rows = self._telemetry.rollup(query)
        found.update((row.group["key_id"], row.group["tenant_id"]) for row in rows if row.group["key_id"])
        return found

    def _judge(self, key: str, tenant: str, now_us: int) -> int:
        since = (now_us - HORIZON_US) // MINUTE_US * MINUTE_US
        calls = self._calls(key, since, now_us)
        seen = self._seen(key, since, now_us)
        return sum(self._look(pattern, key, tenant, calls, seen, now_us) for pattern in self._patterns)

    def _calls(self, key: str, since_us: int, until_us: int) -> Mapping[int, int]:
        """Minute -> calls."""
        query = RollupQuery(since_us=since_us, until_us=until_us + 1, step="minute", where={"key_id": key})
        return {row.start_us: row.calls for row in self._telemetry.rollup(query)}

    def _seen(self, key: str, since_us: int, until_us: int) -> _Seen:
        minutes: dict[str, dict[int, int]] = {name: {} for name in _SAYS}
        traces: dict[str, str] = {}
        for each in self._telemetry.probing(since_us, until_us + 1, key_id=key):
            counts = {"blocked": each.blocked, "injection": each.injections, "extraction": each.extractions}
            for name, count in counts.items():
                if count:
                    minutes[name][each.start_us] = count
                    traces[name] = each.trace_id.hex()
        where = TraceFilter(key_id=key, status="error", since_us=since_us)
        for row in self._telemetry.list(where, limit=_MOST_REFUSED).rows:
            root = row.root
            if root.kind == "gateway" and root.target_id is None and root.error_type != "content_filter":
                minute = root.start_us // MINUTE_US * MINUTE_US
                minutes["refused"][minute] = minutes["refused"].get(minute, 0) + 1
                traces.setdefault("refused", root.trace_id.hex())
        return _Seen(minutes, traces)

    # size: a pattern of a key in what was seen, and when
    def _look(self, pattern: Pattern, key: str, tenant: str, calls: Mapping[int, int], seen: _Seen, now_us: int) -> int:
        minutes = seen.minutes[pattern.name]
        if sum(minutes.values()) < pattern.least:
            return 0
        kind, subject = f"abuse_{pattern.name}", f"key/{key}"
        last = self._alerts.latest(kind, subject, tenant_id=tenant)
        told_us = 0 if last is None else from_iso(last.evidence["until"])
        if last is not None and now_us <= last.last_us + ALERT_PAUSE_US:
            return 0
        windows = {
            minute: (minutes.get(minute, 0), max(calls.get(minute, 0), minutes.get(minute, 0)))
            for minute in sorted({*calls, *minutes})
            if minute >= told_us
        }
        count, of = (sum(each[at] for each in windows.values()) for at in (0, 1))
        if count < pattern.least or growth(windows.values(), pattern.floor) < self._alarm:
            return 0
        share = self._usual(pattern, key, _before(last, now_us))
        if growth(windows.values(), share) < self._alarm:
            return 0
        evidence = {
            "calls": f"{count} of {of}",
            "usual_share": f"at most {share:.1%}",
            "since": to_iso(min(windows)),
            "until": to_iso(max(windows) + MINUTE_US),
            "trace_id": seen.traces.get(pattern.name, ""),
        }
        self._raise(pattern, subject, tenant, f"{count} of {of} calls of the key {key} {pattern.says}.", evidence)
        return 1

    def _usual(self, pattern: Pattern, key: str, before_us: int) -> float:
        """The highest share of calls that is taken for usual, by the week before."""
        since = before_us - PAST_US
        bounds = self._bounds
        rule = Rule(windows_between=bounds.minutes_between, tolerated=bounds.tolerated, floor=pattern.floor)
        query = RollupQuery(since_us=since, until_us=before_us, step="all", where={"key_id": key})
        calls = sum(row.calls for row in self._telemetry.rollup(query))
        if pattern.name == "refused":
            refused = msgspec.structs.replace(query, where={"key_id": key, "status": "error", "target_id": ""})
            seen = sum(row.calls for row in self._telemetry.rollup(refused))
        else:
            past = self._telemetry.probing(since, before_us, key_id=key)
            names = {"blocked": "blocked", "injection": "injections", "extraction": "extractions"}
            seen = sum(getattr(each, names[pattern.name]) for each in past)
        return usual(min(seen, calls), calls, rule)

    def _raise(self, pattern: Pattern, subject: str, tenant: str, message: str, evidence: Mapping[str, str]) -> None:
        remedy = "Look at the traces of the key, ask who holds it, and limit or revoke it (`genaiops key revoke`)."
        self._alerts.raise_alert(
            f"abuse_{pattern.name}", subject, "warning", message, remedy=remedy, evidence=evidence, tenant_id=tenant
        )


def _before(last: Alert | None, now_us: int) -> int:
    """Until when a key did what is usual: what was complained of within a week is none of it."""
    before = now_us - HORIZON_US
    if last is None or last.last_us < before - PAST_US:
        return before
    return min(before, last.first_us - HORIZON_US)
