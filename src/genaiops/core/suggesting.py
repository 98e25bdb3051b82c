"""What somebody may have meant."""

import difflib
from collections.abc import Iterable
from typing import Final

_SHOWN: Final = 8


def suggestion(text: str, names: Iterable[str]) -> str:
    """`Did you mean 'prod'?`, or which names there are, or that there is none."""
    known = sorted(set(names))
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
    near = near or [name for name in known if len(name) >= 3 and text.startswith(name)]
    if near:
        return f"Did you mean {near[0]!r}?"
    if not known:
        return "There is none yet: create it first."
    shown = ", ".join(known[:_SHOWN])
    return f"There are: {shown}{', ...' if len(known) > _SHOWN else ''}."
