"""Sweeps in this process, and their reports in files."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from genaiops.app.evaluations import Evaluations
from genaiops.app.home import Home
from genaiops.app.local_suites import Local, read_file
from genaiops.app.run_store import open_home_runs
from genaiops.app.selection_reports import check_place, sweep_report, write_report
from genaiops.arena import Progress, Sweep, SweepAsked, sweep_suite
from genaiops.arena.reports import findings as findings_of
from genaiops.core.clock import now_us
from genaiops.core.errors import UsageError
from genaiops.sdk import default_home

__all__ = ["asked_of", "check_place", "findings", "kept_sweep", "run_sweep", "write_sweep"]


def asked_of(options: dict[str, Any], file: str) -> SweepAsked:
    """What a command was told. A file of examples is named as seen from the suite's folder. UsageError for numbers that
    are none."""
    context, tokens = options["context"], options["context_tokens"]
    if context and tokens:
        raise UsageError("Context is counted in passages or in tokens.", remedy="Give one of them.", param="context")
    examples = options["examples"] or ""
    is_file = bool(examples) and (Path(examples).is_file() or Path(examples).suffix != "")
    return SweepAsked(
        shots=_numbers(options["shots"], "shots"),
        context=_numbers(tokens or context or "", "context"),
        context_by="tokens" if tokens else "passages",
        target=options["target"] or "",
        file=os.path.relpath(examples, Path(file).parent) if is_file else "",
        dataset="" if is_file else examples,
        pick=options["pick"],
        own="left_out" if options["leave_out"] else None,
    )


def _numbers(text: str, name: str) -> tuple[int, ...]:
    try:
        return msgspec.convert([int(each) for each in text.split(",") if each.strip()], tuple[int, ...])
    except ValueError:
        raise UsageError(f"{text[:60]!r} are no numbers.", remedy="Write them as 0,1,2,4", param=name) from None


def run_sweep(
    file: str,
    asked: SweepAsked,
    begun: Callable[[str, int], None],
    told: Callable[[Progress], None],
    **options: Any,
) -> dict[str, Any]:
    """The run, in this process, with the report of the gate as a run has it."""
    name = options.pop("name", None) or f"{Path(file).stem}-sweep"
    suite = sweep_suite(read_file(file), asked)
    return Local(file=file, given=suite, name=name, **options).run(begun, told)


def kept_sweep(run_id: str, check: str, *, home: str | None) -> dict[str, Any]:
    """Of a run that the home has, as the API tells it."""
    place = Home(home or default_home())
    place.prepare()
    with closing(open_home_runs(place)) as store:
        found: dict[str, Any] = msgspec.to_builtins(Evaluations(store, place).sweep(store.get(run_id), check))
        return found


def findings(document: dict[str, Any]) -> list[str]:
    """Its sentences."""
    return findings_of(msgspec.convert(document, Sweep))


def write_sweep(document: dict[str, Any], file: str, *, home: str | None) -> None:
    """The report of what the API said, signed with the key of the home."""
    sweep = msgspec.convert(document, Sweep)

    def made(form: str, place: Home) -> bytes:
        return sweep_report(sweep, form, home=place, at_us=now_us())

    write_report(made, file, home=home)
