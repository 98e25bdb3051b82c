"""The guard: looks at what comes in and what goes out, by policies.

surfaces    every text of every kind of request, answer and stream, and where it comes from
_program    policies made ready
_inspect    documents under rules
_streams    answers that come piece by piece
_vault      what was taken out, and its way back
_cases      what a policy shall say of calls, and whether it does
_detectors  what there is to look with, and how good it is
_replay     recorded calls with a candidate and without it
"""

from genaiops.guard._after import judge_later
from genaiops.guard._asking import names_engine
from genaiops.guard._cases import MOST_CASES, Case, CaseResult, CaseVerdict, Expected, read_cases, try_cases
from genaiops.guard._detectors import Detector, DetectorKind, detector_of, detectors
from genaiops.guard._judge import PolicyJudge
from genaiops.guard._recorded import RecordedCall, recorded_call
from genaiops.guard._replay import Progress, ReplaySources, ReplayWish, replay
from genaiops.guard._replay_report import ReplayExample, ReplayReport, RuleDifference
from genaiops.guard._replays import ReplayRun, Replays, Work
from genaiops.guard._sources import sources_of
from genaiops.guard._subjects import topics_of
from genaiops.guard._worker import WorkerGuards

__all__ = [
    "MOST_CASES",
    "Case",
    "CaseResult",
    "CaseVerdict",
    "Detector",
    "DetectorKind",
    "Expected",
    "PolicyJudge",
    "Progress",
    "RecordedCall",
    "ReplayExample",
    "ReplayReport",
    "ReplayRun",
    "ReplaySources",
    "ReplayWish",
    "Replays",
    "RuleDifference",
    "Work",
    "WorkerGuards",
    "detector_of",
    "detectors",
    "judge_later",
    "names_engine",
    "read_cases",
    "recorded_call",
    "replay",
    "sources_of",
    "topics_of",
    "try_cases",
]
