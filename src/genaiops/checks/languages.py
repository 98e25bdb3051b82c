"""Which languages can be told apart, and from how much text on one is told rather than guessed.

Codes are those of ISO 639-1, and of ISO 639-3 where the former has none; `zxx` is text of no language. A test holds
them against what the classifier knows; this file is light enough for a process that only reads policies.
"""

from typing import Final

_CODES: Final = (
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa fi fo fr "
    "fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka kab kik kk km kn ko "
    "ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru "
    "rw sa sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue "
    "zh zu zxx "
)
LANGUAGES: Final = frozenset(_CODES.split())
SHORTEST: Final = 12
"""Letters of a text under which a rule does not judge its language."""
SURE: Final = 0.8
"""The least probability that a rule believes."""


def letters(text: str) -> int:
    """Letters of all scripts, without digits, marks and spaces."""
    return sum(character.isalpha() for character in text)
