"""The guard: looks at what comes in and what goes out, by policies.

surfaces    every text of every kind of request, answer and stream, and where it comes from
_program    policies made ready
_inspect    documents under rules
_streams    answers that come piece by piece
_vault      what was taken out, and its way back
"""

from genaiops.guard._guard import WorkerGuards
from genaiops.guard._judge import PolicyJudge

__all__ = ["PolicyJudge", "WorkerGuards"]
