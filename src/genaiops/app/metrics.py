"""`/metrics`: the figures of all workers together, with OpenTelemetry's names for generative AI beside our own.

The names of OpenTelemetry's conventions (GenAI, version 1.41, metrics) in their Prometheus form: dots become
underscores and the unit is added, so `gen_ai.client.operation.duration` in `s` is
`gen_ai_client_operation_duration_seconds`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from genaiops.app.exposition import CONTENT_TYPE, Distribution, Family, Labels, Sums, render
from genaiops.app.metric_totals import CALL, Key, Total, Totals, TotalsReader
from genaiops.core.clock import now_us
from genaiops.core.histogram import Histogram
from genaiops.core.money import NANO
from genaiops.ports.counters import Counters, Gauge
from genaiops.ports.telemetry import Telemetry

__all__ = ["CONTENT_TYPE", "Metrics"]

_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_OPERATION_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKEN_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""As the conventions advise."""

_COUNTERS: Sequence[tuple[str, str, str]] = (
    ("genaiops_calls_total", "Calls, refused ones included.", "calls"),
    ("genaiops_attempts_total", "Attempts at providers.", "attempts"),
    ("genaiops_input_tokens_total", "Tokens read by models, cached ones included.", "input_tokens"),
    ("genaiops_cached_input_tokens_total", "Input tokens that the provider read from its cache.", "cache_read"),
    ("genaiops_output_tokens_total", "Tokens written by models, reasoning included.", "output_tokens"),
    ("genaiops_estimated_calls_total", "Calls whose tokens are an estimate.", "estimated_calls"),
    ("genaiops_cost_unknown_total", "Calls that cost something nobody knows: no price fits.", "cost_unknown"),
)

_PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "sagemaker": "aws.sagemaker",
    "vertex": "gcp.vertex_ai",
}
"""Ours -> the conventions' `gen_ai.provider.name`, where they differ."""

_WORKERS: Mapping[str, tuple[str, str]] = {
    "in_flight": ("genaiops_worker_in_flight", "Calls under way in a worker."),
    "refused": ("genaiops_worker_refused_total", "Calls refused by a limit, a budget or a rule, since it started."),
    "unknown_keys": ("genaiops_worker_unknown_keys_total", "Requests with a key that is none, since it started."),
    "untraced": ("genaiops_worker_untraced_total", "Calls whose record could not be written, since it started."),
    "unsettled": ("genaiops_worker_unsettled_total", "Calls that could not be settled, since it started."),
    "overrun": ("genaiops_worker_overrun_total", "Calls that used more than was reserved, since it started."),
    "degraded": ("genaiops_worker_degraded", "Whether limits that machines share are cut off: 0 or 1."),
    "over_budget": (
        "genaiops_worker_over_budget_total",
        "Calls that a budget refused and a route's targets for that case took, since it started.",
    ),
    "unshadowed": ("genaiops_worker_unshadowed_total", "Shadow copies that were left out, since it started."),
    "breaker": ("genaiops_worker_breaker", "State of a target's breaker: 0 closed, 1 half open, 2 open."),
    "target_in_flight": ("genaiops_worker_target_in_flight", "Calls under way at a target."),
    "resting": ("genaiops_worker_target_resting", "Whether a target rests because its provider asked for it."),
    "credentials_resting": ("genaiops_worker_credentials_resting", "Credentials of a target that rest."),
}
"""What workers say of themselves -> (name, meaning). A gauge without a line here is shown under its own name."""

_UNFIT = re.compile(r"[^a-z0-9_]")


def _no_providers() -> Mapping[str, str]:
    return {}


class Metrics:
    """The totals of all time, and what workers say of themselves. `providers`: target id -> provider."""

    def __init__(
        self,
        telemetry: Telemetry,
        counters: Counters,
        providers: Callable[[], Mapping[str, str]] = _no_providers,
        *,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._counters = counters
        self._providers = providers
        self._totals = TotalsReader(telemetry, clock)

    def text(self, extra: Iterable[Family] = ()) -> bytes:
        totals = self._totals.read()
        return render(
            (
                *_own(totals),
                *_conventional(totals.calls, self._providers()),
                *_workers(self._counters.gauges()),
                *extra,
            )
        )


def _own(totals: Totals) -> Iterator[Family | Distribution]:
    rows = [(_labels(CALL, key), total) for key, total in totals.calls.items()]
    for name, meaning, field in _COUNTERS:
        yield Family(name, "counter", meaning, [(labels, total[field]) for labels, total in rows])
    yield Family(
        "genaiops_cost_total",
        "counter",
        "Known cost in units of the prices' currency.",
        [(labels, total["cost_nano"] / NANO) for labels, total in rows],
    )
    yield Distribution(
        "genaiops_call_duration_seconds", "Whole calls.", _BOUNDS, [(labels, total.duration) for labels, total in rows]
    )
    for word, label, named in (
        ("team", "team_id", totals.teams),
        ("application", "application", totals.applications),
        ("model", "request_model", _by(totals.calls, CALL.index("request_model"))),
    ):
        spent = [({label: name}, total["cost_nano"] / NANO) for name, total in named.items()]
        unknown = [({label: name}, total["cost_unknown"]) for name, total in named.items()]
        calls = [({label: name}, total["calls"]) for name, total in named.items()]
        yield Family(f"genaiops_{word}_spend_total", "counter", f"Known cost of each {word}.", spent)
        yield Family(f"genaiops_{word}_spend_unknown_total", "counter", f"Calls of each {word} at no price.", unknown)
        yield Family(f"genaiops_{word}_calls_total", "counter", f"Calls of each {word}.", calls)


def _labels(names: Sequence[str], key: Key) -> Labels:
    return dict(zip(names, key, strict=True))


def _by(calls: Mapping[Key, Total], place: int) -> dict[str, Total]:
    found: dict[str, Total] = {}
    for key, total in calls.items():
        if key[place]:
            found.setdefault(key[place], Total()).merge(total)
    return found


def _conventional(calls: Mapping[Key, Total], providers: Mapping[str, str]) -> Iterator[Distribution | Sums]:
    """Of calls that reached a model; others are no operation of generative AI."""
    operations: dict[Key, Total] = {}
    for (_, model, target, operation, status), total in calls.items():
        if not target or not operation:
            continue
        provider = providers.get(target, "unknown")
        error = "" if status == "ok" else status
        key = (operation, _PROVIDERS.get(provider, provider), model, error)
        operations.setdefault(key, Total()).merge(total)
    names = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "error_type")
    durations: list[tuple[Labels, Histogram]] = []
    first_tokens: list[tuple[Labels, Histogram]] = []
    tokens: list[tuple[Labels, int, float]] = []
    for key, total in operations.items():
        labels = _labels(names, key)
        durations.append((labels, total.duration))
        first_tokens.append((labels, total.first_token))
        for kind, field in (("input", "input_tokens"), ("output", "output_tokens")):
            if total[field]:
                tokens.append(({**labels, "gen_ai_token_type": kind}, total["calls"], total[field]))
    yield Distribution(
        "gen_ai_client_operation_duration_seconds",
        "Operations as their callers saw them, retries and fallbacks included.",
        _OPERATION_BOUNDS,
        durations,
    )
    yield Distribution(
        "gen_ai_server_time_to_first_token_seconds", "Until the first content.", _TOKEN_BOUNDS, first_tokens
    )
    yield Sums(
        "gen_ai_client_token_usage",
        "Tokens of operations. Sums are kept, not sizes of single operations, so all are in one bucket.",
        tokens,
    )


def _workers(gauges: Sequence[Gauge]) -> Iterator[Family]:
    """`breaker/<target>` becomes a label."""
    families: dict[str, list[tuple[Labels, float]]] = {}
    for gauge in gauges:
        kind, _, of = gauge.name.partition("/")
        labels = {"worker": str(gauge.column), "target_id": of}
        families.setdefault(kind, []).append((labels, gauge.value))
    for kind, samples in families.items():
        own = _UNFIT.sub("_", kind.lower())
        name, meaning = _WORKERS.get(kind, (f"genaiops_worker_{own}", "A figure of a worker."))
        yield Family(name, "counter" if name.endswith("_total") else "gauge", meaning, samples)
