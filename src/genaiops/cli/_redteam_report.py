"""How a red-team report stands in a terminal: figures only, no text of an attack or an answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genaiops.cli._output import Column, Output

GROUPS = {
    "family": "families",
    "tag": "tags",
    "hazard": "hazards",
    "technique": "techniques",
    "converter": "converters",
}

_COLUMNS = (
    Column("ATTACKS", "name"),
    Column("CALLED", lambda row: row["title"] or None, rank=3),
    Column("TARGET", "target"),
    Column("SUCCEED", lambda row: share(row["rate"]), right=True),
    Column("95 %", lambda row: f"{row['low']:.1%} to {row['high']:.1%}", right=True),
    Column("SEEDS", lambda row: f"{row['broken']} of {row['seeds']}", right=True),
    Column("AT MOST", lambda row: share(row["broken_high"]), right=True, rank=1),
    Column("CORRECTED", lambda row: _corrected(row["corrected"]), rank=2),
    Column("GUARDED", lambda row: row["guarded"] or None, right=True, rank=1),
    Column("ATTEMPTS", "attempts", right=True, rank=2),
    Column("MISSING", lambda row: (row["attempts"] - row["answered"]) or None, right=True, rank=1),
)


_HARMLESS = (Column("QUESTIONS", "name"), _COLUMNS[2], Column("REFUSED", _COLUMNS[3].value, right=True), *_COLUMNS[4:])


def share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _corrected(estimate: Mapping[str, float] | None) -> str | None:
    return None if estimate is None else f"{estimate['mean']:.1%} ({estimate['low']:.1%} to {estimate['high']:.1%})"


def show_attacks(output: Output, report: Mapping[str, Any], group: str) -> None:
    rows = list(_rows(report[GROUPS[group]]))
    columns = [each for each in _COLUMNS if each.title != "CALLED" or any(row["title"] for row in rows)]
    attacks, harmless = [row for row in rows if not row["harmless"]], [row for row in rows if row["harmless"]]
    if attacks:
        output.rows(attacks, columns, empty="")
    elif not harmless:
        output.note(f"No attack of this run has a {group}.")
    if harmless:
        output.line()
        output.line("Harmless questions that were refused:")
        output.rows(harmless, _HARMLESS, empty="")
    output.line()
    for line in notes(report):
        output.line(line)


def notes(report: Mapping[str, Any]) -> Iterator[str]:
    """What has to be known of the figures."""
    confidence = round((1 - report["alpha"]) * 100)
    yield f"Bounds hold with {confidence} % confidence on each side, over seeds. SEEDS: of which any attempt succeeded."
    found: dict[str, Any] = {}
    for row in report["families"]:
        for rate in row["rates"].values():
            found |= {each["by"]: each.get("error") for each in rate["detection"]}
    measured = {by: error for by, error in found.items() if error}
    for by, error in measured.items():
        yield (
            f"{by}: the detector saw {error['seen']} of {error['successes']} successes and spared {error['spared']} of "
            f"{error['failures']} others; {error['source']}."
        )
    others = [by for by in found if by not in measured]
    if others:
        yield f"The error of these detectors was not measured, and nothing is corrected for it: {', '.join(others)}."
    if report["repeats"] > 1:
        yield from _hits(report)


def _hits(report: Mapping[str, Any]) -> Iterator[str]:
    for row in report["families"]:
        for target, rate in row["rates"].items():
            if rate.get("hits"):
                told = ", ".join(f"hit@{k} {value:.1%}" for k, value in rate["hits"].items())
                yield f"{row['name']}, {target}: {told}"


def _rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        for target, rate in row["rates"].items():
            yield {
                "name": row["name"],
                "target": target,
                "title": row.get("title"),
                "harmless": row.get("harmless", False),
                **rate,
            }
