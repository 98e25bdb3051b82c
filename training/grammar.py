"""Sentences from templates: `{slot}` stands for one of the phrases of that name, which may hold slots themselves."""

import random
import re
from collections.abc import Mapping, Sequence

Phrases = Mapping[str, Sequence[str]]

_SLOT = re.compile(r"\{(\w+)\}")
_DEEPEST = 8


class Grammar:
    """`templates` by the name of their group, `phrases` by the name of their slot. Raises KeyError for a slot that is
    nowhere, ValueError for slots that hold each other."""

    def __init__(self, templates: Phrases, phrases: Phrases) -> None:
        self._templates = templates
        self._phrases = phrases
        for group in templates.values():
            for template in group:
                self._check(template, ())

    def sentences(self, count: int, seed: int) -> list[str]:
        """`count` different sentences, as many of each group as can be; fewer when the grammar has no more.

        The same seed gives the same sentences in the same order.
        """
        rng = random.Random(seed)
        found: dict[str, None] = {}
        share = -(-count // len(self._templates))
        for name in sorted(self._templates):
            mine: dict[str, None] = {}
            for _ in range(share * 6):
                if len(mine) == share:
                    break
                mine[self._fill(rng.choice(self._templates[name]), rng)] = None
            found.update(mine)
        chosen = list(found)
        rng.shuffle(chosen)
        return chosen[:count]

    def _fill(self, template: str, rng: random.Random) -> str:
        while "{" in template:
            template = _SLOT.sub(lambda slot: rng.choice(self._phrases[slot[1]]), template)
        return template[0].upper() + template[1:] if rng.random() < 0.85 else template

    def _check(self, template: str, above: tuple[str, ...]) -> None:
        for slot in _SLOT.findall(template):
            if slot in above or len(above) > _DEEPEST:
                raise ValueError(f"The slot {slot!r} holds itself, by way of {above}.")
            for phrase in self._phrases[slot]:
                self._check(phrase, (*above, slot))
