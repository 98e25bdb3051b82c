"""Groups of calls that are refused more often than others: an alert for two groups of an application.

What tells groups apart is a property of calls (a header `Helicone-Property-NAME`, or `metadata`) that the settings
name. A call is refused when a guard or its provider stopped it, or when its answer says so. Each pair of groups of an
application has the sequential test of `checks.statistics.two_streams`, so that it may be looked at all the time: of an
application whose groups are treated alike some pair raises a false alarm with a probability of at most `false_alarm`,
from when the process began (or a pair's last alarm) for ever. Outcomes of two groups are paired in order of arrival.
"""

from collections import deque
from collections.abc import Mapping
from itertools import combinations
from math import log
from typing import Final

import msgspec

from genaiops.checks.refusal import refusal
from genaiops.checks.statistics.two_streams import TwoStreams
from genaiops.domain import Content, Span
from genaiops.ports.alerts import Alerts
from genaiops.ports.telemetry import Telemetry
from genaiops.watch._spans import PROPERTIES

MOST_GROUPS: Final = 10
"""Of one application; what comes later is not compared."""
_MOST_APPLICATIONS: Final = 1000
_WAITING: Final = 1000
_PAGE: Final = 500
_PAGES: Final = 20
_FILTERED: Final = frozenset({"content_filter", "refusal"})
_PAIRS: Final = MOST_GROUPS * (MOST_GROUPS - 1) // 2
_properties = msgspec.json.Decoder(dict[str, str]).decode


class DisparityBounds(msgspec.Struct, frozen=True, kw_only=True):
    """`by`: the property ("": nothing is watched). `false_alarm`: the probability of any, of one application.
    `least`: a smaller difference of shares is no alert, however sure."""

    by: str = ""
    false_alarm: float = 0.01
    least: float = 0.05


class _Pair:
    """Two groups: what they showed, and outcomes that wait for one of the other group."""

    def __init__(self) -> None:
        self.shown = TwoStreams()
        self.waiting: tuple[deque[bool], deque[bool]] = (deque(maxlen=_WAITING), deque(maxlen=_WAITING))

    def add(self, side: int, refused: bool) -> None:
        self.waiting[side].append(refused)
        while all(self.waiting):
            self.shown = self.shown.after(self.waiting[0].popleft(), self.waiting[1].popleft())


class DisparityWatch:
    """Belongs to one thread at a time. What came before it was made is not looked at."""

    def __init__(self, telemetry: Telemetry, alerts: Alerts, bounds: DisparityBounds) -> None:
        self._telemetry = telemetry
        self._alerts = alerts
        self._bounds = bounds
        self._alarm = log(_PAIRS / bounds.false_alarm)
        self._place: int | None = None
        self._groups: dict[tuple[str, str], list[str]] = {}
        self._pairs: dict[tuple[str, str], dict[tuple[str, str], _Pair]] = {}

    def step(self) -> int:
        """Look at what was written since the last time; how many alerts were raised."""
        if not self._bounds.by:
            return 0
        if self._place is None:
            self._place = self._telemetry.head()
        raised = 0
        for _ in range(_PAGES):
            place, rows = self._telemetry.written(self._place, limit=_PAGE)
            for span, content in rows:
                group = self._group(span, content)
                if group:
                    raised += self._add((span.tenant_id, span.application or ""), group, span)
            self._place = place
            if not rows:
                break
        return raised

    def _group(self, span: Span, content: Content | None) -> str:
        """ "": it is of none."""
        raw = None if content is None or span.kind != "gateway" else (content.attributes or {}).get(PROPERTIES)
        if raw is None:
            return ""
        try:
            return _properties(raw).get(self._bounds.by, "")
        except msgspec.DecodeError:  # another program's attribute of that name
            return ""

    def _add(self, where: tuple[str, str], group: str, span: Span) -> int:
        if where not in self._groups and len(self._groups) >= _MOST_APPLICATIONS:
            return 0
        groups = self._groups.setdefault(where, [])
        pairs = self._pairs.setdefault(where, {})
        if group not in groups:
            if len(groups) >= MOST_GROUPS:
                return 0
            groups.append(group)
            for each in combinations(groups, 2):
                pairs.setdefault(each, _Pair())
        refused, raised = _refused(span), 0
        for names, pair in pairs.items():
            if group in names:
                pair.add(names.index(group), refused)
                raised += self._look(where, names, pair, span)
        return raised

    def _look(self, where: tuple[str, str], names: tuple[str, str], pair: _Pair, span: Span) -> int:
        shown = pair.shown
        if shown.log_e < self._alarm or abs(shown.difference) < self._bounds.least:
            return 0
        shares = {names[0]: shown.yes_a / shown.blocks, names[1]: shown.yes_b / shown.blocks}
        more, less = sorted(names, key=shares.__getitem__, reverse=True)
        pair.shown = TwoStreams()
        tenant, application = where
        self._raise(tenant, application, (more, less), shares, shown.blocks, span.trace_id.hex())
        return 1

    def _raise(  # size: two groups with their shares, where, and a trace
        self,
        tenant: str,
        application: str,
        groups: tuple[str, str],
        shares: Mapping[str, float],
        blocks: int,
        trace: str,
    ) -> None:
        more, less = groups
        by, place = self._bounds.by, application or "no application"
        self._alerts.raise_alert(
            "disparity",
            f"{place}: {by} {more} and {less}"[:200],
            "warning",
            f"Calls of {by} {more!r} are refused more often than those of {less!r}: {shares[more]:.0%} and "
            f"{shares[less]:.0%} of {blocks} each.",
            remedy="Ask the same for both groups (`genaiops suite expand`), and record what is found "
            "(`genaiops finding add`).",
            evidence={
                "by": by,
                "refused": f"{more} {shares[more]:.1%}, {less} {shares[less]:.1%}",
                "calls": f"{blocks} of each",
                "false_alarm": f"at most {self._bounds.false_alarm:g} of an application",
                "trace_id": trace,
            },
            tenant_id=tenant,
        )


def _refused(span: Span) -> bool:
    return (
        span.error_type in _FILTERED
        or span.finish_reason in _FILTERED
        or (span.status == "ok" and refusal(span.output_preview).kind == "full")
    )
