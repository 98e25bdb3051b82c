"""Assertions of single tests as checks of the whole suite: the same one is one check, for the tests that have it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from genaiops.domain import Case, SuiteCheck


class Test(msgspec.Struct, frozen=True):
    case: Case
    checks: Sequence[SuiteCheck]


def shared(tests: Sequence[Test]) -> tuple[tuple[Case, ...], tuple[SuiteCheck, ...]]:
    """Cases with an id and a slice of their own, and checks with names of their own."""
    width = len(str(len(tests)))
    named = [
        msgspec.structs.replace(test.case, id=f"{number:0{width}} {test.case.id}".rstrip(), slices=(_slice(number),))
        for number, test in enumerate(tests, start=1)
    ]
    checks = [list(test.checks) for test in tests]
    _move_expected(named, checks)
    of: dict[bytes, list[str]] = {}
    for case, its in zip(named, checks, strict=True):
        for key in dict.fromkeys(msgspec.json.encode(check) for check in its):
            of.setdefault(key, []).append(case.slices[0])
    made = [
        msgspec.structs.replace(
            msgspec.json.decode(key, type=SuiteCheck), slices=() if len(slices) == len(tests) else tuple(slices)
        )
        for key, slices in of.items()
    ]
    used = {name for check in made for name in check.slices}
    cases = tuple(case if case.slices[0] in used else msgspec.structs.replace(case, slices=()) for case in named)
    return cases, tuple(_with_names(made))


def _slice(number: int) -> str:
    return f"test-{number}"


def _move_expected(cases: list[Case], checks: list[list[SuiteCheck]]) -> None:
    """What single tests expect goes into their cases, where one check of that kind then serves them all: the kinds that
    most tests have come first, and a case expects one thing."""
    kinds: dict[bytes, dict[int, Any]] = {}
    twice: set[bytes] = set()
    for number, its in enumerate(checks):
        for kind, often in Counter(_kind(check) for check in its if check.expected is not None).items():
            if often > 1:
                twice.add(kind)
        for check in its:
            if check.expected is not None:
                kinds.setdefault(_kind(check), {})[number] = check.expected
    several = {
        kind: said for kind, said in kinds.items() if kind not in twice and len({str(v) for v in said.values()}) > 1
    }
    taken: set[int] = set()
    for kind, said in sorted(several.items(), key=lambda each: -len(each[1])):
        if taken & said.keys():
            continue
        taken |= said.keys()
        for number, expected in said.items():
            cases[number] = msgspec.structs.replace(cases[number], expected=expected)
            checks[number] = [
                msgspec.structs.replace(check, expected=None) if _kind(check) == kind else check
                for check in checks[number]
            ]


def _kind(check: SuiteCheck) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(check, expected=None))


def _with_names(checks: Sequence[SuiteCheck]) -> Iterator[SuiteCheck]:
    names: set[str] = set()
    for check in checks:
        base = name = check.name or _title(check)
        again = 2
        while name in names:
            name, again = f"{base} ({again})", again + 1
        names.add(name)
        yield msgspec.structs.replace(check, name=name)


def _inner(check: SuiteCheck) -> SuiteCheck:
    """As it is called: by what looks at the answer in the end, and code by its file or its first words."""
    if check.metric == "script":
        script = check.options["script"]
        code = script.get("file") or script.get("code") or ""
        return msgspec.structs.replace(check, metric=script["language"], expected=code)
    if check.metric == "transformed":
        return msgspec.structs.replace(check, metric=f"transformed {check.options['metric']}")
    return check


def _title(check: SuiteCheck) -> str:
    check = _inner(check)
    said = check.expected if isinstance(check.expected, str) else ", ".join(check.expected or ())
    what = check.options.get("kind", "rubric") if check.metric == "graded" else check.metric
    title = f"{'not-' if check.negate else ''}{what}{': ' if said else ''}{said}"
    return " ".join(title.split())[:60]
