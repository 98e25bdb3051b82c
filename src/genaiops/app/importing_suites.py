"""Suites of other systems, read as suites of ours."""

from pathlib import Path
from typing import Any

import msgspec

from genaiops.arena import suite_manifest
from genaiops.arena.promptfoo import is_promptfoo, read_promptfoo
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Suite

__all__ = ["ImportedSuite", "import_file", "imported_text", "is_promptfoo"]


class ImportedSuite(msgspec.Struct, frozen=True):
    """`notes`: what was left out, and changes nothing that is judged."""

    suite: Suite
    notes: tuple[str, ...] = ()


def import_file(file: str) -> tuple[dict[str, Any], ImportedSuite]:
    """The suite as a document, and what was read. UsageError names everything that cannot be taken over, by line."""
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.", remedy="Name a promptfooconfig.yaml.", param="file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", remedy="Save it as UTF-8 text.", param="file") from None
    if not is_promptfoo(text):
        raise UsageError(
            f"{file} is no suite that can be imported.",
            remedy="Give a promptfooconfig.yaml: it has prompts, providers and tests.",
            param="file",
        )
    read = imported_text(text, path.parent)
    return suite_manifest(read.suite), read


def imported_text(text: str, folder: Path) -> ImportedSuite:
    read = read_promptfoo(text, folder)
    if read.suite is None:
        first = read.faults[0]
        raise UsageError(
            f"The suite cannot be taken over: {'; '.join(map(str, read.faults))}",
            remedy=first.remedy,
            code="suite_invalid",
            param=first.path or "suite",
        )
    return ImportedSuite(read.suite, read.notes)
