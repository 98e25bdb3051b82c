"""Reports of a run, as others read them: JUnit XML for build servers, JSON lines for programs, Markdown for a pull
request, one HTML file for people, which asks nothing of a network, and PDF to file and print. And of a selection,
for people."""

from collections.abc import Callable, Mapping
from typing import Final

from genaiops.arena.reports._events import event_requests
from genaiops.arena.reports._html import html
from genaiops.arena.reports._jsonl import jsonl
from genaiops.arena.reports._junit import junit
from genaiops.arena.reports._markdown import markdown
from genaiops.arena.reports._pareto import WORDS, panels, pareto
from genaiops.arena.reports._pdf import pdf
from genaiops.arena.reports._pdf_text import check_pdf
from genaiops.arena.reports._reported import Reported, reported, statement
from genaiops.arena.reports._selection import SELECTION_FORMATS, approved, candidates, how, pairs, retrieval, stands_on

FORMATS: Final[Mapping[str, Callable[[Reported], str | bytes]]] = {
    "junit": junit,
    "jsonl": jsonl,
    "markdown": markdown,
    "html": html,
    "pdf": pdf,
}
"""Name -> what writes it."""

__all__ = [
    "FORMATS",
    "SELECTION_FORMATS",
    "WORDS",
    "Reported",
    "approved",
    "candidates",
    "check_pdf",
    "event_requests",
    "how",
    "html",
    "jsonl",
    "junit",
    "markdown",
    "pairs",
    "panels",
    "pareto",
    "pdf",
    "reported",
    "retrieval",
    "stands_on",
    "statement",
]
