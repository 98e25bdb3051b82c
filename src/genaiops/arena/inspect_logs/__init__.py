"""Logs of Inspect (`.eval`, or JSON), read without Inspect: a run with its answers, scores and errors, or a suite."""

from genaiops.arena.inspect_logs._log import Log, is_inspect_json, open_log
from genaiops.arena.inspect_logs._taken import Taken, taken_over

__all__ = ["Log", "Taken", "is_inspect_json", "open_log", "taken_over"]
