"""Suites run out of a program or a notebook: KPIs are declared, models answer, and the run is kept with its verdict.

run = genaiops.run_suite("capitals", cases=rows, models=["smollm2"], kpis={"contains": 0.8})
run.verdict

With kpis="support" they are those of the use case of that name.
"""

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import msgspec

from genaiops.core.errors import TimedOut, UsageError
from genaiops.sdk._client import Client, path_of
from genaiops.sdk._tables import frame_rows

_UNDER_WAY: Final = ("waiting", "running")
_PAUSE: Final = 0.25
_COLOURS: Final = {"pass": "#2b8a3e", "fail": "#c92a2a"}
_HEAD: Final = ("verdict", "KPI", "target", "asked for", "measured", "bounds", "n", "why")

Kpis = Mapping[str, float | Mapping[str, Any]]


class SuiteRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the server keeps it. `verdict`: pass, fail, inconclusive; `reason`: why. `kpis`: a line for each KPI and
    target with `verdict`, `kpi`, `target`, `asked`, `measured`, `low`, `high`, `n` and `why`, as a data frame takes
    them. A notebook shows it as a table."""

    id: str
    name: str
    state: str
    verdict: str
    reason: str
    kpis: tuple[dict[str, Any], ...]
    url: str
    document: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.verdict.upper()}: {self.reason} ({self.name}, {self.id})"

    def _repr_html_(self) -> str:
        """For notebooks; all that was said stands in it as text."""
        colour = _COLOURS.get(self.verdict, "#8f5a00")
        head = "".join(f"<th>{title}</th>" for title in _HEAD)
        rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(line))}</tr>" for line in self.kpis)
        return (
            f'<div><p><b style="color:{colour}">{escape(self.verdict.upper())}</b> {escape(self.reason)}</p>'
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            f'<p><a href="{escape(self.url)}">{escape(self.name)}, {escape(self.id)}</a></p></div>'
        )


def run_suite(
    name: str,
    *,
    cases: Any,
    kpis: Kpis | str,
    models: Sequence[str],
    run: Mapping[str, Any] | None = None,
    client: Client | None = None,
    timeout: float = 3600.0,
) -> SuiteRun:
    """Ask every case of every model on the server, and hold the answers against the KPIs.

    `cases`: mappings or a data frame, with the fields of a case (`input`, `expected`, ...). `kpis`: name of a metric ->
    the floor that its bound of confidence has to reach (of a metric whose less is better: stay below); or any name ->
    a check, as suites have it (`{"metric": "rougeL", "floor": 0.3}`); or the name of a use case: its KPIs that the
    suite `name` measures. `run`: `repeats`, `spend` and their like. `timeout` in seconds. The suite becomes a version
    of that name, so what was declared is kept with what came out.

    UsageError says what is wrong with cases or KPIs; TimedOut when it goes on for longer: it then goes on there.
    """
    rows = [dict(row) for row in frame_rows(cases)]
    if not rows or not kpis or not models:
        raise UsageError(
            "A run takes cases, KPIs and models.", remedy='cases=[...], kpis={"contains": 0.8}, models=[...]'
        )
    own = client is None
    client = Client() if client is None else client
    try:
        declared = _of_use_case(client, kpis, name) if isinstance(kpis, str) else kpis
        document: dict[str, Any] = {
            "case": rows,
            "target": [{"name": model, "model": model} for model in models],
            "check": [_check(kpi, asked) for kpi, asked in declared.items()],
            "run": dict(run or {}),
        }
        begun = client.post("/api/runs", {"name": name, "document": document})
        until = time.monotonic() + timeout
        while begun["state"] in _UNDER_WAY:
            if time.monotonic() > until:
                raise TimedOut(f"{begun['id']} goes on.", remedy=f"See it later: genaiops run show {begun['id']}")
            time.sleep(_PAUSE)
            begun = client.get(path_of("/api/runs", begun["id"]))
        return _of(begun, client.url)
    finally:
        if own:
            client.close()


def _of_use_case(client: Client, use_case: str, suite: str) -> Kpis:
    """UsageError when none of its KPIs is measured by that suite."""
    found: dict[str, dict[str, Any]] = client.get(path_of("/api/use-cases", use_case, "checks"), {"suite": suite})
    if not found:
        raise UsageError(
            f"The suite {suite!r} measures no KPI of the use case {use_case!r}.",
            remedy=f"See which suites do: genaiops use-case show {use_case}",
        )
    return found


def _check(kpi: str, asked: float | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(asked, Mapping):
        return {"name": kpi, **asked}
    return {"name": kpi, "metric": kpi, "floor": float(asked)}


def _of(run: dict[str, Any], url: str) -> SuiteRun:
    report: dict[str, Any] = run.get("report") or {"lines": (), "verdict": None}
    verdict: dict[str, Any] = report["verdict"] or {"outcome": "inconclusive", "reason": f"The run is {run['state']}."}
    return SuiteRun(
        id=run["id"],
        name=run["name"],
        state=run["state"],
        verdict=verdict["outcome"],
        reason=verdict["reason"],
        kpis=tuple(_line(line) for line in report["lines"]),
        url=f"{url.rstrip('/')}/arena/runs/{run['id']}",
        document=run,
    )


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    verdict = line["verdict"]
    low, high = verdict.get("interval") or (None, None)
    return {
        "verdict": verdict["outcome"],
        "kpi": line["check"],
        "target": line["target"],
        "asked": line["asked"],
        "measured": verdict.get("measure"),
        "low": low,
        "high": high,
        "n": verdict.get("n"),
        "why": verdict["reason"],
    }


def _cells(line: Mapping[str, Any]) -> list[str]:
    bounds = "" if line["low"] is None else f"{line['low']:.3g} to {line['high']:.3g}"
    figures = ["" if line[name] is None else f"{line[name]:.4g}" for name in ("asked", "measured")]
    n = "" if line["n"] is None else str(line["n"])
    texts = (line["verdict"].upper(), line["kpi"], line["target"], *figures, bounds, n, line["why"])
    return [escape(each) for each in texts]
