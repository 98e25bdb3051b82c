"""The patterns behind each detector that looks for what can be told by its form; loaded when a policy asks for them."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final, cast

from genaiops.checks.control import encoded
from genaiops.checks.scanning import Pattern, Scanner, Stream
from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule


def _pii() -> tuple[Pattern, ...]:
    from genaiops.checks.pii import PATTERNS

    return PATTERNS


def _secrets() -> tuple[Pattern, ...]:
    from genaiops.checks.secrets import PATTERNS

    return PATTERNS


def _markup() -> tuple[Pattern, ...]:
    from genaiops.checks.markup import PATTERNS

    return PATTERNS


def _code() -> tuple[Pattern, ...]:
    from genaiops.checks.code import PATTERNS

    return PATTERNS


_TABLES: Final[Mapping[str, Callable[[], tuple[Pattern, ...]]]] = {
    "pii": _pii,
    "secret": _secrets,
    "markup": _markup,
    "code": _code,
}
_LETTER: Final = (
    "Hello, I am Ann Smith of Example Ltd. in Dublin (ann.smith@example.org, +49 30 901820). My account number is "
    "12345678, the card 4111 1111 1111 1111 and the IBAN DE89 3704 0044 0532 0130 00. See https://example.org/a?b=c or "
    "10.1.2.3, please; my password is: hunter2! It was the best of times, it was the worst of times."
)
_CODE: Final = (
    '{"api_key": "sk-abcdefghijklmnopqrstuvwx", "date": "1999-12-31", "url": "postgres://user:word@db:5432/name"}\n'
    "def f(x):\n    return [y ** 2 for y in x if y > 0]  # SELECT * FROM t WHERE a = 'b'; ![image](http://h/p.png)\n"
)
FAMILIES: Final = (*_TABLES, "words")
ENCODED: Final = "encoded"
HOMOGLYPHS: Final = "homoglyphs"


def selects(rule: GuardRule, kind: str) -> bool:
    """Whether findings of that kind count for the rule."""
    if rule.kinds and not any(fnmatchcase(kind, each) for each in rule.kinds):
        return False
    return not any(fnmatchcase(kind, each) for each in rule.excepted)


def looks_for_mixed(rule: GuardRule) -> bool:
    """Whether a rule of `control` concerns words of two scripts: one that takes out does not, for the word is read."""
    return rule.action != "redact" and selects(rule, HOMOGLYPHS)


def check_control(rule: GuardRule) -> None:
    """UsageError for what it cannot do."""
    if rule.action == "redact" and rule.kinds and all(each == HOMOGLYPHS for each in rule.kinds):
        raise UsageError(
            f"The rule {rule.id!r} cannot redact: words of two scripts are told of, never cut out.",
            remedy="Let it flag, replace, hold or block.",
            param=f"rules.{rule.id}.action",
        )


def patterns_of(rule: GuardRule) -> tuple[Pattern, ...]:
    """What the rule looks for by form. UsageError for what its options cannot be."""
    if rule.detector == "words":
        return _own(rule)
    table = _TABLES.get(rule.detector)
    return () if table is None else tuple(one for one in table() if selects(rule, one.kind))


def table_of(detector: str) -> tuple[Pattern, ...]:
    """All patterns of a detector that has a table of them."""
    table = _TABLES.get(detector)
    return () if table is None else table()


def _own(rule: GuardRule) -> tuple[Pattern, ...]:
    """Words and expressions that the policy brings itself: `words = ["Falcon"]`, `patterns = {ticket = "T-\\d{6}"}`."""
    family = f"words:{rule.id}"
    words, patterns = rule.options.get("words", []), rule.options.get("patterns", {})
    if not _is_texts(words) or not isinstance(patterns, dict) or not _is_texts(list(cast("Any", patterns).values())):
        raise UsageError(
            f"The rule {rule.id!r} has options that are none of its detector.",
            remedy='Write `words = ["one", "two"]` or `patterns = { kind = "expression" }`.',
            param=f"rules.{rule.id}.options",
        )
    found = [
        Pattern(kind="words", family=family, regex="(?i)" + _literal(word), left=_edge(word[0]), right=_edge(word[-1]))
        for word in cast("list[str]", words)
    ]
    found += [
        Pattern(kind=kind, family=family, regex=regex) for kind, regex in cast("dict[str, str]", patterns).items()
    ]
    if not found:
        raise UsageError(
            f"The rule {rule.id!r} looks for no words.", remedy="Give it `words` or `patterns`.", param="rules"
        )
    Scanner(found)  # tells of an expression that is none
    return tuple(found)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in cast("list[Any]", value))


def _literal(word: str) -> str:
    """Spaces match any run of them."""
    pieces = [
        "".join(char if char.isalnum() else rf"\x{ord(char):02x}" for char in piece if ord(char) < 0x100)
        for piece in word.split()
    ]
    return r"\s{1,8}".join(pieces)


def _edge(char: str) -> str:
    return r"\w" if char.isalnum() else ""


@lru_cache(maxsize=1)
def _all() -> tuple[Pattern, ...]:
    return tuple(pattern for table in _TABLES.values() for pattern in table())


@lru_cache(maxsize=16)
def scanner_of(own: tuple[Pattern, ...]) -> Scanner:
    """One for all tables and these patterns, which policies share. It has read a little of everything before: RE2 makes
    its automata as it meets what they are for, which takes a hundred times as long."""
    scanner = Scanner((*_all(), *own), tried=True)
    for text in (_LETTER, _CODE):
        scanner.find(text)
        stream = Stream(scanner)
        for at in range(0, len(text), 4):
            stream.feed(text[at : at + 4])
    return scanner


@lru_cache(maxsize=16)
def encoded_of(own: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
    """For runs that hold, once they are decoded, what any pattern of `scanner_of(own)` finds; which of these count is
    asked when one is found, so that policies share this scanner, too."""
    return encoded(scanner_of(own))
