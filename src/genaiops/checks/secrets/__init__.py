"""Secrets: what opens something, and must not go to a model, come from one, or stand in a trace.

PATTERNS    one row a form, for a `Scanner` or a `Stream`
SERVICES    names under which a value is taken for a key, as an expression
entropy     of a text, in bits a character

A key with a form of its own is told by it, and by its checksum where its giver documents one (then the finding is
`checked`). What has no form is told by what it is called, and by how it varies.
"""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets import _ai, _blocks, _business, _cloud, _credentials, _development, _platforms
from genaiops.checks.secrets._credentials import SERVICES
from genaiops.checks.secrets._judging import entropy

PATTERNS: Final[tuple[Pattern, ...]] = (
    *_ai.PATTERNS,
    *_cloud.PATTERNS,
    *_development.PATTERNS,
    *_business.PATTERNS,
    *_platforms.PATTERNS,
    *_blocks.PATTERNS,
    *_credentials.PATTERNS,
)

__all__ = ["PATTERNS", "SERVICES", "entropy"]
