"""Personal data that can be told by its form: one table of patterns for `genaiops.checks.scanning`.

A number without a checksum is found only behind a word that says what it is. Names of people and places have no form:
see `genaiops.engines.names`.
"""

from typing import Final

from genaiops.checks.pii import _americas, _asia_africa, _contact, _europe_east, _europe_west, _money, _personal, _phone
from genaiops.checks.scanning import Pattern

PATTERNS: Final[tuple[Pattern, ...]] = (
    *_contact.PATTERNS,
    *_phone.PATTERNS,
    *_money.PATTERNS,
    *_americas.PATTERNS,
    *_europe_west.PATTERNS,
    *_europe_east.PATTERNS,
    *_asia_africa.PATTERNS,
    *_personal.PATTERNS,
)

__all__ = ["PATTERNS"]
