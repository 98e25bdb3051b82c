"""The ARENA: suites of cases, who answers them, what is checked of the answers, and the gate that decides."""

from genaiops.arena._asking import CHAT, Ask, Busy, Endpoint, asked, asker, templated
from genaiops.arena._beginning import (
    RED_TEAM,
    TARGET,
    against_prod,
    changed_suite,
    new_run,
    pinned_suite,
    run_place,
    tried_of,
)
from genaiops.arena._beside import Beside, BesideWord, CheckBeside, Side, beside
from genaiops.arena._board import Board, BoardEntry, Ran, Reads, board, cases_digest
from genaiops.arena._bounded import Purse
from genaiops.arena._calibration import Agreed, Labelled, calibrated, read_labels
from genaiops.arena._cases import Rows, cases_of, file_rows
from genaiops.arena._decision import PREFIX as SELECTION_PREFIX
from genaiops.arena._decision import Decision, decided, kept_decision
from genaiops.arena._documents import (
    CaseDocument,
    FailureDocument,
    RunDocument,
    UnjudgedDocument,
    case_document,
    failures_of,
    run_document,
    unjudged_of,
)
from genaiops.arena._evidence import evidence_of
from genaiops.arena._experiment import look_at, thinned, told, unit_of
from genaiops.arena._gate import decides, judge
from genaiops.arena._gate_report import GateLine, GateReport
from genaiops.arena._judges import Judges, judges_of, runs_programs, target_of, weights_of
from genaiops.arena._plan import USUAL_MARGINS, Plan, PlanAsked, PlanRow, planned, spread_of
from genaiops.arena._rescoring import Benchmark, Figure, Rescorer, figures
from genaiops.arena._runner import Progress, Runner
from genaiops.arena._scoring import Scorer, asks, sample_of, threshold_of
from genaiops.arena._selecting import UNITS, Candidate, Criterion, Measured, Pair, Selection, select
from genaiops.arena._selection import CandidateFacts, SelectionAsked, read_selection
from genaiops.arena._starting import starting_suite
from genaiops.arena._suite_text import (
    PROD,
    ReadSuite,
    read_suite,
    read_suite_document,
    suite_manifest,
    suite_schema,
)
from genaiops.arena._tables import Column, Tables
from genaiops.arena._watching import WATCH, Watched, references, seconds, watched

__all__ = [
    "CHAT",
    "PROD",
    "RED_TEAM",
    "SELECTION_PREFIX",
    "TARGET",
    "UNITS",
    "USUAL_MARGINS",
    "WATCH",
    "Agreed",
    "Ask",
    "Benchmark",
    "Beside",
    "BesideWord",
    "Board",
    "BoardEntry",
    "Busy",
    "Candidate",
    "CandidateFacts",
    "CaseDocument",
    "CheckBeside",
    "Column",
    "Criterion",
    "Decision",
    "Endpoint",
    "FailureDocument",
    "Figure",
    "GateLine",
    "GateReport",
    "Judges",
    "Labelled",
    "Measured",
    "Pair",
    "Plan",
    "PlanAsked",
    "PlanRow",
    "Progress",
    "Purse",
    "Ran",
    "ReadSuite",
    "Reads",
    "Rescorer",
    "Rows",
    "RunDocument",
    "Runner",
    "Scorer",
    "Selection",
    "SelectionAsked",
    "Side",
    "Tables",
    "UnjudgedDocument",
    "Watched",
    "against_prod",
    "asked",
    "asker",
    "asks",
    "beside",
    "board",
    "calibrated",
    "case_document",
    "cases_digest",
    "cases_of",
    "changed_suite",
    "decided",
    "decides",
    "evidence_of",
    "failures_of",
    "figures",
    "file_rows",
    "judge",
    "judges_of",
    "kept_decision",
    "look_at",
    "new_run",
    "pinned_suite",
    "planned",
    "read_labels",
    "read_selection",
    "read_suite",
    "read_suite_document",
    "references",
    "run_document",
    "run_place",
    "runs_programs",
    "sample_of",
    "seconds",
    "select",
    "spread_of",
    "starting_suite",
    "suite_manifest",
    "suite_schema",
    "target_of",
    "templated",
    "thinned",
    "threshold_of",
    "told",
    "tried_of",
    "unit_of",
    "unjudged_of",
    "watched",
    "weights_of",
]
