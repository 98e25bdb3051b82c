"""Suites of other systems, read as suites of ours."""

import json
import zipfile
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.app.scripting import hosts
from genaiops.arena import suite_manifest
from genaiops.arena.inspect_logs import is_inspect_json, open_log, taken_over
from genaiops.arena.openai_evals import Wish, is_openai_eval, read_openai_eval
from genaiops.arena.promptfoo import is_promptfoo, read_promptfoo
from genaiops.checks.written import read_document
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Suite

__all__ = ["MODEL", "ImportedSuite", "Wish", "import_file", "imported_text", "is_promptfoo"]

MODEL: Final = "smollm2"
_READ: Final = (
    "Give a promptfooconfig.yaml (it has prompts, providers and tests), a YAML of OpenAI's evals (it has class: "
    "evals...), or a log of Inspect (.eval or .json)."
)
"""Who answers, where neither the file nor anybody says."""


class ImportedSuite(msgspec.Struct, frozen=True):
    """`notes`: what was left out or is not quite as it was."""

    suite: Suite
    notes: tuple[str, ...] = ()


def import_file(file: str, wish: Wish | None = None) -> tuple[dict[str, Any], ImportedSuite]:
    """The suite as a document, and what was read. UsageError names everything that cannot be taken over, by line."""
    path = Path(file)
    if path.suffix == ".eval" or (path.is_file() and zipfile.is_zipfile(path)):
        return _of_log(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.", remedy=_READ, param="file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", remedy="Save it as UTF-8 text.", param="file") from None
    if is_openai_eval(text):
        suite, notes = read_openai_eval(text, path.parent, wish or Wish(model=MODEL))
        read = ImportedSuite(suite, notes)
    elif is_promptfoo(text):
        read = imported_text(text, path.parent, (wish.judge if wish else None) or "")
    elif path.suffix == ".json" and _is_log(text):
        return _of_log(path)
    else:
        broken = read_document(text, "yaml", most=20_000_000).fault if path.suffix in {".yaml", ".yml"} else None
        raise UsageError(
            f"{file} is no suite that can be imported{'.' if broken is None else f': {broken}'}",
            remedy=_READ,
            param="file",
        )
    return suite_manifest(read.suite), read


def _is_log(text: str) -> bool:
    try:
        return is_inspect_json(json.loads(text))
    except (ValueError, RecursionError):
        return False


def _of_log(path: Path) -> tuple[dict[str, Any], ImportedSuite]:
    taken = taken_over(open_log(path))
    failed = sum(answer.state != "answered" for answer in taken.answers)
    notes = taken.notes
    if failed:
        notes = (*notes, f"{failed} samples failed and bring no output; --run keeps why.")
    return suite_manifest(taken.suite), ImportedSuite(taken.suite, notes)


def imported_text(text: str, folder: Path, judge: str = "") -> ImportedSuite:
    """`judge`: the model that grades where a configuration of promptfoo names none."""
    with hosts(folder) as scripts:
        read = read_promptfoo(text, folder, judge, scripts=scripts)
    if read.suite is None:
        first = read.faults[0]
        raise UsageError(
            f"The suite cannot be taken over: {'; '.join(map(str, read.faults))}",
            remedy=first.remedy,
            code="suite_invalid",
            param=first.path or "suite",
        )
    return ImportedSuite(read.suite, read.notes)
