"""What was found, as a table and as JSON."""

from typing import Any

import msgspec

from benchmarks.wrongs.case import Case, Finding, Word

NOT_RUN = Finding("unclear", "was not run")
_SEEN = 150


class Side(msgspec.Struct):
    """A gateway and what it did: case -> finding."""

    name: str
    version: str
    setup: str
    findings: dict[str, Finding] = msgspec.field(default_factory=dict[str, Finding])

    def count(self, word: Word) -> int:
        return sum(finding.word == word for finding in self.findings.values())

    def tally(self) -> str:
        """`40 right, 2 wrong, 8 needs a database`; of words that occurred."""
        words = dict.fromkeys(["right", "wrong", *(finding.word for finding in self.findings.values())])
        return ", ".join(f"{self.count(word)} {word}" for word in words)  # pyright: ignore[reportArgumentType]


class Results(msgspec.Struct):
    """`sides`: genaiops first. `missing`: peer -> why it was not run."""

    date: str
    cases: list[Case]
    sides: list[Side] = msgspec.field(default_factory=list[Side])
    missing: dict[str, str] = msgspec.field(default_factory=dict[str, str])

    def document(self) -> dict[str, Any]:
        return {
            "date": self.date,
            "gateways": [msgspec.to_builtins(side) for side in self.sides],
            "cases": [{"name": case.name, "what": case.what, "source": case.source} for case in self.cases],
            "missing": self.missing,
        }


def table(results: Results) -> str:
    """Markdown: one line a case, a word of each gateway and what was seen of it."""
    sides = results.sides
    names = [f"{side.name} {side.version}" for side in sides]
    lines = [f"- date: {results.date}"]
    lines += [f"- {name}: {side.tally()} ({side.setup})" for name, side in zip(names, sides, strict=True)]
    lines += [f"- {name} was not run: {why}" for name, why in results.missing.items()]
    lines += ["", f"| case | {' | '.join(names)} | seen |", "|---" * (len(sides) + 2) + "|"]
    for case in results.cases:
        findings = [side.findings.get(case.name, NOT_RUN) for side in sides]
        seen = "; ".join(f"{side.name}: {_shown(finding.seen)}" for side, finding in zip(sides, findings, strict=True))
        words = " | ".join(finding.word for finding in findings)
        lines.append(f"| {case.what} ({case.source}) | {words} | {seen} |")
    return "\n".join(lines)


def _shown(text: str) -> str:
    """One line of a table's cell."""
    flat = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return flat if len(flat) <= _SEEN else flat[: _SEEN - 1] + "…"
