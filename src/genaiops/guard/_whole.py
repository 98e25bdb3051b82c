"""Detectors that judge texts as a whole, not place by place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from genaiops.core.errors import UsageError
from genaiops.domain import SEVERITY, GuardRule
from genaiops.guard._notes import Notes
from genaiops.guard._tables import selects
from genaiops.guard.surfaces import Part
from genaiops.ports.guard import Support


class Hit(NamedTuple):
    """What was found: kind -> how often; with a score, or with why it could not be said. `texts`: part -> what it
    should say instead. `again`: what was answered, and what its model would have to hear to do better."""

    kinds: Mapping[str, int]
    score: float | None = None
    error: str | None = None
    place: str = ""
    texts: Mapping[int, str] = {}
    again: tuple[str, str] | None = None
    support: Support | None = None


class Situation(NamedTuple):
    """What is known of the call besides the texts that are judged. `system`: the instructions that it came with;
    `passages`: what was retrieved for it, and what tools answered; `words`: those of all its texts, where they are
    asked for."""

    system: str = ""
    passages: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()


def situation_of(parts: Sequence[Part], *, words: bool) -> Situation:
    """Of a request."""
    known: frozenset[str] = frozenset()
    if words:
        from genaiops.checks.markup import known_words

        known = known_words("\n".join(part.text for part in parts)[-_MOST_KNOWN:])
    return Situation(
        "\n".join(part.text for part in parts if part.provenance in ("system", "developer")),
        tuple(part.text for part in parts if part.provenance in PASSAGES),
        known,
    )


PASSAGES: Final = ("retrieved", "tool_result")
"""Where texts come from that an answer may rest on."""
Whole = Callable[[Sequence[Part], Situation], Hit | None]
MOST_TRIES: Final = 3
_MOST_KNOWN: Final = 200_000
"""Characters of a conversation whose words are looked for in addresses: the last ones."""


def whole_of(rule: GuardRule) -> Whole:
    """UsageError for options that the detector does not have, or an action that it cannot take."""
    if rule.action == "redact":
        raise UsageError(
            f"The rule {rule.id!r} cannot redact: {rule.detector!r} judges a text as a whole.",
            remedy="Let it flag, replace, hold or block.",
            param=f"rules.{rule.id}.action",
        )
    return _MAKERS[rule.detector](rule)


def judge_whole(
    notes: Notes, number: int, whole: Whole, parts: Sequence[Part], situation: Situation
) -> Mapping[int, str]:
    """One detector's judgement, noted; what parts should say instead. A detector that fails follows the failure mode of
    its rule."""
    try:
        hit = whole(parts, situation)
    except Exception as error:  # noqa: BLE001 - whatever it is, the rule says what follows
        notes.fail(number, type(error).__name__)
        return {}
    if hit is None:
        return {}
    if notes.enforced(number):
        notes.support = hit.support or notes.support
        if hit.again is not None:
            notes.again[number] = hit.again
    place = hit.place or (parts[0].place if parts else "")
    for kind, count in hit.kinds.items():
        notes.add(number, kind, count, place=place, score=hit.score)
    if hit.error is not None:
        notes.fail(number, hit.error)
    return hit.texts if notes.enforced(number) else {}


def option(rule: GuardRule, name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    """UsageError when it is of another kind; without a default also when it is not there."""
    value = rule.options.get(name, default)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(
            f"The rule {rule.id!r} needs the option {name!r}.",
            remedy=f"Write `options = {{ {name} = ... }}`.",
            param=f"rules.{rule.id}.options.{name}",
        )
    return value


def _texts(rule: GuardRule, name: str) -> list[str]:
    value = cast("list[Any]", option(rule, name, list))
    if not value or not all(isinstance(each, str) and each for each in value):
        raise UsageError(
            f"The option {name!r} of the rule {rule.id!r} is a list of texts.",
            remedy="Give at least one.",
            param=f"rules.{rule.id}.options.{name}",
        )
    return value


def _size(rule: GuardRule) -> Whole:
    most = option(rule, "characters", int)

    def judge(parts: Sequence[Part], _: Situation) -> Hit | None:
        size = sum(len(part.text) for part in parts)
        return Hit({"size": 1}, float(size)) if size > most else None

    return judge


def _canary(rule: GuardRule) -> Whole:
    from genaiops.checks.extraction import Canaries, find_canaries

    canaries = _texts(rule, "canaries")
    Canaries(canaries)

    def judge(parts: Sequence[Part], _: Situation) -> Hit | None:
        kinds: dict[str, int] = {}
        place = ""
        for part in parts:
            for each in find_canaries(part.text, canaries):
                kinds[each.kind] = kinds.get(each.kind, 0) + 1
                place = place or part.place
        return Hit(kinds, place=place) if kinds else None

    return judge


def _prompt_leak(rule: GuardRule) -> Whole:
    from genaiops.checks.extraction import PromptOverlap
    from genaiops.checks.extraction import judge as verdict_of

    share = 0.3 if rule.threshold is None else rule.threshold
    if share <= 0:
        raise UsageError(
            f"The threshold of the rule {rule.id!r} is a share above 0.", param=f"rules.{rule.id}.threshold"
        )

    def judge(parts: Sequence[Part], situation: Situation) -> Hit | None:
        if not situation.system:
            return None
        prompt = PromptOverlap(situation.system)
        overlap = prompt.of("\n".join(part.text for part in parts))
        verdict = verdict_of(overlap, prompt.grams, fail_share=share)
        return Hit({"system_prompt": 1}, verdict.measure) if verdict.outcome == "fail" else None

    return judge


def _schema(rule: GuardRule) -> Whole:
    from genaiops.checks.structured import Broken, Schema, parse, reask

    schema = Schema(option(rule, "schema", dict))
    repair = option(rule, "repair", bool, default=False)
    tries = tries_of(rule)

    def judge(parts: Sequence[Part], _: Situation) -> Hit | None:
        origin = "model_output" if any(part.provenance == "model_output" for part in parts) else "other"
        for number, part in enumerate(parts):
            if part.provenance != origin or not part.text.strip():
                continue
            parsed = parse(part.text)
            problems = () if isinstance(parsed, Broken) else schema.problems(parsed.value)
            again = (part.text, reask(parsed, problems)) if tries else None
            if isinstance(parsed, Broken):
                return Hit({"not_json": 1}, place=part.place, again=again)
            if problems:
                return Hit({"not_of_schema": len(problems)}, place=part.place, again=again)
            if repair and parsed.repairs and not (tries and parsed.truncated):
                return Hit({}, texts={number: parsed.text})
            if parsed.repairs:
                return Hit({"not_json": 1}, place=part.place, again=again)
        return None

    return judge


def tries_of(rule: GuardRule) -> int:
    """How often the model may be asked for another answer. UsageError for a number that is none of 0 to 3."""
    if rule.detector != "schema":
        return 0
    tries = option(rule, "reask", int, 0)
    if not 0 <= tries <= MOST_TRIES:
        raise UsageError(
            f"The option 'reask' of the rule {rule.id!r} is {tries}.",
            remedy=f"Say how often the model may be asked again: 0 to {MOST_TRIES}.",
            param=f"rules.{rule.id}.options.reask",
        )
    return tries


def mends(rule: GuardRule) -> bool:
    """Whether an answer has to be there as a whole, as the rule may change what it begins with or ask for another."""
    if rule.detector == "schema":
        return rule.options.get("repair") is True or tries_of(rule) > 0
    return rule.detector == "grounding" and rule.options.get("cite") is True


def appends(rule: GuardRule) -> bool:
    """Whether the rule only ever adds something to the end of a text, or tells something beside it, which nothing has
    to wait for."""
    if SEVERITY[rule.action] > SEVERITY["flag"] or mends(rule):
        return False
    if rule.detector == "disclosure":
        return rule.options.get("add", True) is True
    return rule.detector == "grounding" and any(rule.options.get(name) is True for name in ("warn", "append", "tell"))


def tells(rule: GuardRule) -> bool:
    """Whether the client is told something beside the answer."""
    return rule.detector == "grounding" and rule.options.get("tell") is True


def _disclosure(rule: GuardRule) -> Whole:
    from genaiops.checks.disclosure import Answer, Sentence, apply
    from genaiops.checks.disclosure import judge as verdict_of

    marks = (Sentence(option(rule, "sentence", str)),)
    add = option(rule, "add", bool, default=True)

    def judge(parts: Sequence[Part], _: Situation) -> Hit | None:
        said = [number for number, part in enumerate(parts) if part.provenance == "model_output" and part.text.strip()]
        if not said:
            return None
        last = said[-1]
        answer = Answer("\n".join(parts[number].text for number in said))
        verdict, additions = verdict_of(marks, answer)
        if verdict.outcome == "pass":
            return None
        if not add or not additions:
            return Hit({"not_disclosed": 1}, place=parts[last].place)
        whole = Answer(parts[last].text)
        return Hit({}, texts={last: apply(whole, verdict_of(marks, whole)[1]).text})

    return judge


def _answer(parts: Sequence[Part]) -> str:
    return "\n".join(part.text for part in parts if part.provenance == "model_output" and part.text.strip())


def _refusal(rule: GuardRule) -> Whole:
    from genaiops.checks.refusal import judge as verdict_of
    from genaiops.checks.refusal import refusal

    least = 0.5 if rule.threshold is None else rule.threshold

    def judge(parts: Sequence[Part], _: Situation) -> Hit | None:
        found = refusal(_answer(parts))
        measure = verdict_of(found).measure
        if found.kind == "none" or measure is None or measure < least or not selects(rule, found.kind):
            return None
        return Hit({found.kind: 1}, measure)

    return judge


def _grounding(rule: GuardRule) -> Whole:
    from genaiops.guard._grounding import grounding

    return grounding(rule)


_MAKERS: Final[dict[str, Callable[[GuardRule], Whole]]] = {
    "size": _size,
    "canary": _canary,
    "prompt_leak": _prompt_leak,
    "schema": _schema,
    "disclosure": _disclosure,
    "refusal": _refusal,
    "grounding": _grounding,
}
WHOLES: Final = frozenset(_MAKERS)
