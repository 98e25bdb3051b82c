"""Whether an answer carries the marks that tell people and machines that it was generated, and what to add where.

A sentence is found by its words (case, punctuation and accents do not matter) and, in HTML, only in the text that a
browser shows by itself: not in comments, scripts, styles, templates or the head; what style sheets hide is not seen. A
header is found by its name in any case and its exact value. Nothing here signs anything: whoever passes an answer on
can take these marks away.
"""

import html
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final, Literal

import msgspec

from genaiops.checks.words import words
from genaiops.core.errors import UsageError
from genaiops.domain import Verdict

Where = Literal["start", "end"]
_UNSEEN: Final = frozenset({"head", "script", "style", "template", "title", "noscript", "textarea", "iframe", "select"})
_HTML: Final = ("text/html", "application/xhtml+xml")


class Sentence(msgspec.Struct, frozen=True, tag="sentence"):
    """Stands in the text. `others`: what serves as well (the same in other languages); `where` it is added."""

    text: str
    others: tuple[str, ...] = ()
    where: Where = "end"

    def __post_init__(self) -> None:
        _demand(all(words(each).texts for each in (self.text, *self.others)), self.text, "a sentence has words")


class Meta(msgspec.Struct, frozen=True, tag="meta"):
    """A `meta` element in the head of a page; asked of HTML only."""

    name: str
    content: str

    def __post_init__(self) -> None:
        _demand(bool(self.name.strip()), self.name, "a meta element has a name")


class Header(msgspec.Struct, frozen=True, tag="header"):
    """A field of the HTTP response."""

    name: str
    value: str

    def __post_init__(self) -> None:
        plain = self.name.replace("-", "").isalnum() and self.name.isascii()
        valid = plain and self.value.isascii() and self.value.isprintable() and self.value == self.value.strip()
        _demand(valid and bool(self.value), f"{self.name}: {self.value}", "a header is a name and a value in ASCII")


Mark = Sentence | Meta | Header


class Answer(msgspec.Struct, frozen=True):
    """`media_type` without parameters, in lower case; `headers` by name, in any case."""

    text: str
    media_type: str = "text/plain"
    headers: Mapping[str, str] = {}


class Addition(msgspec.Struct, frozen=True):
    """What is missing: `text` belongs before the character `at` of the answer, or (`at` None) `header` among the
    response's headers."""

    mark: Mark
    at: int | None
    text: str = ""
    header: tuple[str, str] | None = None


def judge(marks: tuple[Mark, ...], answer: Answer) -> tuple[Verdict, tuple[Addition, ...]]:
    """fail: a mark is missing. The additions make up for all that the answer can carry; the reason names what it cannot
    (a sentence in JSON). The measure is the number of marks that are missing, `n` that of those asked for."""
    asked = [mark for mark in marks if not isinstance(mark, Meta) or answer.media_type in _HTML]
    missing = [mark for mark in asked if not _carries(mark, answer)]
    additions = tuple(each for mark in missing if (each := _addition(mark, answer)) is not None)
    if not asked:
        return Verdict(outcome="pass", measure=0.0, unit="marks", n=0), ()
    if not missing:
        return Verdict(outcome="pass", measure=0.0, unit="marks", n=len(asked)), ()
    reason = f"{len(missing)} of {len(asked)} marks of disclosure are missing."
    if len(additions) < len(missing):
        reason += f" An answer of the type {answer.media_type} cannot carry a sentence."
    kinds = tuple(type(mark).__name__.lower() for mark in missing)
    count = float(len(missing))
    return Verdict(outcome="fail", reason=reason, measure=count, unit="marks", n=len(asked), evidence=kinds), additions


def apply(answer: Answer, additions: tuple[Addition, ...]) -> Answer:
    """The answer with what was missing; nothing else changes."""
    text, headers = answer.text, dict(answer.headers)
    for each in sorted((each for each in additions if each.at is not None), key=lambda each: -(each.at or 0)):
        at = each.at or 0
        text = text[:at] + each.text + text[at:]
    for each in additions:
        if each.header is not None:
            name, value = each.header
            headers = {held: worth for held, worth in headers.items() if held.lower() != name.lower()} | {name: value}
    return Answer(text, answer.media_type, headers)


def _carries(mark: Mark, answer: Answer) -> bool:
    match mark:
        case Header():
            held = {name.lower(): value for name, value in answer.headers.items()}
            return held.get(mark.name.lower(), "").strip() == mark.value
        case Meta():
            return (mark.name.lower(), mark.content) in _page(answer.text).metas
        case Sentence():
            seen = _page(answer.text).seen if answer.media_type in _HTML else answer.text
            spoken = f" {' '.join(words(seen).texts)} "
            return any(f" {' '.join(words(each).texts)} " in spoken for each in (mark.text, *mark.others))


def _addition(mark: Mark, answer: Answer) -> Addition | None:
    """None: the answer cannot carry it."""
    text = answer.text
    match mark:
        case Header():
            return Addition(mark, None, header=(mark.name, mark.value))
        case Meta():
            element = f'<meta name="{html.escape(mark.name)}" content="{html.escape(mark.content)}">'
            places = [place for place in (_page(text).head, _page(text).root) if place is not None]
            return _first_that_works(mark, answer, [(place, element) for place in [*places, 0]])
        case Sentence() if answer.media_type in _HTML:
            page = _page(text)
            element = f"<p>{html.escape(mark.text)}</p>"
            places = [page.body, 0] if mark.where == "start" else [page.body_end, len(text), page.body, 0]
            return _first_that_works(mark, answer, [(place, element) for place in places if place is not None])
        case Sentence() if answer.media_type.startswith("text/"):
            if mark.where == "start":
                return Addition(mark, 0, f"{mark.text}\n\n" if text else mark.text)
            return Addition(mark, len(text), f"\n\n{mark.text}" if text else mark.text)
        case _:
            return None


def _first_that_works(mark: Mark, answer: Answer, choices: list[tuple[int, str]]) -> Addition:
    """Of the usual places: a page may end within a comment or a script."""
    additions = [Addition(mark, place, text) for place, text in choices]
    works = (each for each in additions if _carries(mark, apply(answer, (each,))))
    return next(works, additions[-1])


class _Page(HTMLParser):
    """What is seen of a page, its meta elements, and the places where marks go."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]
        self._unseen: list[str] = []
        self._pieces: list[str] = []
        self.metas: set[tuple[str, str]] = set()
        self.root: int | None = None
        self.head: int | None = None
        self.body: int | None = None
        self.body_end: int | None = None
        self.feed(text)
        self.close()

    @property
    def seen(self) -> str:
        return "".join(self._pieces)

    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        behind = self._place() + len(self.get_starttag_text() or "")
        if tag == "meta" and not set(self._unseen) - {"head"}:
            held = dict(attrs)
            self.metas.add(((held.get("name") or "").lower(), held.get("content") or ""))
        elif tag == "html" and self.root is None:
            self.root = behind
        elif tag == "head" and self.head is None:
            self.head = behind
        elif tag == "body":
            self._unseen.clear()
            self.body = behind if self.body is None else self.body
        if tag in _UNSEEN:
            self._unseen.append(tag)
        self._pieces.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
        if tag == "body":
            self.body_end = self._place()
        self._pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._pieces.append(data)


def _page(text: str) -> _Page:
    return _Page(text)


def _demand(holds: bool, given: str, what: str) -> None:
    if not holds:
        raise UsageError(f"{given!r} is no mark of disclosure: {what}.", remedy="Correct it in the policy.")
