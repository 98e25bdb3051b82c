"""Surfaces: every text of every body in every dialect, and the place to put another one.

asked      the texts of a request
answered   the texts of an answer that is not a stream
Document   texts with provenance and place; the same body with other texts
"""

from genaiops.guard.surfaces._bodies import answered, asked
from genaiops.guard.surfaces._document import Document
from genaiops.guard.surfaces._grammar import Provenance
from genaiops.guard.surfaces._walk import Part, Unread

__all__ = ["Document", "Part", "Provenance", "Unread", "answered", "asked"]


class Rewriter:  # TEMPORARY
    def __init__(self, operation, dialect, channel): ...
