"""Surfaces: every text of every body in every dialect, and the place to put another one.

says       whether a name of a field is more than a name
asked      the texts of a request
answered   the texts of an answer that is not a stream
usual_request, usual_answer   texts of bodies as most calls have them, without places
Document   texts with provenance and place; the same body with other texts
Splitter   server-sent events, whole
Rewriter   a stream of answers, whose texts go out as their channels let them
"""

from genaiops.guard.surfaces._arguments import Channel
from genaiops.guard.surfaces._bodies import answered, asked
from genaiops.guard.surfaces._document import Document
from genaiops.guard.surfaces._events import Splitter
from genaiops.guard.surfaces._grammar import Provenance
from genaiops.guard.surfaces._rewriter import Rewriter
from genaiops.guard.surfaces._script import NewChannel
from genaiops.guard.surfaces._usual import BETWEEN, usual_answer, usual_request
from genaiops.guard.surfaces._walk import NAME_OF, Part, Unread, says

__all__ = [
    "BETWEEN",
    "NAME_OF",
    "Channel",
    "Document",
    "NewChannel",
    "Part",
    "Provenance",
    "Rewriter",
    "Splitter",
    "Unread",
    "answered",
    "asked",
    "says",
    "usual_answer",
    "usual_request",
]
