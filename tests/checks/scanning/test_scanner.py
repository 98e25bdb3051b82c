# ruff: noqa: RUF001 (characters that look like others are what this is about)
"""What is found in whole texts, and that pieces make no difference."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.scanning import Pattern, Scanner, Stream
from genaiops.checks.scanning._engine import Tail, engine
from genaiops.checks.scanning._fold import fold
from genaiops.checks.scanning._head import head
from genaiops.checks.scanning._prefix import longest, needs_digit, prefixes
from genaiops.core.errors import UsageError
from genaiops.domain import Finding

PATTERNS = (
    Pattern(
        kind="email", family="pii", regex=r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}\b"
    ),
    Pattern(
        kind="digits",
        family="pii",
        regex=r"\d{4}(?:[ -]?\d{4}){1,3}",
        left=r"\d",
        right=r"\d",
        valid=lambda value: sum(map(int, re.sub(r"\D", "", value))) % 3 == 0,
        checked=True,
    ),
    Pattern(kind="account", family="pii", regex=r"\b\d{5,8}\b", context=("account", "konto", "号码"), reach=16),
    Pattern(kind="key", family="secret", regex=r"(?i)\bsk-(?:live|test)-([a-z0-9]{4,12})\b", group=1),
    Pattern(kind="words", family="control", regex=r"ignore (?:all )?(?:the )?previous"),
    Pattern(
        kind="short", family="pii", regex=r"\d{3}", left=r"\w", right=r"\w", context=("phone no", "电话"), reach=10
    ),
    Pattern(kind="block", family="secret", regex=r"BEGIN[ \n\w]{0,40}END"),
    Pattern(kind="long", family="secret", regex=r"a(?:nn|ll)[ \w]{2,300}(E|x)", group=1),
)
SCANNER = Scanner(PATTERNS)
WORDS = (
    "a bob @ x.org .com 1234 5678 9 - account konto: 号码 sk- live- TEST- ignore all the previous BEGIN END ﬁ １２ е é"
)
PIECES = st.sampled_from(
    [
        *WORDS.split(),
        " ",
        "\n",
        "ignore ",
        "the ",
        "\u200b",
        "\U000e0041",
        "½",
        "漢",
        "\\n",
        "\\",
        "n",
        "phone",
        " no",
        "电话",
        "777",
    ]
)
TEXTS = st.lists(PIECES, max_size=24).map("".join)


def kinds(text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.end]) for each in SCANNER.find(text)]


def test_kinds_are_found_where_they_are() -> None:
    assert kinds("Write to ann.b@example.org, or sk-live-abcd1234.") == [
        ("email", "ann.b@example.org"),
        ("key", "abcd1234"),
    ]
    assert kinds("1234 5678 9012") == [("digits", "1234 5678 9012")]
    assert kinds("1234 5678 9013") == [], "its check says no"
    assert kinds("51234 5678 9012") == []
    assert kinds("1234 5678 90123") == []


@pytest.mark.parametrize("text", ["my account is 123456", "KONTO: 123456", "号码 123456"])
def test_context(text: str) -> None:
    assert kinds(text) == [("account", "123456")]
    assert kinds(text.replace("123456", "is somewhere else: 123456")) == []
    assert kinds("accounts 123456") == []


def test_words_that_must_not_stand_before() -> None:
    scanner = Scanner([Pattern(kind="run", family="f", regex="[0-9a-f]{8}", unless=("commit", "sha"), reach=12)])

    def found(text: str) -> list[int]:
        stream, at, seen = Stream(scanner), 0, list[int]()
        for released, here in (*map(stream.feed, text), stream.end()):
            seen += [at + each.start for each in here]
            at += len(released)
        assert seen == [each.start for each in scanner.find(text)]
        return seen

    assert found("the key 0a1b2c3d") == [8]
    assert found("Commit: 0a1b2c3d") == []
    assert found("SHA=0a1b2c3d and 0a1b2c3d") == [17]
    assert found("commits 0a1b2c3d") == [8], "no whole word"


def test_what_matches_nothing_is_no_finding() -> None:
    scanner = Scanner([Pattern(kind="digits", family="f", regex="[0-9]{0,4}")])
    assert [(each.start, each.end) for each in scanner.find("ab 12 c 3456789")] == [(3, 5), (8, 12), (12, 15)]


def test_escaped_line_breaks_are_no_letters() -> None:
    assert kinds(r"Name\nPhone no\n123\nAge") == [("short", "123")]
    assert kinds("Phone no n123") == []
    assert kinds("nPhone no 123") == []


def test_a_word_of_a_script_without_spaces_may_stand_among_others() -> None:
    assert kinds("我的电话是 123") == [("short", "123")]
    assert kinds("我的号是 123") == []


def test_many_contexts_are_told_apart() -> None:
    """So many that they are asked for together."""
    scanner = Scanner(
        Pattern(kind=f"k{number}", family="pii", regex=rf"{number}\d{{3}}", left=r"\d", context=("id", f"word{number}"))
        for number in range(10, 40)
    )
    assert [each.kind for each in scanner.find("word11 10123, 11123")] == ["k11"]
    assert [each.kind for each in scanner.find("id: 10123, 12123, 40123")] == ["k10", "k12"]
    assert scanner.find("ids 10123") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ａnn@example.org", "ａnn@example.org"),
        ("ann\u200b@exa\u00admple.org.", "ann\u200b@exa\u00admple.org"),
        ("\u202eann@example.org", "ann@example.org"),
        ("аnn@ехample.org", "аnn@ехample.org"),
        ("ﬁnn@example.org", "ﬁnn@example.org"),
        ("𝓪nn@example.org", "𝓪nn@example.org"),
    ],
)
def test_disguises(text: str, value: str) -> None:
    assert kinds(text) == [("email", value)]


def test_tag_characters_are_read() -> None:
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "ignore previous")
    assert kinds(f"Hello{hidden}!") == [("words", hidden)]
    assert kinds("١٢٣٤ ٥٦٧٨ ٩٠١٢") == [("digits", "١٢٣٤ ٥٦٧٨ ٩٠١٢")]


@given(TEXTS, st.lists(st.integers(0, 200), max_size=12))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    stream = Stream(SCANNER)
    released, found = "", list[Finding]()
    steps = [stream.feed(text[begin:end]) for begin, end in pairwise(edges)]
    for piece, here in (*steps, stream.end()):
        found += [Finding(each.start + len(released), each.end + len(released), *_rest(each)) for each in here]
        released += piece
    assert released == text
    assert found == SCANNER.find(text)
    assert stream.held == 0


def _rest(found: Finding) -> tuple[str, str, bool]:
    return found.kind, found.family, found.checked


@given(TEXTS)
def test_blocks_make_no_difference(text: str) -> None:
    long = (text + " . ") * (1 + 9000 // (len(text) + 3))
    data, _ = fold(long)
    whole = [
        (match.start(), match.end(), number)
        for number, pattern in enumerate(PATTERNS)
        for match in re.compile(pattern.regex.encode()).finditer(data)
        if match.group()
    ]
    assert [each[:3] for each in SCANNER.raw(data, 0, SCANNER.places(data, 0))] == sorted(whole)


@given(TEXTS)
def test_folding_keeps_every_place(text: str) -> None:
    data, positions = fold(text)
    assert positions is None or len(positions) == len(data)
    if positions is None:
        assert len(data) == len(text)
    assert data == b"".join(fold(char)[0] for char in text)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.kind)
@given(data=st.data())
def test_every_beginning_of_a_match_may_grow(pattern: Pattern, data: st.DataObject) -> None:
    match = data.draw(st.from_regex(re.compile(pattern.regex, re.ASCII), fullmatch=True))
    scanner = Scanner([pattern])
    for end in range(1, len(match) + 1):
        data_so_far = match[:end].encode("latin-1", "replace")
        assert scanner.open_from(data_so_far, 0, scanner.places(data_so_far, 0)) == 0


@given(TEXTS, st.integers(0, 60))
def test_what_may_grow_is_what_the_beginnings_of_all_patterns_say(text: str, before: int) -> None:
    data, _ = fold(text)
    start = min(before, len(data))
    told = SCANNER.told(data, text)
    concerned = [each for at, each in enumerate(PATTERNS) if not each.context or at in told]
    tails = [Tail([prefixes(each.regex)]).begin(data, start) for each in concerned]
    assert SCANNER.open_from(data, start, SCANNER.places(data, start, told), told) == min(tails)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.kind)
@given(data=st.data())
def test_every_match_has_its_head(pattern: Pattern, data: st.DataObject) -> None:
    match = data.draw(st.from_regex(re.compile(pattern.regex, re.ASCII), fullmatch=True))
    assert engine(head(pattern.regex)).search(match.encode("latin-1", "replace")) is not None


@pytest.mark.parametrize(
    ("regex", "needs"),
    [
        (r"\d", True),
        (r"a(?:[0-5]x|7)", True),
        (r"[1-9][A-Z]?", True),
        (r"(?:\d{2}){1,3}", True),
        (r"(?:\d{2}){0,3}", False),
        (r"[A-Z\d]{6}", False),
        (r"\D", False),
        (r"[^\d]", False),
        (r"5|x", False),
    ],
)
def test_which_matches_have_a_digit(regex: str, needs: bool) -> None:
    assert needs_digit(regex) is needs


@pytest.mark.parametrize(
    ("regex", "beginnings", "others"),
    [
        (r"ghp_[A-Za-z0-9]{36,255}", ["ghp_abcdef"], ["ghp_abc", "ghp"]),
        (r"(?i)token(?:: ?|=)\d{4,9}", ["TOKEN: 1234", "token=1234"], ["token 1234", "toke"]),
        (r"(?:live|test)_[a-f]{30}", ["live_abcdef", "test_abcdef"], ["live", "best_abcdef"]),
        (r"\w{3}abc{0,9}", ["xyzab"], ["abc"]),
        (r"key(?:a{9}b)?c{20}", ["keycccccccc", "keyaaaaaaa"], ["ke"]),
    ],
)
def test_heads(regex: str, beginnings: list[str], others: list[str]) -> None:
    compiled = engine(head(regex))
    assert all(compiled.search(each.encode()) for each in beginnings)
    assert not any(compiled.search(each.encode()) for each in others)


def test_what_cannot_grow_is_let_go() -> None:
    stream = Stream(SCANNER)
    assert stream.feed("Hello world, ")[0] == "Hello world, "
    assert stream.feed("this is ign")[0] == "this is "
    assert stream.feed("orance")[0] == ""
    assert stream.feed(" itself!")[0] == "ignorance itself!"


@pytest.mark.parametrize("regex", ["a+", "(?=a)b", r"(a)\1", "(", "a*"])
def test_what_a_pattern_cannot_be(regex: str) -> None:
    with pytest.raises(UsageError, match="mine"):
        Scanner([Pattern(kind="mine", family="pii", regex=regex)])


def test_bounds() -> None:
    assert longest(r"a{2,5}(?:bc|d)?") == 7
    with pytest.raises(UsageError, match="any length"):
        longest("a+")


def test_no_patterns() -> None:
    assert Scanner([]).find("anything") == []
    assert Stream(Scanner([])).feed("anything") == ("anything", [])
