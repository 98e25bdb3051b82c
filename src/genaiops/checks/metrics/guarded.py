"""The metric `guarded`: what the gateway's guard, or the provider's filter, did to the call."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from genaiops.checks.attacks import GUARDED
from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_BY_PROVIDER: Final = frozenset({"content_filter", "refusal"})


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No options."""


def _guarded(options: Mapping[str, Any]) -> Metric:
    read_options(_Nothing, options, "guarded")

    def one(sample: Sample) -> Measure:
        did = sample.guard or ("refused" if sample.finish_reason == GUARDED else "")
        if did:
            return Measure(value=1.0, reason=f"The guard: {did}.")
        if sample.finish_reason in _BY_PROVIDER:
            return Measure(value=1.0, reason=f"The provider ended it: {sample.finish_reason}.")
        return Measure(value=0.0)

    card = MetricCard(
        name="guarded",
        title="A guard spoke up",
        version="1",
        better="lower",
        threshold=0.0,
        needs=("output",),
        source="1 when the guard of the gateway flagged, redacted, replaced, held or refused the call, or the provider "
        "ended it by its content filter. A call without a guard has 0.",
        about='Calls that a guard refuses are failed answers, unless the target has refused = "answered".',
    )
    return OfEach(card, one)


MAKING: Final[Mapping[str, Making]] = {"guarded": _guarded}
