"""The ARENA: suites of cases, who answers them, what is checked of the answers, and the gate that decides."""

from genaiops.arena._asking import CHAT, Ask, Busy, Endpoint, asked, asker
from genaiops.arena._beginning import TARGET, against_prod, changed_suite, new_run, pinned_suite, run_place
from genaiops.arena._cases import Rows, cases_of, file_rows
from genaiops.arena._documents import CaseDocument, RunDocument, case_document, run_document
from genaiops.arena._gate import GateLine, GateReport, decides, judge
from genaiops.arena._runner import Progress, Runner
from genaiops.arena._scoring import Scorer, sample_of, threshold_of
from genaiops.arena._suite_text import (
    PROD,
    ReadSuite,
    read_suite,
    read_suite_document,
    suite_manifest,
    suite_schema,
)
from genaiops.arena._tables import Column, Tables

__all__ = [
    "CHAT",
    "PROD",
    "TARGET",
    "Ask",
    "Busy",
    "CaseDocument",
    "Column",
    "Endpoint",
    "GateLine",
    "GateReport",
    "Progress",
    "ReadSuite",
    "Rows",
    "RunDocument",
    "Runner",
    "Scorer",
    "Tables",
    "against_prod",
    "asked",
    "asker",
    "case_document",
    "cases_of",
    "changed_suite",
    "decides",
    "file_rows",
    "judge",
    "new_run",
    "pinned_suite",
    "read_suite",
    "read_suite_document",
    "run_document",
    "run_place",
    "sample_of",
    "suite_manifest",
    "suite_schema",
    "threshold_of",
]
