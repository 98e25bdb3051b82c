"""Rules of `verbatim`: which documents they look for, made ready."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from genaiops.checks.verbatim import Following, Index
from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule
from genaiops.guard._tables import selects
from genaiops.guard.surfaces import Part

FindIndex = Callable[[str], Index]
"""The index with that digest (`sha256:...`). NotFound, or StoreError for one that is damaged."""

LEAST: Final = 12
"""Words of the shortest run that counts, unless a rule says otherwise."""
_OPTIONS: Final = frozenset({"texts", "documents", "words"})


class Repeated(NamedTuple):
    """A rule that looks for documents, and its number in the tier. `sources`: each index, and which of its documents
    count (by number; None: all)."""

    number: int
    rule: GuardRule
    sources: tuple[tuple[Index, frozenset[int] | None], ...]
    least: int

    def follow(self) -> list[Following]:
        return [Following(index, self.least, wanted) for index, wanted in self.sources]

    def concerns(self, part: Part) -> bool:
        return not self.rule.provenance or part.provenance in self.rule.provenance


def repeated(number: int, rule: GuardRule, find: FindIndex | None) -> Repeated:
    """UsageError for options that are none; what `find` raises where an index is not there."""
    where = f"rules.{rule.id}.options"
    unknown = sorted(rule.options.keys() - _OPTIONS)
    if unknown or not rule.options.keys() & {"texts", "documents"}:
        raise UsageError(
            f"The rule {rule.id!r} " + (f"has the option {unknown[0]!r}." if unknown else "names no documents."),
            remedy='Write `options = { documents = ["NAME"] }` (genaiops policy fingerprint) or `texts = [...]`; '
            "`words` beside it.",
            param=f"{where}.{unknown[0]}" if unknown else where,
        )
    indexes = [_found(rule, one, find) for one in _listed(rule, "documents")]
    texts = _listed(rule, "texts")
    if texts:
        indexes.append(_own(tuple(texts)))
    least = rule.options.get("words", LEAST)
    shortest = max((index.k for index in indexes), default=1)
    if not isinstance(least, int) or isinstance(least, bool) or least < shortest:
        raise UsageError(
            f"The option 'words' of the rule {rule.id!r} is a whole number from {shortest}.",
            remedy=f"Shorter runs are in no index. Leave it out: then it is {LEAST}.",
            param=f"{where}.words",
        )
    sources = tuple((index, _wanted(rule, index)) for index in indexes)
    if not any(wanted is None or wanted for _, wanted in sources):
        raise UsageError(
            f"The rule {rule.id!r} looks for no document: none of them fits its kinds.",
            remedy="The kinds of this detector are ids of documents; `genaiops policy fingerprints NAME` lists them.",
            param=f"rules.{rule.id}.kinds",
        )
    return Repeated(number, rule, sources, least)


def _listed(rule: GuardRule, name: str) -> list[str]:
    value: Any = rule.options.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in cast("list[Any]", value)):
        raise UsageError(
            f"The option {name!r} of the rule {rule.id!r} is a list of texts.",
            remedy=f'Write `{name} = ["..."]`.',
            param=f"rules.{rule.id}.options.{name}",
        )
    return cast("list[str]", value)


def _found(rule: GuardRule, reference: str, find: FindIndex | None) -> Index:
    _, _, digest = reference.partition("@")
    if find is None or not digest.startswith("sha256:"):
        raise UsageError(
            f"The rule {rule.id!r} names the documents {reference[:200]!r}, which cannot be looked up here.",
            remedy="Push the policy: then the version is pinned.",
            param=f"rules.{rule.id}.options.documents",
        )
    return find(digest)


@lru_cache(maxsize=16)
def _own(texts: tuple[str, ...]) -> Index:
    """Of the texts that stand in a policy."""
    return Index.exact((f"text {number}", text) for number, text in enumerate(texts, 1))


def _wanted(rule: GuardRule, index: Index) -> frozenset[int] | None:
    if not rule.kinds and not rule.excepted:
        return None
    return frozenset(number for number, one in enumerate(index.documents) if selects(rule, one.id))
