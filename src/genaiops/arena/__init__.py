"""The ARENA: suites of cases, who answers them, what is checked of the answers, and the gate that decides."""

from genaiops.arena._asking import CHAT, Ask, Busy, Endpoint, asked, asker, templated
from genaiops.arena._cases import Rows, cases_of
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
    "Ask",
    "Busy",
    "Column",
    "Endpoint",
    "GateLine",
    "GateReport",
    "Progress",
    "ReadSuite",
    "Rows",
    "Runner",
    "Scorer",
    "Tables",
    "asked",
    "asker",
    "cases_of",
    "decides",
    "judge",
    "read_suite",
    "read_suite_document",
    "sample_of",
    "suite_manifest",
    "suite_schema",
    "templated",
    "threshold_of",
]
