"""What pages show of claims: the answer with each claim marked, and what its verdict is worth."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from genaiops.checks.cards import Figure, cards
from genaiops.checks.facts import Checked, Claim, confidence, tally

WORDS: Final[Mapping[str, str]] = {
    "supported": "supported",
    "refuted": "contradicted",
    "not_enough_evidence": "not found",
}


class Piece(msgspec.Struct, frozen=True):
    """Of an answer, in order. `claim` None: it states nothing."""

    text: str
    claim: Claim | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with its claims. `titles`: source -> what people call it. `confidence`: the share of the claims that is
    expected to be supported; None: there is none."""

    checked: Checked
    pieces: Sequence[Piece]
    counts: Mapping[str, int]
    confidence: float | None
    titles: Mapping[str, str]
    figures: Sequence[Figure]
    limits: Sequence[str]

    @property
    def unsupported(self) -> int:
        return len(self.checked.claims) - self.counts["supported"]


def facts_of(checked: Checked) -> Facts:
    card = cards()["grounding"]
    return Facts(
        checked=checked,
        pieces=_pieces(checked),
        counts={**tally(checked.claims)},
        confidence=confidence(checked.claims),
        titles={each.id: f"{each.id} {each.title}".strip() for each in checked.sources},
        figures=card.figures,
        limits=card.limits,
    )


def _pieces(checked: Checked) -> list[Piece]:
    found: list[Piece] = []
    at = 0
    for claim in checked.claims:
        if claim.start > at:
            found.append(Piece(checked.answer[at : claim.start]))
        found.append(Piece(checked.answer[claim.start : claim.end], claim))
        at = claim.end
    if at < len(checked.answer):
        found.append(Piece(checked.answer[at:]))
    return found
