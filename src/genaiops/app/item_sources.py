"""What can be put into a queue or a dataset: traces, rows of datasets, and cases of runs with their answers."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, Final

import msgspec

from genaiops.app.run_rows import rows_of
from genaiops.core.errors import NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Answer, Run, Version
from genaiops.hub import Datasets, NewItem, item_of_row
from genaiops.ports.blobs import Blobs
from genaiops.ports.runs import CaseRow, Runs
from genaiops.ports.telemetry import Telemetry, Trace, TraceFilter
from genaiops.watch import trace_example

_PAGE: Final = 500
UNKNOWN: Final = "unknown"
"""In the place of an environment that a trace does not say."""


class ItemSources:
    """`blobs` and `runs` are the whole installation's: whoever asks has looked whether the caller may see what is
    named. The telemetry is handed in, as far as the caller sees it."""

    def __init__(self, blobs: Blobs, runs: Runs) -> None:
        self._blobs = blobs
        self._runs = runs

    # --- traces ---

    def trace(self, telemetry: Telemetry, trace_id: bytes) -> NewItem:
        """NotFound when there is no such trace, or nothing of its content was kept."""
        trace = telemetry.trace(trace_id)
        item = None if trace is None else self._of_trace(trace)
        if item is None:
            what = "is none" if trace is None else "has no content that could be labelled"
            raise NotFound(
                f"The trace {trace_id.hex()} {what}.",
                remedy="It comes about a second after its call, and an environment says how much it keeps.",
                param="traces",
            )
        return item

    def traces(self, telemetry: Telemetry, where: TraceFilter, limit: int) -> tuple[Sequence[NewItem], int]:
        """(the newest `limit` that meet the conditions, the oldest first; how many had no content)."""
        found: list[NewItem] = []
        skipped = 0
        cursor: str | None = None
        while len(found) < limit:
            page = telemetry.list(where, cursor=cursor, limit=_PAGE)
            for row in page.rows:
                trace = telemetry.trace(row.root.trace_id)
                item = None if trace is None else self._of_trace(trace)
                if item is None:
                    skipped += 1
                else:
                    found.append(item)
                if len(found) == limit:
                    break
            cursor = page.next
            if cursor is None:
                break
        return found[::-1], skipped

    def _of_trace(self, trace: Trace) -> NewItem | None:
        row = trace_example(trace, self._blobs)
        if row is None or not row["output"]:
            return None
        node = f"trace/{row['trace_id']}"
        environment = next((span.environment_id for span in trace.spans if span.environment_id), None)
        return item_of_row(row, node, sources=[node], case=row["trace_id"], environments=[environment or UNKNOWN])

    # --- datasets ---

    def rows(
        self, datasets: Datasets, version: Version, *, limit: int, answers: Sequence[str], sides: Sequence[str]
    ) -> Sequence[NewItem]:
        """The first `limit` rows. UsageError where one lacks a column of `answers`."""
        found: list[NewItem] = []
        environments: Sequence[str] = version.manifest.get("source", {}).get("environments", ())
        while len(found) < limit:
            page = datasets.rows(version, start=len(found), limit=min(_PAGE, limit - len(found)))
            if not page:
                break
            for each in page:
                case = each.row.get("id")
                made = item_of_row(
                    each.row,
                    f"{version.id}#{each.index}",
                    sources=[version.id],
                    case=case if isinstance(case, str) else "",
                    environments=environments,
                    answers=answers,
                    sides=sides,
                )
                found.append(made)
        return found

    # --- runs ---

    def drawn(self, run: Run, cases: Sequence[str], number: int) -> Sequence[str]:
        """So many of these cases (none: of all) by lot, the same for the same run: what people say of them speaks for
        the others. All where there are no more."""
        every = sorted(row.case.id for row in rows_of(self._runs, run, cases))
        return Random(run.id).sample(every, min(number, len(every)))

    def cases(self, run: Run, *, target: str | None, cases: Sequence[str]) -> Sequence[NewItem]:
        """Answers of one target (None: of the only one, else of all) to `cases` (none: to all), of the first time it
        was asked."""
        rows = rows_of(self._runs, run, cases)
        names = [target] if target is not None else _targets(rows)
        found: list[NewItem] = []
        for row in rows:
            for name in names:
                answer = _answer(row, name)
                if answer is not None:
                    found.append(_of_answer(run, row, name, answer))
        if not found:
            raise _no_answers(run, target, rows)
        return found

    def pairs(
        self, one: tuple[Run, str], other: tuple[Run, str], cases: Sequence[str]
    ) -> tuple[Sequence[NewItem], Sequence[str]]:
        """(duels of two targets over the cases that both answered, what the sides are called). NotFound when there is
        no such case."""
        rows, theirs = (
            rows_of(self._runs, one[0], cases),
            {row.case.id: row for row in rows_of(self._runs, other[0], cases)},
        )
        sides = _sides(one, other)
        found: list[NewItem] = []
        for row in rows:
            match = theirs.get(row.case.id)
            answers = _answer(row, one[1]), None if match is None else _answer(match, other[1])
            first, second = answers
            if first is not None and second is not None:
                found.append(_of_pair(row, one, other, (first, second), sides))
        if not found:
            if not any(_answer(row, one[1]) for row in rows):
                raise _no_answers(one[0], one[1], rows)
            raise _no_answers(other[0], other[1], list(theirs.values()))
        return found, sides


def environments_of(run: Run) -> tuple[str, ...]:
    """Where the calls of a run were made."""
    own = [run.inputs[name].removeprefix("environment/") for name in ("environment",) if name in run.inputs]
    deployed = [node.rpartition("@")[2] for node in run.inputs.values() if node.startswith("deployment/")]
    return tuple(dict.fromkeys((*own, *deployed))) or (UNKNOWN,)


def _targets(rows: Iterable[CaseRow]) -> list[str]:
    return list(dict.fromkeys(answer.target for row in rows for answer in row.answers))


def _answer(row: CaseRow, target: str) -> Answer | None:
    """The first that there is, if it answered."""
    return next(
        (each for each in row.answers if each.target == target and each.state == "answered" and not each.repeat), None
    )


def _of_answer(run: Run, row: CaseRow, target: str, answer: Answer) -> NewItem:
    plain = {**_row(row), "output": shown(answer), "target": target, "run": run.id}
    return item_of_row(
        plain,
        f"run/{run.id}/{row.case.id}/{target}",
        sources=_nodes(run),
        case=row.case.id,
        environments=environments_of(run),
    )


def _of_pair(
    row: CaseRow, one: tuple[Run, str], other: tuple[Run, str], answers: tuple[Answer, Answer], sides: Sequence[str]
) -> NewItem:
    runs = dict.fromkeys((one[0].id, other[0].id))
    plain = {**_row(row), "outputs": {sides[0]: shown(answers[0]), sides[1]: shown(answers[1])}, "runs": list(runs)}
    item = item_of_row(
        {**plain, "output": shown(answers[0]), "other": shown(answers[1])},
        f"run/{one[0].id}/{row.case.id}/{sides[0]}/{sides[1]}",
        sources=list(dict.fromkeys((*_nodes(one[0]), *_nodes(other[0])))),
        case=row.case.id,
        environments=tuple(dict.fromkeys((*environments_of(one[0]), *environments_of(other[0])))),
        answers=("output", "other"),
        sides=sides,
    )
    return msgspec.structs.replace(item, content=msgspec.structs.replace(item.content, row=plain))


def _row(row: CaseRow) -> dict[str, Any]:
    case: Mapping[str, Any] = msgspec.to_builtins(row.case)
    kept = {name: value for name, value in case.items() if value not in ("", [], {}, None) and name != "output"}
    if "variables" in kept and not {"input", "messages"} & set(kept):
        kept["input"] = "\n".join(f"{name}: {value}" for name, value in kept["variables"].items())
    return kept


def _nodes(run: Run) -> list[str]:
    return [f"run/{run.id}", *([run.subject] if "@" in run.subject else [])]


def _sides(one: tuple[Run, str], other: tuple[Run, str]) -> tuple[str, str]:
    if one[1] != other[1]:
        return one[1], other[1]
    if one[0].id == other[0].id:
        raise UsageError(
            f"The target {one[1]!r} has no duel with itself.",
            remedy="Name another target, or another run.",
            param="against",
        )
    return f"{one[1]} {one[0].id[-6:]}", f"{other[1]} {other[0].id[-6:]}"


def _no_answers(run: Run, target: str | None, rows: Sequence[CaseRow]) -> NotFound:
    named = "" if target is None else f" of {target!r}"
    remedy = suggestion(target or "", _targets(rows)) if rows else "It has no cases yet."
    return NotFound(f"The run {run.id} has no answers{named}.", remedy=remedy, param="target")


def shown(answer: Answer) -> str:
    """What people are shown of an answer: the picture that came with it, else its text."""
    return next(iter(answer.media), answer.output)
