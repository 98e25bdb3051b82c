"""Results: medians over the rounds, what they are measured against, and tables."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from benchmarks.gateway.measures import Figures


class Gateway(msgspec.Struct, frozen=True):
    name: str
    version: str
    setup: str


class Results(msgspec.Struct, kw_only=True):
    """`rounds`: measure -> gateway -> figures of each round, in order; `once`: measure -> figures of genaiops;
    `missing`: gateway -> why it was not measured."""

    machine: dict[str, str]
    sizes: dict[str, float]
    gateways: list[Gateway] = []
    missing: dict[str, str] = {}
    failures: list[str] = []
    rounds: dict[str, dict[str, list[Figures]]] = {}
    once: dict[str, Figures] = {}

    def median(self, measure: str, gateway: str, figure: str) -> float:
        """NaN when there is none."""
        values = [figures[figure] for figures in self.rounds.get(measure, {}).get(gateway, []) if figure in figures]
        return statistics.median(values) if values else math.nan

    def added(self, gateway: str, figure: str) -> float:
        """Median over the rounds of the gateway's latency minus that without a gateway in the same round."""
        rounds = self.rounds.get("latency", {})
        pairs = zip(rounds.get(gateway, []), rounds.get("direct", []), strict=False)
        values = [one[figure] - direct[figure] for one, direct in pairs]
        return statistics.median(values) if values else math.nan

    def single(self, measure: str, figure: str) -> float:
        return self.once.get(measure, {}).get(figure, math.nan)


class Bar(msgspec.Struct, frozen=True):
    """A figure and what it was to be: at most, or at least."""

    what: str
    value: float
    wanted: float
    at_least: bool = False
    unit: str = ""

    @property
    def bound(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {self.wanted:g} {self.unit}".strip()

    @property
    def verdict(self) -> str:
        if math.isnan(self.value):
            return "not measured"
        return "yes" if (self.value >= self.wanted if self.at_least else self.value <= self.wanted) else "no"


def bars(of: Results) -> list[Bar]:
    """The promises of the gateway, with what was measured. What a whole core can do is reckoned from the CPU time of a
    request: in a closed loop other work on that core would count against whoever it met."""

    def ratio(measure: str, figure: str, peer: str) -> float:
        other = of.median(measure, peer, figure)
        return of.median(measure, "genaiops", figure) / other if other else math.nan

    def streamed(figure: str) -> float:
        return of.median("streams", "genaiops", figure)

    many = f"{of.sizes.get('streams', 0):,.0f} streams"
    everything = of.median("short", "genaiops", "all_cpu_us")
    grown = of.single("memory", "end_mb") - of.single("memory", "first_tenth_mb")
    return [
        Bar("worker CPU per request, in nginx's", ratio("short", "cpu_us", "nginx"), 4, unit="x"),
        Bar("CPU per request, all processes until queryable", everything, 300, unit="us"),
        Bar("requests/s of a whole core, in LiteLLM's", 1 / ratio("short", "cpu_us", "LiteLLM"), 100, True, "x"),
        Bar("requests/s of a whole core, in TensorZero's", 1 / ratio("short", "cpu_us", "TensorZero"), 1.5, True, "x"),
        Bar("latency added at 200/s, p50", of.added("genaiops", "p50_us") / 1000, 0.4, unit="ms"),
        Bar("latency added at 200/s, p99", of.added("genaiops", "p99_us") / 1000, 1.5, unit="ms"),
        Bar(f"{many}: lost or altered", _bad_streams(of), 0),
        Bar(f"{many}: share of a core", streamed("core_share") * 100, 60, unit="%"),
        Bar(f"{many}: CPU per chunk", streamed("cpu_us_per_chunk"), 30, unit="us"),
        Bar(f"{many}: first byte, p99", streamed("first_byte_p99_ms"), 50, unit="ms"),
        Bar("worker's memory after all requests", of.single("memory", "end_mb"), 100, unit="MiB"),
        Bar("its growth over the last nine tenths of them", grown, 2, unit="MiB"),
        Bar("hit in the exact cache: worker CPU", of.single("hits", "hit_cpu_us"), 60, unit="us"),
        Bar("200 KB prompts: worker CPU, in nginx's", ratio("long", "cpu_us", "nginx"), 4, unit="x"),
        Bar(
            "short chats under the default policy: worker CPU, in unguarded ones'",
            of.single("guarded", "short_ratio"),
            1.5,
            unit="x",
        ),
        Bar("Messages, translated: worker CPU, in chat's", of.single("translated", "messages_x"), 3, unit="x"),
        Bar("Responses, translated: worker CPU, in chat's", of.single("translated", "responses_x"), 3, unit="x"),
    ]


def _bad_streams(of: Results) -> float:
    rounds = of.rounds.get("streams", {}).get("genaiops", [])
    return sum(each["lost"] + each["altered"] for each in rounds) if rounds else math.nan


_COLUMNS: Sequence[tuple[str, str, str]] = (
    ("requests/s", "short", "requests_per_s"),
    ("CPU us/request", "short", "cpu_us"),
    ("all processes us/request", "short", "all_cpu_us"),
    ("200 KB: CPU us/request", "long", "cpu_us"),
    ("streams at a time", "streams", "streams"),
    ("CPU us/chunk", "streams", "cpu_us_per_chunk"),
    ("first byte p99 ms", "streams", "first_byte_p99_ms"),
    ("resident MiB", "short", "resident_mb"),
)


def tables(of: Results) -> str:
    """Markdown."""
    machine = [f"- {name}: {value}" for name, value in of.machine.items()]
    bar_rows = [(bar.what, show(bar.value, bar.unit), bar.bound, bar.verdict) for bar in bars(of)]
    names = [gateway.name for gateway in of.gateways]
    rows = [
        (
            name,
            *(show(of.median(measure, name, figure)) for _, measure, figure in _COLUMNS),
            show(of.added(name, "p50_us") / 1000),
            show(of.added(name, "p99_us") / 1000),
        )
        for name in names
    ]
    headings = ("gateway", *(heading for heading, _, _ in _COLUMNS), "added p50 ms", "added p99 ms")
    once = [
        (name, ", ".join(f"{key} {show(value)}" for key, value in found.items())) for name, found in of.once.items()
    ]
    parts = ["\n".join(machine), _table(("what", "measured", "wanted", "met"), bar_rows), _table(headings, rows)]
    if once:
        parts.append(_table(("genaiops alone", "figures"), once))
    parts += [f"Not measured: {name}: {why}" for name, why in of.missing.items()]
    parts += [f"Failed: {failure}" for failure in of.failures]
    return "\n\n".join(parts) + "\n"


def show(value: float, unit: str = "") -> str:
    if math.isnan(value):
        return "-"
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def as_document(of: Results) -> Mapping[str, object]:
    """With the medians and verdicts computed, for the results file."""
    verdicts = [
        {"what": bar.what, "value": _finite(bar.value), "wanted": bar.wanted, "met": bar.verdict} for bar in bars(of)
    ]
    return {**msgspec.to_builtins(of), "bars": verdicts}


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else value
