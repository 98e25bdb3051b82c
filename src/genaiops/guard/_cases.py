"""Cases: what a policy shall say of made-up or remembered calls, and whether it does."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import WHOLE_POLICY, Direction, GuardAction, GuardEvent, GuardVersion, Operation
from genaiops.guard._notes import SEVERITY
from genaiops.ports.guard import Judge, Judged
from genaiops.ports.providers import Dialect

MOST_CASES: Final = 10_000
_encode = msgspec.json.Encoder().encode


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`action`: the severest that follows (`allow`: nothing). `kinds`: patterns, each of which something that was found
    has to fit. `rule`: one that has to say something (of `allow`: that must not)."""

    action: GuardAction
    kinds: tuple[str, ...] = ()
    rule: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A call, and what shall follow. Either `input` (a text of a user, or messages of a chat) or `request` (a whole
    body of `operation` in `dialect`). `output`: the answer, as its text, or as a whole body. Other fields are
    somebody's own."""

    expect: Expected
    input: str | list[dict[str, Any]] | None = None
    request: dict[str, Any] | None = None
    output: str | dict[str, Any] | None = None
    operation: Operation = "chat"
    dialect: Dialect = "openai"
    note: str = ""


class CaseVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule said of a case, as in GuardEvent."""

    rule: str
    detector: str
    direction: Direction
    action: GuardAction
    kinds: dict[str, int] = {}
    places: tuple[str, ...] = ()
    score: float | None = None
    error: str | None = None


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """`number` from 1. `found`: kind -> how often; `rules`: those that said something. `error`: why it could not be
    judged, which is no pass. `verdicts`: of each rule that said something. `text`: what goes on of the answer, or,
    where there is none, of the input (None: nothing does, or the case is no text)."""

    number: int
    note: str
    passed: bool
    expected: Expected
    action: GuardAction | None = None
    found: dict[str, int] = {}
    rules: tuple[str, ...] = ()
    verdicts: tuple[CaseVerdict, ...] = ()
    text: str | None = None
    error: str | None = None


def read_cases(rows: Iterable[Any]) -> Sequence[Case]:
    """UsageError names the row and the field."""
    return list(_read(rows))


def try_cases(judge: Judge, policy: GuardVersion, cases: Iterable[Case]) -> Iterator[CaseResult]:
    """What the policy says of each, in their order."""
    for number, case in enumerate(cases, 1):
        result = CaseResult(number=number, note=case.note, passed=False, expected=case.expect)
        try:
            judged = judge.rule(policy, case.operation, case.dialect, _request(case), _answer(case))
        except GenaiopsError as error:
            yield msgspec.structs.replace(result, error=str(error))
            continue
        events = judged.events
        said = [event for event in events if event.rule != WHOLE_POLICY]
        failed = next((event.error for event in said if event.error is not None), None)
        found: dict[str, int] = {}
        for event in said:
            for kind, count in event.kinds.items():
                found[kind] = found.get(kind, 0) + count
        result = msgspec.structs.replace(
            result,
            action=severest(events),
            found=found,
            rules=tuple(dict.fromkeys(event.rule for event in said if event.action != "allow" or event.kinds)),
            verdicts=tuple(_verdict(event) for event in said if event.action != "allow" or event.kinds or event.error),
            text=_text(case, judged),
            error=failed,
        )
        yield msgspec.structs.replace(result, passed=failed is None and _fits(result))


def severest(events: Iterable[GuardEvent]) -> GuardAction:
    """What follows of all of them."""
    actions: list[GuardAction] = ["allow", *(event.action for event in events)]
    return max(actions, key=SEVERITY.__getitem__)


def _verdict(event: GuardEvent) -> CaseVerdict:
    return CaseVerdict(
        rule=event.rule,
        detector=event.detector,
        direction=event.direction,
        action=event.action,
        kinds=event.kinds,
        places=event.places,
        score=event.score,
        error=event.error,
    )


def _text(case: Case, judged: Judged) -> str | None:
    """Of bodies that were made here, so that it is known where their text stands."""
    if isinstance(case.output, str):
        return None if judged.answer is None else msgspec.json.decode(judged.answer)["choices"][0]["message"]["content"]
    if case.output is None and isinstance(case.input, str) and judged.request is not None:
        return msgspec.json.decode(judged.request)["messages"][-1]["content"]
    return None


def _fits(result: CaseResult) -> bool:
    expected = result.expected
    if result.action != expected.action:
        return False
    if expected.rule is not None and (expected.rule in result.rules) == (expected.action == "allow"):
        return False
    return all(any(fnmatchcase(kind, pattern) for kind in result.found) for pattern in expected.kinds)


def _read(rows: Iterable[Any]) -> Iterator[Case]:
    for number, row in enumerate(rows, 1):
        if number > MOST_CASES:
            raise UsageError(f"There are more than {MOST_CASES} cases.", remedy="Try them in parts.", param="cases")
        try:
            case = msgspec.convert(row, Case)
        except msgspec.ValidationError as error:
            raise UsageError(
                f"Case {number} is none: {error}.",
                remedy='Write {"input": "...", "expect": {"action": "block"}}.',
                param=f"cases[{number - 1}]",
            ) from error
        if (case.input is None) == (case.request is None):
            raise UsageError(
                f"Case {number} has {'neither input nor' if case.input is None else 'both input and'} request.",
                remedy="Give one of the two.",
                param=f"cases[{number - 1}]",
            )
        said_as_text = case.input is not None or isinstance(case.output, str)
        if said_as_text and (case.operation, case.dialect) != ("chat", "openai"):
            raise UsageError(
                f"Case {number} is of {case.operation} in {case.dialect}, and says texts instead of bodies.",
                remedy="Give request and output as they are in that dialect.",
                param=f"cases[{number - 1}]",
            )
        yield case


def _request(case: Case) -> bytes:
    if case.request is not None:
        return _encode(case.request)
    messages: Any = [{"role": "user", "content": case.input}] if isinstance(case.input, str) else case.input
    return _encode({"model": "case", "messages": cast("list[dict[str, Any]]", messages)})


def _answer(case: Case) -> bytes | None:
    if case.output is None:
        return None
    if not isinstance(case.output, str):
        return _encode(case.output)
    message = {"role": "assistant", "content": case.output}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _encode({"id": "case", "object": "chat.completion", "created": 0, "model": "case", "choices": [choice]})
