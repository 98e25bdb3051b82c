"""Red-team runs for the command line: packs, suites made of them, reports of runs that are kept here."""

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.app.home import Home
from genaiops.app.judges import resolved
from genaiops.app.kept_suites import kept_suite
from genaiops.app.local_suites import read_file
from genaiops.app.run_store import open_home_runs
from genaiops.arena import suite_manifest
from genaiops.arena.redteam import (
    AttackReport,
    Building,
    PackCard,
    attack_report,
    built,
    cards,
    imported_attacks,
    pack_schema,
    packs_named,
)
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import JudgeMember, Run, Suite
from genaiops.ports.runs import Runs
from genaiops.sdk import default_home

__all__ = ["Attacked", "attacked", "imported_file", "local_report", "pack_cards", "pack_schema", "sent_document"]

MATERIAL: Final = "GENAIOPS_REDTEAM_FROM"
"""Wheels and folders, parted as in PATH, that packs are made of besides those that are named."""


class Attacked(msgspec.Struct, frozen=True, kw_only=True):
    """What a command was told. `material`: wheels and unpacked folders; `targets`: as in a suite, and those of
    `file`."""

    packs: Sequence[str]
    material: Sequence[str] = ()
    targets: Sequence[dict[str, Any]] = ()
    file: str | None = None
    attacker: str | None = None
    how: dict[str, Any] = {}


def material_of(named: Sequence[str]) -> Sequence[str]:
    return [*named, *(each for each in os.environ.get(MATERIAL, "").split(os.pathsep) if each)]


def pack_cards(material: Sequence[str]) -> list[dict[str, Any]]:
    """Every field of each."""
    return [_plain(card) for card in cards(material_of(material))]


def _plain(card: PackCard) -> dict[str, Any]:
    return {field: msgspec.to_builtins(getattr(card, field)) for field in card.__struct_fields__}


def attacked(told: Attacked) -> Suite:
    """The suite of these packs. UsageError where nobody is attacked."""
    targets = list(told.targets)
    if told.file is not None:
        targets += [msgspec.to_builtins(target) for target in read_file(told.file).target]
    if not targets:
        raise UsageError(
            "Nobody is attacked.",
            remedy="Name a target: --model NAME, --application app/NAME@ENVIRONMENT, --prompt NAME@ALIAS, "
            "--endpoint ADDRESS, --python MODULE:FUNCTION, or --targets FILE.",
            param="target",
        )
    packs = packs_named(told.packs, material=material_of(told.material), folder=Path())
    attacker = None if told.attacker is None else JudgeMember(model=told.attacker)
    return built(packs, Building(targets=targets, attacker=attacker, **told.how))


def imported_file(file: str) -> tuple[Suite, Sequence[str]]:
    """A report of another tool as a suite, and what it lacks. UsageError and NotFound say what is wrong."""
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.", remedy="Name a report of garak or PyRIT.", param="file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", remedy="Save it as UTF-8 text.", param="file") from None
    found = imported_attacks(text)
    return found.suite, found.notes


def sent_document(suite: Suite) -> dict[str, Any]:
    """To be sent to a server: judges of files are in it, those of the Hub stay names."""
    return suite_manifest(resolved(suite, Path(), None))


def local_report(run_id: str, home: str | None) -> tuple[Run, AttackReport] | None:
    """Of a run that the home has. None: it has no such run. UsageError for a run without attacks."""
    place = Home(home or default_home())
    if not place.runs.exists():
        return None
    with closing(open_home_runs(place)) as store:
        try:
            run = store.get(run_id)
        except NotFound:
            return None
        return run, report_of(store, run, place)


def report_of(store: Runs, run: Run, home: Home) -> AttackReport:
    try:
        suite = kept_suite(home, run.subject.rpartition("@")[2])
    except NotFound:
        suite = None
    report = attack_report(suite, store.cases(run.id), store.answered(run.id), store.judged(run.id))
    if report is None:
        raise UsageError(
            f"The run {run.id} attacks nobody.",
            remedy="Name a run of: genaiops redteam run",
            code="no_attacks",
            param="run",
        )
    return report
