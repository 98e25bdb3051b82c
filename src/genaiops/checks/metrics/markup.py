"""Metrics of markup in an answer: whether it is, or has, HTML, and which elements its XML has."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, Final
from xml.etree.ElementTree import Element, fromstring

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.checks.metrics.form import xml_problem
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS: Final = ("extraction", "code")
_MOST_CANDIDATES: Final = 1_000
_VOID_WORDS: Final = "area base br col embed hr img input link meta param source track wbr"
_WORDS: Final = """
html head title style body article section nav aside h1 h2 h3 h4 h5 h6 header footer address p pre blockquote
ol ul li dl dt dd figure figcaption main div a em strong small s cite q dfn abbr ruby rt rp data time code var
samp kbd sub sup i b u mark bdi bdo span iframe object picture video audio map svg math script noscript canvas
ins del table caption colgroup tbody thead tfoot tr td th form label button select datalist optgroup option
textarea output progress meter fieldset legend details summary dialog menu slot template
"""
_ENDING_WORDS: Final = """
address article aside blockquote details dialog div dl fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header
hr main menu nav ol p pre section table ul
"""
_COMMON_WORDS: Final = """
html head body div span p a img h1 h2 h3 h4 h5 h6 ul ol li table tr td th form input button script style link meta br hr
"""
_VOID: Final = frozenset(_VOID_WORDS.split())
_ELEMENTS: Final = _VOID | frozenset(_WORDS.split())
_ENDS_PARAGRAPH: Final = frozenset(_ENDING_WORDS.split())
_COMMON: Final = frozenset(_COMMON_WORDS.split())
_OPENING: Final = re.compile(r"<([a-zA-Z][a-zA-Z0-9-]*)(\s[^<>]*)?>")
_CLOSING: Final = re.compile(r"</[a-zA-Z][a-zA-Z0-9-]*\s*>")
_CLOSED: Final = re.compile(r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^<>]*)?/>")
_ENTITY: Final = re.compile(r"&(?:[a-zA-Z]+|#\d+|#x[0-9a-fA-F]+);")
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"""\s[a-zA-Z-]+=\s*(?:"[^"]*"|'[^']*')""")
_TAG: Final = re.compile(r"<(/?)([A-Za-z_][\w.:-]*)(?:\s[^<>]*?)?(/?)>")


class _Html(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    around: bool = False


class _Xml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    elements: tuple[str, ...] = ()
    around: bool = False


class _Reader(HTMLParser):
    """What stands at the top, outside any element, and whether an element of HTML is there."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self.known = self.body = self.loose = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (its name is the parser's)
        self.known = self.known or tag in _ELEMENTS or "-" in tag
        self.body = self.body or tag == "body"
        if tag in _ENDS_PARAGRAPH and self._open[-1:] == ["p"]:
            self._open.pop()
        if tag not in _VOID and tag not in ("html", "body"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # a browser does not read the slash

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.loose = self.loose or (not self._open and bool(data.strip()))


def html_problem(text: str) -> str:
    """Why a text is no HTML as a whole; empty: it is."""
    told = text.strip()
    if not told:
        return "It is empty."
    if told[:5].casefold() == "<?xml":
        return "It is XML."
    reader = _Reader()
    reader.feed(told)
    reader.close()
    if reader.loose and not reader.body:
        return "Some of its text stands outside any element."
    return "" if reader.known else "It has no element of HTML."


def has_html(text: str) -> bool:
    """Two signs at least: an element with both its tags, a common element and a document type count twice."""
    openings = _OPENING.findall(text)
    closing = _CLOSING.search(text) is not None
    signs = 2 * (bool(openings) and closing) or int(bool(openings) or closing)
    signs += sum(found.search(text) is not None for found in (_CLOSED, _ENTITY, _COMMENT, _ATTRIBUTE))
    signs += 2 * (re.search(r"<!doctype\s+html", text, re.IGNORECASE) is not None)
    signs += 2 * any(name.casefold() in _COMMON for name in re.findall(r"<([a-zA-Z][a-zA-Z0-9]*)\b", text))
    return signs >= 2


def _is_html(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Html, options, "is_html")

    def one(sample: Sample) -> Measure:
        if chosen.around:
            return Measure(value=float(has_html(sample.output)))
        problem = html_problem(sample.output)
        return Measure(value=float(not problem), reason=problem)

    card = MetricCard(
        name="is_html",
        title="Is HTML",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when the answer has an element of HTML and no text outside elements. With around: 1 when two signs "
        "of HTML stand somewhere in it (tags, entities, comments, attributes). A browser takes any text.",
        options={"around": "HTML among other text is enough (false)"},
        tasks=_TASKS,
    )
    return OfEach(card, one)


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """From where to where elements stand in a text, the outer ones first at each place."""
    tags = list(_TAG.finditer(text))[: _MOST_CANDIDATES * 2]
    for number, start in enumerate(tags[:_MOST_CANDIDATES]):
        if start[1]:
            continue
        if start[3]:
            yield start.span()
            continue
        depth = 0
        for tag in tags[number:]:
            if tag[2] != start[2] or tag[3]:
                continue
            depth += -1 if tag[1] else 1
            if not depth:
                yield start.start(), tag.end()
                break


def _lacking(root: Element, elements: tuple[str, ...]) -> list[str]:
    return [path for path in elements if not _has([root], path.split("."), top=True)]


def _has(found: list[Element], path: list[str], *, top: bool = False) -> bool:
    """Names from the root down, a number among several of a name, or an attribute (`@_name`) at the end."""
    for place, name in enumerate(path):
        if name.startswith("@_"):
            return place == len(path) - 1 and any(name[2:] in each.attrib for each in found)
        if name.isdigit() and not top:
            found = found[int(name) : int(name) + 1] if len(found) > 1 else []  # a place among several of a name
        else:
            inner = found if top else [child for each in found for child in each]
            found = [each for each in inner if _local(each.tag) == name.rpartition(":")[2]]
        top = False
        if not found:
            return False
    return True


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _xml_elements(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Xml, options, "xml_elements")

    def whole(text: str) -> Measure:
        problem = xml_problem(text)
        if problem:
            return Measure(value=0.0, reason=problem)
        lacking = _lacking(fromstring(text.strip()), chosen.elements)  # noqa: S314 (it has no document type)
        return Measure(value=float(not lacking), reason=f"It lacks {', '.join(lacking)}." if lacking else "")

    def one(sample: Sample) -> Measure:
        if not chosen.around:
            return whole(sample.output)
        end, last = 0, Measure(value=0.0, reason="There is no XML in it.")
        for start, stop in _pieces(sample.output):
            if start < end:
                continue  # within an element that was looked at
            text = sample.output[start:stop]
            last = whole(text)
            if last.value:
                return last
            end = stop if not xml_problem(text) else end
        return last

    card = MetricCard(
        name="xml_elements",
        title="Has these elements of XML",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when the answer is XML in which each of these paths leads to an element. As in is_xml, a "
        "document type is refused.",
        options={
            "elements": "paths from the root: order.item.name, order.item.0, order.@_id (none)",
            "around": "XML among other text is enough (false)",
        },
        tasks=_TASKS,
    )
    return OfEach(card, one)


MAKING: Final[Mapping[str, Making]] = {"is_html": _is_html, "xml_elements": _xml_elements}
