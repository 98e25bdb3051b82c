"""The leader board of a suite: who answered it best, and what of that its bounds leave open."""

from collections.abc import Sequence

from litestar import Response, get

from genaiops.arena import BoardEntry
from genaiops.console._charts import Chart
from genaiops.console._intervals import Interval, intervals
from genaiops.console._visit import Visiting
from genaiops.console.pages.arena_trend import check_known
from genaiops.core.errors import UsageError


@get("/arena/board", sync_to_thread=True)
def board(visit: Visiting) -> Response[str]:
    """`suite`: its name. `check`: by which of its checks ("": the first)."""
    suite = visit.query.get("suite", "")
    if not suite:
        raise UsageError("Of which suite?", remedy="Choose one: /arena/suites", param="suite")
    check_known(visit, suite)
    found = visit.services.evaluations.board(suite, visit.query.get("check", ""))
    return visit.page(
        "arena_board.html",
        title="ARENA",
        nav="arena",
        tab="suites",
        knows=("suite", "check"),
        suite=suite,
        board=found,
        charts=_charts(found.check, found.unit, found.entries),
    )


def _charts(check: str, unit: str, entries: Sequence[BoardEntry]) -> list[Chart]:
    """A line for each that is ranked, the best at the top."""
    rows: list[Interval] = []
    names: list[str] = []
    for entry in entries:
        found = entry.quality
        if entry.apart or found is None or found.low is None or found.high is None:
            continue
        again = names.count(entry.target)
        names.append(entry.target)
        name = f"{entry.target} ({again + 1})" if again else entry.target
        rows.append(Interval(name=name, value=found.mean, low=found.low, high=found.high, outcome="pass"))
    return [intervals(f"{check}, best first", rows, unit=unit or "measured", judged=False)] if rows else []
