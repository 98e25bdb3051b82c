"""The passages that a recorded call brought along for its answer, as the guard sees them."""

from genaiops.checks.facts import Source
from genaiops.core.errors import GenaiopsError
from genaiops.guard import surfaces
from genaiops.guard._recorded import RecordedCall
from genaiops.guard._whole import PASSAGES


def sources_of(call: RecordedCall) -> list[Source]:
    """What was retrieved and what tools answered, numbered as citations number them. None of what cannot be read."""
    try:
        parts = surfaces.asked(call.operation, call.dialect, call.request, None).parts
    except GenaiopsError:
        return []
    found = [part for part in parts if part.provenance in PASSAGES]
    return [Source(str(at), part.text, part.tool or part.place) for at, part in enumerate(found, 1)]
