"""Finding what can be told by its form, in whole texts and in texts that come piece by piece.

Pattern     one kind of thing: a regular expression, and what else must hold
Scanner     many patterns at once, by a native engine that is linear in the text
Stream      the same for a text that comes piece by piece
LOOKALIKES  letters of other scripts that look like Latin ones
"""

from genaiops.checks.scanning._fold import LOOKALIKES
from genaiops.checks.scanning._pattern import Pattern
from genaiops.checks.scanning._scanner import Scanner, Wanted
from genaiops.checks.scanning._stream import Stream

__all__ = ["LOOKALIKES", "Pattern", "Scanner", "Stream", "Wanted"]
