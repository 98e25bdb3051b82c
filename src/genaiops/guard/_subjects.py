"""What rules of `language` and `topics` want of a text: lists of what is allowed and of what is denied."""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, cast

from genaiops.checks.languages import LANGUAGES, SHORTEST, SURE
from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule, Verdict

MOST_TOPICS: Final = 32
MOST_TEXTS: Final = 32
"""Of a topic: its descriptions and examples."""
MOST_CHARACTERS: Final = 2000
"""Of one of them."""
OFF_TOPIC: Final = "off_topic"
TOPIC: Final = "topics:"
"""How the names of a classifier's verdicts on topics begin."""


class Lists(NamedTuple):
    """`shortest`: letters of a text under which nothing is said of it."""

    allowed: frozenset[str]
    denied: frozenset[str]
    shortest: int


class Reading(NamedTuple):
    """What a classifier says of a text for a rule: its `score`, and under which names it counts as found (none: it does
    not)."""

    score: float
    found: tuple[str, ...] = ()


def check_languages(rule: GuardRule) -> None:
    """UsageError for options that are none."""
    check_options(rule, ("allowed", "denied", "shortest"))
    for name in ("allowed", "denied"):
        given = rule.options.get(name, [])
        if not isinstance(given, list) or not all(isinstance(each, str) for each in cast("list[Any]", given)):
            raise wrong(rule, name, "is a list of languages", f'Write `{name} = ["en", "de"]`.')
        for each in cast("list[str]", given):
            if each not in LANGUAGES:
                raise wrong(rule, name, f"names {each[:20]!r}, which is no language", "Use codes of ISO 639-1: en, de.")
    _check_lists(rule, "a language")


def check_topics(rule: GuardRule) -> None:
    """UsageError for options that are none."""
    check_options(rule, ("allowed", "denied", "shortest"))
    for name in ("allowed", "denied"):
        given = rule.options.get(name, {})
        if not isinstance(given, dict) or not all(map(_is_topic, cast("dict[str, Any]", given).values())):
            raise wrong(
                rule,
                name,
                "says for each topic, by sentences, what belongs to it",
                f'Write `{name} = {{ law = ["Lawsuits, courts and judges.", "Can I sue them?"] }}`: at most '
                f"{MOST_TEXTS} sentences of {MOST_CHARACTERS} characters each.",
            )
        if not all(0 < len(each) <= 64 and each != OFF_TOPIC for each in cast("dict[str, Any]", given)):
            remedy = f"Use 1 to 64 characters, and not {OFF_TOPIC!r}."
            raise wrong(rule, name, "has a topic that cannot have its name", remedy)
    if sum(len(rule.options.get(name, ())) for name in ("allowed", "denied")) > MOST_TOPICS:
        raise wrong(rule, "allowed", f"has, with denied, more than {MOST_TOPICS} topics", "Write several rules.")
    _check_lists(rule, "a topic")


def _is_topic(given: Any) -> bool:
    if not isinstance(given, list) or not 1 <= len(cast("list[Any]", given)) <= MOST_TEXTS:
        return False
    texts = cast("list[Any]", given)
    return all(isinstance(each, str) and each.strip() and len(each) <= MOST_CHARACTERS for each in texts)


def _check_lists(rule: GuardRule, what: str) -> None:
    shortest = rule.options.get("shortest", SHORTEST)
    if not isinstance(shortest, int) or isinstance(shortest, bool) or shortest < 0:
        raise wrong(rule, "shortest", "is a number of letters", f"Write `shortest = {SHORTEST}`.")
    if not rule.options.get("allowed") and not rule.options.get("denied"):
        raise UsageError(
            f"The rule {rule.id!r} neither allows nor denies {what}.",
            remedy="Give it the option `allowed` or `denied`.",
            param=f"rules.{rule.id}.options",
        )
    both = set(rule.options.get("allowed", ())) & set(rule.options.get("denied", ()))
    if both:
        raise wrong(rule, "denied", f"has {min(both)!r}, which `allowed` has, too", "Leave it in one of the two.")


def check_options(rule: GuardRule, known: Collection[str]) -> None:
    """UsageError for an option that the detector does not have."""
    for name in rule.options:
        if name not in known:
            there = f"It has {', '.join(known)}." if known else "It has none."
            raise wrong(rule, name, f"is none of {rule.detector!r}", there)


def wrong(rule: GuardRule, option: str, what: str, remedy: str) -> UsageError:
    return UsageError(
        f"The option {option!r} of the rule {rule.id!r} {what}.",
        remedy=remedy,
        param=f"rules.{rule.id}.options.{option}",
    )


def lists_of(rule: GuardRule) -> Lists:
    options = rule.options
    return Lists(
        frozenset(options.get("allowed", ())), frozenset(options.get("denied", ())), options.get("shortest", SHORTEST)
    )


def topics_of(rule: GuardRule) -> list[Mapping[str, object]]:
    """As the guard server takes them."""
    return [
        {"name": name, "description": texts[0], "examples": texts[1:]}
        for side in ("denied", "allowed")
        for name, texts in rule.options.get(side, {}).items()
    ]


def language_read(rule: GuardRule, found: Mapping[str, Verdict]) -> Reading | str:
    """A text: why it could not be said. A language of which the classifier is not sure is none that is found."""
    verdict = found.get("language")
    if verdict is None or verdict.outcome == "error":
        return said_instead(verdict)
    if verdict.measure is None:
        return Reading(0.0)
    sure = verdict.measure >= (SURE if rule.threshold is None else rule.threshold)
    lists, language = lists_of(rule), verdict.reason
    unwanted = language in lists.denied or (bool(lists.allowed) and language not in lists.allowed)
    return Reading(verdict.measure, (language,) if sure and unwanted else ())


def topics_read(rule: GuardRule, found: Mapping[str, Verdict]) -> Reading | str:
    """A text: why it could not be said. `score` is the nearness to what is denied, else how far it is from what is
    allowed."""
    failed = found.get("topics")
    if failed is not None:
        return said_instead(failed)
    near: dict[str, float] = {}
    about: set[str] = set()
    lists = lists_of(rule)
    for name in lists.denied | lists.allowed:
        verdict = found.get(f"{TOPIC}{name}")
        if verdict is None or verdict.outcome == "error" or verdict.measure is None:
            return said_instead(verdict)
        near[name] = verdict.measure
        if verdict.outcome == "fail" if rule.threshold is None else verdict.measure >= rule.threshold:
            about.add(name)
    denied = tuple(sorted(about & lists.denied))
    if denied:
        return Reading(max(near[name] for name in denied), denied)
    if lists.allowed and not about:
        return Reading(1.0 - max(near[name] for name in lists.allowed), (OFF_TOPIC,))
    return Reading(max((near[name] for name in lists.denied), default=0.0))


def said_instead(verdict: Verdict | None) -> str:
    return (verdict.reason[:200] if verdict is not None else "") or "no answer"
