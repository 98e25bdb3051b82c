"""The figures as tables for people."""

from collections.abc import Mapping, Sequence

import msgspec

from benchmarks.ingest.measures import Measured, middle

LINES: Mapping[str, Sequence[tuple[str, str]]] = {
    "speed": (
        ("stored_a_second", "spans stored a second"),
        ("taken_a_second", "spans answered with 200 a second"),
        ("missing", "answered with 200 and not stored at the end"),
        ("cpu_ms_per_1000", "CPU, ms per 1,000 spans"),
        ("post_p50_ms", "a request, median, ms"),
        ("post_p99_ms", "a request, p99, ms"),
        ("idle_mb", "memory before, MiB"),
        ("peak_mb", "memory at most, MiB"),
    ),
    "kill": (
        ("answered", "spans answered with 200 before the kill"),
        ("lost", "of these lost"),
    ),
    "gateway": (
        ("calm_p50", "a call without ingest, median, ms"),
        ("calm_p99", "a call without ingest, p99, ms"),
        ("at_bar_p50", "beside 2,000 spans a second, median, ms"),
        ("at_bar_p99", "beside 2,000 spans a second, p99, ms"),
        ("at_bar_spans_a_second", "spans a second then"),
        ("at_full_p50", "beside as many as are taken, median, ms"),
        ("at_full_p99", "beside as many as are taken, p99, ms"),
        ("at_full_spans_a_second", "spans a second then"),
        ("at_bar_failed", "calls that failed, beside 2,000 a second"),
        ("at_full_failed", "calls that failed, beside as many as are taken"),
    ),
}


class Results(msgspec.Struct):
    """`missing`: peers that could not be measured, and why."""

    machine: dict[str, str]
    setups: dict[str, str]
    rounds: list[Measured]
    missing: dict[str, str]


def table(results: Results) -> str:
    """Medians of the rounds; beside a peer's figure in brackets how many times ours it is."""
    subjects = [name for name in results.setups if any(one.subject == name for one in results.rounds)]
    out = [f"{name}: {value}" for name, value in results.machine.items()]
    out += [f"{name}: {setup}" for name, setup in results.setups.items()]
    out += [f"{name} could not be measured: {why}" for name, why in results.missing.items()]
    loads = [f"{one.load:.1f}" for one in results.rounds]
    out += [f"load at the beginning of each round: {', '.join(loads)}", ""]
    for name, lines in LINES.items():
        mine = [one for one in results.rounds if one.measure == name]
        if not mine:
            continue
        shown = [one for one in subjects if any(each.subject == one for each in mine)]
        out += [f"| {name} | {' | '.join(shown)} |", f"|---|{'---:|' * len(shown)}"]
        for figure, title in lines:
            cells = [_cell(mine, subject, figure, shown[0]) for subject in shown]
            out.append(f"| {title} | {' | '.join(cells)} |")
        out.append("")
    return "\n".join(out)


def _of(rounds: Sequence[Measured], subject: str, figure: str) -> float:
    return middle([one.figures[figure] for one in rounds if one.subject == subject])


def _cell(rounds: Sequence[Measured], subject: str, figure: str, first: str) -> str:
    value, ours = _of(rounds, subject, figure), _of(rounds, first, figure)
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"
    return text if subject == first or not ours else f"{text} ({value / ours:.2g}x)"
