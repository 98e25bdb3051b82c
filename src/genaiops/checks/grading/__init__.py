"""Gradings: questions to a model whose answer is a score of its own, and what that answer is read as. Pure."""

from genaiops.checks.grading._prompts import BEST, GRADINGS, Grading, GradingKind, filled
from genaiops.checks.grading._reading import (
    Graded,
    Unread,
    read_attributed,
    read_category,
    read_choice,
    read_evaluation,
    read_extracted,
    read_grade,
    read_lines,
    read_met,
    read_relevant,
    read_steps,
    read_supported,
)

__all__ = [
    "BEST",
    "GRADINGS",
    "Graded",
    "Grading",
    "GradingKind",
    "Unread",
    "filled",
    "read_attributed",
    "read_category",
    "read_choice",
    "read_evaluation",
    "read_extracted",
    "read_grade",
    "read_lines",
    "read_met",
    "read_relevant",
    "read_steps",
    "read_supported",
]
