"""Reports that are headings and tables: the same content as Markdown, one HTML page, and PDF."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

import msgspec

from genaiops.arena.reports._html import page, table
from genaiops.arena.reports._markdown import plain
from genaiops.arena.reports._pdf import pdf_of
from genaiops.arena.reports._reported import printable


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading with a table (of plain texts), or with what is said where there is nothing in it."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing."


class Sectioned(msgspec.Struct, frozen=True, kw_only=True):
    """`leads`: sentences under the title. `at_us`: of when it is; `name`: what the file calls itself."""

    title: str
    leads: Sequence[str]
    sections: Sequence[Section]
    at_us: int
    name: str


def sections_markdown(said: Sectioned) -> str:
    return "\n".join(_markdown(said)) + "\n"


def _markdown(said: Sectioned) -> Iterator[str]:
    yield from (f"<!-- genaiops report: {plain(said.name)} -->", f"## {plain(said.title)}", "")
    yield from (f"- {plain(lead)}" for lead in said.leads)
    for each in said.sections:
        yield from ("", f"### {plain(each.title)}", "")
        if not each.rows:
            yield plain(each.empty)
            continue
        yield f"| {' | '.join(map(plain, each.head))} |"
        yield f"|{'---|' * len(each.head)}"
        yield from (f"| {' | '.join(map(plain, row))} |" for row in each.rows)


def sections_html(said: Sectioned) -> str:
    body = [f"<h1>{_html(said.title)}</h1>", *(f"<p>{_html(lead)}</p>" for lead in said.leads)]
    for each in said.sections:
        body.append(f"<h2>{_html(each.title)}</h2>")
        body += table(each.head, [[_html(cell) for cell in row] for row in each.rows])
        if not each.rows:
            body.append(f"<p>{_html(each.empty)}</p>")
    return page(printable(said.title), "\n".join(body))


def _html(text: str) -> str:
    return escape(printable(text))


def sections_pdf(said: Sectioned) -> bytes:
    """UsageError when the extra is not installed."""
    tables = [
        (each.title, each.head, each.rows or [(each.empty, *[""] * (len(each.head) - 1))]) for each in said.sections
    ]
    return pdf_of(said.title, said.leads, tables, name=said.name, at_us=said.at_us)


SECTIONED_FORMATS: Final[Mapping[str, Callable[[Sectioned], str | bytes]]] = {
    "markdown": sections_markdown,
    "html": sections_html,
    "pdf": sections_pdf,
}
"""Name -> what writes it."""
