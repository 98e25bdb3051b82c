"""Judges that suites name: files beside them and versions of the Hub, put in where their names stood, so that a run is
pinned to what judged it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.checks.judging import (
    choices_of,
    judge_digest,
    judge_manifest,
    judge_schema,
    read_judge,
    read_judge_document,
)
from genaiops.checks.metrics.judges import NAME, JudgeMetric, judge_of
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Judge, Suite, SuiteCheck
from genaiops.sdk import Client, path_of

_FORMS: Final[Mapping[str, Any]] = {".toml": "toml", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}
FromHub = Callable[[str], Judge]

__all__ = [
    "FromHub",
    "from_hub",
    "judge_facts",
    "judge_schema",
    "judges_named",
    "manifest_of_file",
    "read_judge_file",
    "resolved",
]


def read_judge_file(path: Path) -> Judge:
    """UsageError and NotFound say what is wrong, by line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        what = f"There is no file {path}."
        raise NotFound(what, remedy="Write a judge; its form: genaiops judge schema", param="judge") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Save it as UTF-8 text.", param="judge") from None
    return read_judge(text, _FORMS.get(path.suffix.lower())).checked()


def manifest_of_file(file: str) -> dict[str, Any]:
    """What a version of the Hub is made of."""
    return judge_manifest(read_judge_file(Path(file)))


def judge_facts(file: str) -> dict[str, str]:
    """What a judge is, for people. UsageError and NotFound say what is wrong with it."""
    judge = read_judge_file(Path(file))
    card = JudgeMetric(judge).card
    return {
        "judge": judge_digest(judge),
        "template": judge.template,
        "asks": ", ".join(member.model or member.url or member.python for member in judge.members()),
        "verdicts": ", ".join(f"{each.word} = {each.value:g}" for each in choices_of(judge)),
        "better": card.better,
        "passes from": "unknown" if card.threshold is None else f"{card.threshold:g}",
        "needs": ", ".join(card.needs),
        "source": card.source,
        "worth": card.about,
    }


def from_hub(client: Callable[[], Client]) -> FromHub:
    """Reads `NAME@alias` (or `NAME@sha256:...`) of the installation."""

    def read(reference: str) -> Judge:
        name = reference.removeprefix("judge/")
        version = client().get(path_of("/api/versions", f"judge/{name}"))
        return read_judge_document(version["manifest"]).checked()

    return read


def resolved(suite: Suite, folder: Path | None, hub: FromHub | None) -> Suite:
    """The suite with every judge in it, and none by name. `hub` None: those of the Hub stay names."""
    return msgspec.structs.replace(suite, check=tuple(_resolved(check, folder, hub) for check in suite.check))


def judges_named(suite: Suite) -> dict[str, str]:
    """Check -> the digest of its judge, of a suite that is `resolved`."""
    found = {check.name: judge_of(check.options) for check in suite.check if check.metric == NAME}
    return {name: judge_digest(judge) for name, judge in found.items() if isinstance(judge, Judge)}


def _resolved(check: SuiteCheck, folder: Path | None, hub: FromHub | None) -> SuiteCheck:
    if check.metric != NAME:
        return check
    named = judge_of(check.options)
    if named is None:
        raise UsageError(
            f"The check {check.name!r} names no judge.",
            remedy='Write options = {judge = "FILE.toml"}, or {template = "...", model = "..."}.',
            param="options",
        )
    if isinstance(named, Judge):
        return check
    judge = _found(named, folder, hub)
    if judge is None:
        return check
    return msgspec.structs.replace(check, options={**check.options, "judge": judge_manifest(judge)})


def _found(named: str, folder: Path | None, hub: FromHub | None) -> Judge | None:
    if Path(named).suffix.lower() not in _FORMS:
        if "@" not in named:
            raise UsageError(
                f"{named!r} is neither a file nor a version of a judge.",
                remedy="Write FILE.toml, or NAME@alias.",
                param="judge",
            )
        return None if hub is None else hub(named)
    if folder is None or Path(named).is_absolute() or ".." in Path(named).parts:
        raise UsageError(f"{named!r} does not lie beside the suite.", remedy="Move it there.", param="judge")
    return read_judge_file(folder / named)
