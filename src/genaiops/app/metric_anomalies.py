"""Unusual spend on `/metrics`. Looked for every few minutes at most: it reads two weeks of hours."""

import threading
from collections.abc import Iterator, Sequence
from typing import Final

from genaiops.app.exposition import Family, one
from genaiops.core.clock import now_us
from genaiops.ports.telemetry import Telemetry
from genaiops.watch import Spend, spend_anomalies

MOST: Final = 100
_FRESH_US: Final = 300_000_000


class AnomalyReader:
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._lock = threading.Lock()
        self._found: Sequence[Spend] = ()
        self._at_us = -_FRESH_US

    def families(self, at_us: int | None = None) -> Iterator[Family]:
        """`at_us`: the time of the look, by default now."""
        at_us = now_us() if at_us is None else at_us
        with self._lock:
            if at_us - self._at_us >= _FRESH_US:
                self._found = spend_anomalies(self._telemetry, now_us=at_us)
                self._at_us = at_us
            found = self._found
        judged = [each for each in found if each.state != "unknown"][:MOST]
        yield Family(
            "genaiops_spend_anomaly",
            "gauge",
            f"Whether spend is far above its usual: 1, else 0; at most {MOST}, what is above first.",
            [
                ({"scope": each.by, "scope_id": each.id, "window": each.window}, float(each.state == "above"))
                for each in judged
            ],
        )
        unknown = sum(each.state == "unknown" for each in found)
        yield one(
            "genaiops_spend_unjudged", "Stretches of spend of which nobody knows whether they are usual.", unknown
        )
