"""Watching: spools folded into telemetry, and the figures and documents that are read from it."""

from genaiops.watch._abuse import AbuseBounds, AbuseWatch
from genaiops.watch._alike import masked
from genaiops.watch._anomalies import SPENDERS, Spend, spend_anomalies
from genaiops.watch._answered import answered_with
from genaiops.watch._caches import RouteCache, Similarities, hit_rate, route_caches, similarities
from genaiops.watch._disparity import DisparityBounds, DisparityWatch
from genaiops.watch._documents import conversation, root_of, row_of, trace_document, trace_row_document
from genaiops.watch._energy import Machine, Metering
from genaiops.watch._erased import ERASED, erased_content
from genaiops.watch._examples import trace_example
from genaiops.watch._experiment_checks import (
    LookedAt,
    WaitingCall,
    WaitingCalls,
    calls_to_check,
    keep_looked_at,
    keep_spent,
)
from genaiops.watch._experiment_sample import traffic
from genaiops.watch._experiments import ExperimentReader, erase_from_experiments
from genaiops.watch._figures import (
    BudgetState,
    Overview,
    TargetHealth,
    Totals,
    UsageRow,
    budget_states,
    overview,
    target_health,
    usage,
)
from genaiops.watch._fold import Folder
from genaiops.watch._forecast import Forecast, budget_forecasts, forecast
from genaiops.watch._guard_alerts import Troubles
from genaiops.watch._guard_figures import FalseAlarms, GuardPoint, RuleFigures, guard_points, rule_figures
from genaiops.watch._marks import Marked, Marking, found_verdict, guard_case, mark_note, mark_verdict
from genaiops.watch._media import medium
from genaiops.watch._repricing import RepricedCall, RepricedModel, Repricing, reprice
from genaiops.watch._shadows import SHADOW_KEY, Likeness, Pair, ShadowLine, ShadowReport, shadow_report
from genaiops.watch._shares import RouteShare, UnknownPrice, route_shares, unknown_prices
from genaiops.watch._text import ToolCall, Turn
from genaiops.watch._uncounted import budget_unknowns
from genaiops.watch._uses import Called, Caller, calls_with, word_of
from genaiops.watch._verdicts import SEVERITY, verdict_document, verdict_row_document
from genaiops.watch._vitals import Latency, cores_used, latencies, machine_busy

__all__ = [
    "ERASED",
    "SEVERITY",
    "SHADOW_KEY",
    "SPENDERS",
    "AbuseBounds",
    "AbuseWatch",
    "BudgetState",
    "Called",
    "Caller",
    "DisparityBounds",
    "DisparityWatch",
    "ExperimentReader",
    "FalseAlarms",
    "Folder",
    "Forecast",
    "GuardPoint",
    "Latency",
    "Likeness",
    "LookedAt",
    "Machine",
    "Marked",
    "Marking",
    "Metering",
    "Overview",
    "Pair",
    "RepricedCall",
    "RepricedModel",
    "Repricing",
    "RouteCache",
    "RouteShare",
    "RuleFigures",
    "ShadowLine",
    "ShadowReport",
    "Similarities",
    "Spend",
    "TargetHealth",
    "ToolCall",
    "Totals",
    "Troubles",
    "Turn",
    "UnknownPrice",
    "UsageRow",
    "WaitingCall",
    "WaitingCalls",
    "answered_with",
    "budget_forecasts",
    "budget_states",
    "budget_unknowns",
    "calls_to_check",
    "calls_with",
    "conversation",
    "cores_used",
    "erase_from_experiments",
    "erased_content",
    "forecast",
    "found_verdict",
    "guard_case",
    "guard_points",
    "hit_rate",
    "keep_looked_at",
    "keep_spent",
    "latencies",
    "machine_busy",
    "mark_note",
    "mark_verdict",
    "masked",
    "medium",
    "overview",
    "reprice",
    "root_of",
    "route_caches",
    "route_shares",
    "row_of",
    "rule_figures",
    "shadow_report",
    "similarities",
    "spend_anomalies",
    "target_health",
    "trace_document",
    "trace_example",
    "trace_row_document",
    "traffic",
    "unknown_prices",
    "usage",
    "verdict_document",
    "verdict_row_document",
    "word_of",
]
