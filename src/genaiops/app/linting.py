"""Prompts in files, checked without a server."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from genaiops.checks.prompts import RULES, PromptFinding, faulty, lint_prompt
from genaiops.domain import prompt_manifest

__all__ = ["has_includes", "lint_manifest", "placed", "rules"]


def lint_manifest(raw: Mapping[str, Any]) -> dict[str, Any]:
    """As the API has it; the window of the model is not known here. UsageError for what is no manifest at all."""
    findings = lint_prompt(prompt_manifest(raw))
    return {
        "version_id": None,
        "window": None,
        "faulty": faulty(findings),
        "findings": msgspec.to_builtins(findings),
    }


def has_includes(raw: Mapping[str, Any]) -> bool:
    """Whether other prompts have to be put in, which the Hub has."""
    return "{{>" in msgspec.json.encode(raw).decode().replace("{{ >", "{{>")


def placed(report: dict[str, Any], file: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The findings with the lines of the file that they were read from, where a line is there once."""
    lines = [line.strip() for line in Path(file).read_text(encoding="utf-8").split("\n")]
    findings = [{**one, **_line(one, lines, manifest)} for one in report["findings"]]
    return {**report, "findings": findings}


def _line(finding: Mapping[str, Any], lines: Sequence[str], manifest: Mapping[str, Any]) -> dict[str, int]:
    said = _said(finding, manifest)
    places = [number for number, line in enumerate(lines, start=1) if said and said in line]
    return {"file_line": places[0]} if len(places) == 1 else {}


def _said(finding: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The line of the text that a finding is of."""
    place, line = str(finding.get("place", "")), finding.get("line")
    if not place.startswith("messages[") or line is None:
        return ""
    number = int(place.removeprefix("messages[").partition("]")[0])
    content: Any = manifest["messages"][number].get("content")
    texts = content.split("\n") if isinstance(content, str) else [""]
    return texts[int(line) - 1].strip() if int(line) <= len(texts) else ""


def rules() -> list[dict[str, Any]]:
    """Every rule, in the order in which they are checked."""
    return [msgspec.to_builtins(rule) for rule in RULES.values()]


def is_faulty(report: Mapping[str, Any], *, strict: bool) -> bool:
    """Whether a report is a refusal; `strict`: for a warning, too."""
    return faulty(msgspec.convert(report["findings"], tuple[PromptFinding, ...]), strict=strict)
