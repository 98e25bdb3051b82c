"""The ARENA: suites of cases, who answers them, what is checked of the answers, and the gate that decides."""

from genaiops.arena._answering import Busy
from genaiops.arena._asking import CHAT, Ask, Endpoint, asked, asker
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
from genaiops.arena._cases import Rows, cases_of, cases_of_text, file_rows
from genaiops.arena._criteria import UNITS, Criterion, Measured
from genaiops.arena._decision import PREFIX as SELECTION_PREFIX
from genaiops.arena._decision import Decision, DecisionState, decided, kept_decision
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
from genaiops.arena._experiment import gate_words, look_at, thinned, told, unit_of
from genaiops.arena._forecast import Forecast, ForecastLine, forecast, told_days
from genaiops.arena._gate import decides, judge
from genaiops.arena._gate_report import GateLine, GateReport
from genaiops.arena._judged_claims import JudgedClaim, JudgedClaims, judged_claims
from genaiops.arena._judges import Judges, judges_of, programs_of, runs_programs, scripts_of, target_of, weights_of
from genaiops.arena._kpis import WORDS as KPI_WORDS
from genaiops.arena._kpis import KpiLine, check_of, kpi_fault, kpi_judged, kpi_line, measured
from genaiops.arena._kpis import reported as reported_kpi
from genaiops.arena._live import TARGET as LIVE
from genaiops.arena._live import LiveCheck, live_checks, live_facts, with_judges
from genaiops.arena._packed import Packed, pack, unpack
from genaiops.arena._pairs import Pair
from genaiops.arena._parts import Parts, asked_media, parts_of, picture_url, templated
from genaiops.arena._people import People
from genaiops.arena._plan import USUAL_MARGINS, Plan, PlanAsked, PlanRow, planned, spread_of
from genaiops.arena._prompt_versions import side_by_side
from genaiops.arena._rescoring import Benchmark, Figure, Rescorer, figures
from genaiops.arena._runner import Progress, Runner
from genaiops.arena._scoring import Scorer, asks, sample_of, threshold_of
from genaiops.arena._selecting import Candidate, Selection, select
from genaiops.arena._selection import CandidateFacts, FoundFacts, Risk, SelectionAsked, read_selection
from genaiops.arena._shots import Near
from genaiops.arena._sliced import Sliced, sliced
from genaiops.arena._starting import Proposal, proposal, proposed, starting_suite
from genaiops.arena._suite_text import (
    PROD,
    ReadSuite,
    read_suite,
    read_suite_document,
    suite_manifest,
    suite_schema,
)
from genaiops.arena._suite_writing import written_suite
from genaiops.arena._sweep import SweepAsked, is_sweep, sweep_suite
from genaiops.arena._sweeping import Counting, Enough, PartTokens, Sweep, SweepCell, SweepStep, swept
from genaiops.arena._tables import Column, Columns, Tables
from genaiops.arena._watching import WATCH, Watched, references, seconds, watched

__all__ = [
    "CHAT",
    "KPI_WORDS",
    "LIVE",
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
    "Columns",
    "Counting",
    "Criterion",
    "Decision",
    "DecisionState",
    "Endpoint",
    "Enough",
    "FailureDocument",
    "Figure",
    "Forecast",
    "ForecastLine",
    "FoundFacts",
    "GateLine",
    "GateReport",
    "JudgedClaim",
    "JudgedClaims",
    "Judges",
    "KpiLine",
    "Labelled",
    "LiveCheck",
    "Measured",
    "Near",
    "Packed",
    "Pair",
    "PartTokens",
    "Parts",
    "People",
    "Plan",
    "PlanAsked",
    "PlanRow",
    "Progress",
    "Proposal",
    "Purse",
    "Ran",
    "ReadSuite",
    "Reads",
    "Rescorer",
    "Risk",
    "Rows",
    "RunDocument",
    "Runner",
    "Scorer",
    "Selection",
    "SelectionAsked",
    "Side",
    "Sliced",
    "Sweep",
    "SweepAsked",
    "SweepCell",
    "SweepStep",
    "Tables",
    "UnjudgedDocument",
    "Watched",
    "against_prod",
    "asked",
    "asked_media",
    "asker",
    "asks",
    "beside",
    "board",
    "calibrated",
    "case_document",
    "cases_digest",
    "cases_of",
    "cases_of_text",
    "changed_suite",
    "check_of",
    "decided",
    "decides",
    "evidence_of",
    "failures_of",
    "figures",
    "file_rows",
    "forecast",
    "gate_words",
    "is_sweep",
    "judge",
    "judged_claims",
    "judges_of",
    "kept_decision",
    "kpi_fault",
    "kpi_judged",
    "kpi_line",
    "live_checks",
    "live_facts",
    "look_at",
    "measured",
    "new_run",
    "pack",
    "parts_of",
    "picture_url",
    "pinned_suite",
    "planned",
    "programs_of",
    "proposal",
    "proposed",
    "read_labels",
    "read_selection",
    "read_suite",
    "read_suite_document",
    "references",
    "reported_kpi",
    "run_document",
    "run_place",
    "runs_programs",
    "sample_of",
    "scripts_of",
    "seconds",
    "select",
    "side_by_side",
    "sliced",
    "spread_of",
    "starting_suite",
    "suite_manifest",
    "suite_schema",
    "sweep_suite",
    "swept",
    "target_of",
    "templated",
    "thinned",
    "threshold_of",
    "told",
    "told_days",
    "tried_of",
    "unit_of",
    "unjudged_of",
    "unpack",
    "watched",
    "weights_of",
    "with_judges",
    "written_suite",
]
