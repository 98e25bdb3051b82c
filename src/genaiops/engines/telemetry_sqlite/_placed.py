"""How spans that other programs told of stand among those that are there."""

from typing import NamedTuple

from genaiops.domain import Span, Standing
from genaiops.engines.telemetry_sqlite._payloads import SpanKey


class Change(NamedTuple):
    """A span that is there and stands otherwise now."""

    span: Span
    before: Standing
    now: Standing


class Placed(NamedTuple):
    """`standing` of new spans that others told of, by key; what changed of those that are there."""

    standing: dict[SpanKey, Standing]
    changes: list[Change]


NOTHING = Placed({}, [])
