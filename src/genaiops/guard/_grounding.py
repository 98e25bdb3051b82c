"""Whether what an answer says stands in what was retrieved for it, and how its reader is told."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule
from genaiops.guard._tables import selects
from genaiops.guard._whole import Hit, Situation, Whole, option
from genaiops.guard.surfaces import Part
from genaiops.ports.guard import ClaimSupport, Support

if TYPE_CHECKING:
    from genaiops.checks.facts import Claim, Source

_MOST_PASSAGES: Final = 200_000
"""Characters that an answer is held against, off which a worker can still answer others in time."""
_MOST_CLAIMS: Final = 20
_MOST_CITED: Final = 100
_LONGEST_CLAIM: Final = 300
_LONGEST_QUOTE: Final = 160
"""Of a source that stands at the end of an answer."""
_UNSUPPORTED: Final = " [unsupported]"

Checked = Mapping[int, "tuple[Claim, ...]"]
"""Part -> its claims."""


class _Options(msgspec.Struct, frozen=True):
    """`least`: the share of unsupported sentences from which on it counts; `supported`: of one sentence."""

    least: float
    supported: float
    names: bool
    warn: bool
    cite: bool
    tell: bool
    append: bool


def grounding(rule: GuardRule) -> Whole:
    from genaiops.checks.facts import Source, check_facts

    options = _options(rule)
    counts = selects(rule, "unsupported")

    def judge(parts: Sequence[Part], situation: Situation) -> Hit | None:
        said = [at for at, part in enumerate(parts) if part.provenance == "model_output" and part.text.strip()]
        if not said or not situation.passages:
            return None
        size = sum(len(parts[at].text) for at in said)
        if sum(map(len, situation.passages)) + size > _MOST_PASSAGES:
            return Hit({}, error="too_long")
        sources = [Source(str(number), text) for number, text in enumerate(situation.passages, 1)]
        checked = {
            at: check_facts(parts[at].text, sources, names=options.names, supported_at=options.supported) for at in said
        }
        sentences = sum(map(len, checked.values()))
        alone = sum(each.verdict != "supported" for found in checked.values() for each in found)
        counted = counts and alone > 0 and alone / sentences >= options.least
        texts = _cited(parts, checked) if options.cite else {}
        for at in said if options.append else ():
            texts[at] = texts.get(at, parts[at].text) + _footer(checked[at], sources)
        if options.warn and counted:
            texts[said[-1]] = f"{texts.get(said[-1], parts[said[-1]].text)}\n\n{_warning(rule, alone, sentences)}"
        texts = {at: text for at, text in texts.items() if text != parts[at].text}
        support = _support(parts, checked, sentences, alone) if options.tell else None
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
        append=option(rule, "append", bool, default=False),
    )
    for name in ("warn", "cite", "append"):
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


def _support(parts: Sequence[Part], checked: Checked, sentences: int, alone: int) -> Support:
    from genaiops.checks.facts import confidence

    told = [(parts[at].place, each) for at, claims in checked.items() for each in claims]
    return Support(
        sentences,
        alone,
        tuple(islice((each.text[:_LONGEST_CLAIM] for _, each in told if each.verdict != "supported"), _MOST_CLAIMS)),
        tuple(
            ClaimSupport(
                place=place,
                start=each.start,
                end=each.end,
                text=each.text,
                verdict=each.verdict,
                probability=round(each.probability, 4),
                source=None if each.citation is None else each.citation.source,
                quote="" if each.citation is None else each.citation.quote,
            )
            for place, each in told[:_MOST_CITED]
        ),
        confidence([each for _, each in told]),
    )


def _cited(parts: Sequence[Part], checked: Checked) -> dict[int, str]:
    """The texts with the number of a passage behind each sentence that it supports, and a word behind the others."""
    texts: dict[int, str] = {}
    for at, claims in checked.items():
        text = parts[at].text
        for each in reversed(claims):
            source = each.citation.source if each.citation is not None else "1"
            mark = f" [{source}]" if each.verdict == "supported" else _UNSUPPORTED
            text = f"{text[: each.end]}{mark}{text[each.end :]}"
        if claims:
            texts[at] = text
    return texts


def _footer(claims: "Sequence[Claim]", sources: "Sequence[Source]") -> str:
    """What is added to the end of a text: which sources it rests on, with the beginning of each quote, and what of it
    has none."""
    used: dict[str, str] = {}
    for each in claims:
        if each.verdict == "supported" and each.citation is not None:
            used.setdefault(each.citation.source, each.citation.quote)
    order = [source.id for source in sources if source.id in used]
    lines = [f"[{name}] {_short(used[name])}" for name in order]
    without = [f"- {_short(each.text)}" for each in claims if each.verdict != "supported"]
    said = "\n\nSources:\n" + "\n".join(lines) if lines else ""
    return said + ("\n\nNot supported by the sources:\n" + "\n".join(without) if without else "")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"
