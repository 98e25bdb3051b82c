"""Watching: spools folded into telemetry, and the figures and documents that are read from it."""

from genaiops.watch._documents import conversation, row_of, trace_document, trace_row_document
from genaiops.watch._energy import Machine, Metering, busy_seconds
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
from genaiops.watch._media import medium
from genaiops.watch._repricing import RepricedCall, RepricedModel, Repricing, reprice
from genaiops.watch._shares import RouteShare, UnknownPrice, route_shares, unknown_prices
from genaiops.watch._text import ToolCall, Turn

__all__ = [
    "BudgetState",
    "Folder",
    "Forecast",
    "Machine",
    "Metering",
    "Overview",
    "RepricedCall",
    "RepricedModel",
    "Repricing",
    "RouteShare",
    "TargetHealth",
    "ToolCall",
    "Totals",
    "Turn",
    "UnknownPrice",
    "UsageRow",
    "budget_forecasts",
    "budget_states",
    "busy_seconds",
    "conversation",
    "forecast",
    "medium",
    "overview",
    "reprice",
    "route_shares",
    "row_of",
    "target_health",
    "trace_document",
    "trace_row_document",
    "unknown_prices",
    "usage",
]
