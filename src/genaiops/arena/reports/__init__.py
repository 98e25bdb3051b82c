"""Reports of a run, as others read them: JUnit XML for build servers, JSON lines for programs, Markdown for a pull
request, one HTML file for people, which asks nothing of a network, and PDF to file and print. And of a selection
and of a sweep, for people."""

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
from genaiops.arena.reports._reported import WORDS as VERDICT_WORDS
from genaiops.arena.reports._reported import Reported, reported, statement
from genaiops.arena.reports._sections import SECTIONED_FORMATS, Section, Sectioned
from genaiops.arena.reports._selection import SELECTION_FORMATS, approved, candidates, how, pairs, retrieval, stands_on
from genaiops.arena.reports._selection_pdf import selection_pdf
from genaiops.arena.reports._sweep import (
    SWEEP_FORMATS,
    cells_table,
    counted,
    findings,
    parts_table,
    steps_table,
    sweep_how,
)
from genaiops.arena.reports._sweep_charts import LINES, curve, heat
from genaiops.arena.reports._sweep_pdf import sweep_pdf
from genaiops.arena.reports._value import Value, value_of

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
    "LINES",
    "SECTIONED_FORMATS",
    "SELECTION_FORMATS",
    "SWEEP_FORMATS",
    "VERDICT_WORDS",
    "WORDS",
    "Reported",
    "Section",
    "Sectioned",
    "Value",
    "approved",
    "candidates",
    "cells_table",
    "check_pdf",
    "counted",
    "curve",
    "event_requests",
    "findings",
    "heat",
    "how",
    "html",
    "jsonl",
    "junit",
    "markdown",
    "pairs",
    "panels",
    "pareto",
    "parts_table",
    "pdf",
    "reported",
    "retrieval",
    "selection_pdf",
    "stands_on",
    "statement",
    "steps_table",
    "sweep_how",
    "sweep_pdf",
    "value_of",
]
