"""Whether what an answer says stands in what was retrieved for it, and how its reader is told."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule
from genaiops.guard._tables import selects
from genaiops.guard._whole import Hit, Situation, Whole, option
from genaiops.guard.surfaces import Part
from genaiops.ports.guard import Support

if TYPE_CHECKING:
    from genaiops.checks.grounding import Grounding, Sentence

_MOST_PASSAGES: Final = 200_000
"""Characters that an answer is held against, off which a worker can still answer others in time."""
_MOST_CLAIMS: Final = 20
_LONGEST_CLAIM: Final = 300
_UNSUPPORTED: Final = " [unsupported]"

Checked = Mapping[int, "tuple[Sentence, ...]"]
"""Part -> its sentences."""


class _Options(msgspec.Struct, frozen=True):
    """`least`: the share of unsupported sentences from which on it counts; `supported`: of one sentence."""

    least: float
    supported: float
    names: bool
    warn: bool
    cite: bool
    tell: bool


def grounding(rule: GuardRule) -> Whole:
    from genaiops.checks.grounding import Grounding

    options = _options(rule)
    counts = selects(rule, "unsupported")

    def judge(parts: Sequence[Part], situation: Situation) -> Hit | None:
        said = [at for at, part in enumerate(parts) if part.provenance == "model_output" and part.text.strip()]
        if not said or not situation.passages:
            return None
        size = sum(len(parts[at].text) for at in said)
        if sum(map(len, situation.passages)) + size > _MOST_PASSAGES:
            return Hit({}, error="too_long")
        held = Grounding(situation.passages, names=options.names)
        checked = {at: held.check(parts[at].text) for at in said}
        sentences = sum(map(len, checked.values()))
        alone = sum(not each.supported(options.supported) for found in checked.values() for each in found)
        counted = counts and alone > 0 and alone / sentences >= options.least
        texts = _cited(parts, checked, situation.passages, options) if options.cite else {}
        if options.warn and counted:
            texts[said[-1]] = f"{texts.get(said[-1], parts[said[-1]].text)}\n\n{_warning(rule, alone, sentences)}"
        support = Support(sentences, alone, _claims(parts, checked, options)) if options.tell else None
        if not counted and not texts and support is None:
            return None
        score = alone / sentences if sentences else None
        return Hit({"unsupported": alone} if counted else {}, score, texts=texts, support=support)

    return judge


def _options(rule: GuardRule) -> _Options:
    options = _Options(
        least=0.3 if rule.threshold is None else rule.threshold,
        supported=float(option(rule, "supported", (int, float), 0.5)),
        names=option(rule, "names", bool, default=True),
        warn=option(rule, "warn", bool, default=False),
        cite=option(rule, "cite", bool, default=False),
        tell=option(rule, "tell", bool, default=False),
    )
    for name in ("warn", "cite"):
        if getattr(options, name) and rule.action != "flag":
            raise UsageError(
                f"The rule {rule.id!r} cannot {name} and {rule.action}: nobody would read what it adds.",
                remedy=f'Let it flag (action = "flag"), or leave out the option {name!r}.',
                param=f"rules.{rule.id}.options.{name}",
            )
    return options


def _warning(rule: GuardRule, alone: int, sentences: int) -> str:
    if rule.message:
        return rule.message
    return f"Caution: {alone} of {sentences} statements above are not supported by the sources that were given."


def _claims(parts: Sequence[Part], checked: Checked, options: _Options) -> tuple[str, ...]:
    found = [
        parts[at].text[each.start : each.end][:_LONGEST_CLAIM]
        for at, sentences in checked.items()
        for each in sentences
        if not each.supported(options.supported)
    ]
    return tuple(found[:_MOST_CLAIMS])


def _cited(parts: Sequence[Part], checked: Checked, passages: Sequence[str], options: _Options) -> dict[int, str]:
    """The texts with the number of a passage behind each sentence that it supports, and a word behind the others."""
    from genaiops.checks.grounding import Grounding

    held = [Grounding((passage,), names=options.names) for passage in passages]
    texts: dict[int, str] = {}
    for at, sentences in checked.items():
        text = parts[at].text
        for each in reversed(sentences):
            sentence = text[each.start : each.end]
            mark = f" [{_best(held, sentence) + 1}]" if each.supported(options.supported) else _UNSUPPORTED
            text = f"{text[: each.end]}{mark}{text[each.end :]}"
        if sentences:
            texts[at] = text
    return texts


def _best(passages: "Sequence[Grounding]", sentence: str) -> int:
    """The passage that supports it most."""
    if len(passages) == 1:
        return 0

    def support(at: int) -> tuple[int, float]:
        found = passages[at].check(sentence)
        missing = sum(len(each.missing) for each in found)
        return -missing, sum(each.support for each in found)

    return max(range(len(passages)), key=support)


def with_support(body: bytes, support: Support) -> bytes:
    """An answer with what its client is told, in its object `genaiops`. What is no object stays as it is."""
    answer: Any = msgspec.json.decode(body)
    if not isinstance(answer, dict):
        return body
    found = cast("dict[str, Any]", answer)
    own: Any = found.get("genaiops")
    said = {
        "sentences": support.sentences,
        "unsupported": support.unsupported,
        "claims": support.claims,
        "measured": _measured(),
    }
    found["genaiops"] = {**(cast("dict[str, Any]", own) if isinstance(own, dict) else {}), "grounding": said}
    return msgspec.json.encode(found)


@cache
def _measured() -> list[dict[str, Any]]:
    """How often the detector is wrong, as far as anybody measured."""
    from genaiops.checks.cards import cards

    card = cards().get("grounding")
    return [
        {"measure": one.measure, "of": one.of, "value": one.value, "low": one.low, "high": one.high, "n": one.n,
         "dataset": one.dataset}
        for one in (card.figures if card is not None else ())
    ]  # fmt: skip
