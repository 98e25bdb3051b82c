"""One kind of thing that can be told by its form."""

from collections.abc import Callable

import msgspec


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    r"""`regex` is in the syntax that RE2 and Python's `re` share: no look-around, no back-reference, no `\Z`; `\b`,
    `\d`, `\w` and `\s` mean ASCII. Its matches are bounded: no `*` or `+` without a bound (write `{0,64}`), so that a
    stream is held back for a bounded time. It is matched against the text after folding (see `fold`).

    What else must hold of a match: no character of the class `left` stands directly before it, none of `right` directly
    behind it (contents of a RE2 class, such as `\w.-`); one of the words `context` stands within `reach` characters
    before it (in any case, as a whole word; in scripts that put no spaces, anywhere), and none of the words `unless`;
    `valid` says yes to the value.
    `group`: which group of the expression is the value, and the only part that is found (0: all of it).

    The letter of an escaped line break or tab (`\n`, as JSON writes it) is part of no word: `left` lets it pass, and
    words of both may follow it; `\b` does not know it. What may begin with such a letter takes the escape into its
    expression, before the group of the value.

    `checked`: `valid` computes a checksum or asks a table, so that chance seldom passes. Where two findings overlap, a
    checked one wins, then the longer, then the one that stands first in the table.
    """

    kind: str
    family: str
    regex: str
    group: int = 0
    left: str = ""
    right: str = ""
    context: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    reach: int = 48
    valid: Callable[[str], bool] | None = None
    checked: bool = False
    title: str = ""
    """What people call it: "IBAN", "Stripe secret key". Empty: its kind, in words."""
    country: str = ""
    """ISO 3166-1 alpha-2, where only one gives it out."""
    source: str = ""
    """Where its form is written down: a standard, a page of documentation."""
