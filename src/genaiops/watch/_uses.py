"""Who calls with a version of a prompt, as the traces say."""

from collections.abc import Sequence
from typing import Final

import msgspec

from genaiops.ports.telemetry import Telemetry, TraceFilter, property_word
from genaiops.watch._spans import PROMPT_NAME, PROMPT_VERSION

_MOST: Final = 500
"""Calls that are looked at for one version."""
_PAGES: Final = 8
"""Pages may be short: so many are asked for."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Calls with a version of a prompt, of one application (None: of none) by one key in one environment."""

    version_id: str
    application: str | None
    key_id: str | None
    environment_id: str | None
    calls: int
    last_us: int


class Called(msgspec.Struct, frozen=True):
    """Most calls first. `more`: of some version only the latest calls were looked at."""

    callers: Sequence[Caller]
    more: bool


def calls_with(
    telemetry: Telemetry, version_ids: Sequence[str], *, since_us: int, environment_id: str | None = None
) -> Called:
    """Of versions of one prompt (`prompt/support/answer@sha256:...`): by name or pinned by a release alike."""
    found: list[Caller] = []
    more = False
    if not version_ids or not _any(telemetry, version_ids[0], since_us, environment_id):
        return Called((), more=False)
    for version_id in version_ids:
        callers, cut = _of(telemetry, version_id, since_us, environment_id)
        found += callers
        more = more or cut
    return Called(sorted(found, key=lambda each: (-each.calls, -each.last_us)), more)


def word_of(version_id: str) -> str:
    """What finds the traces of a version of a prompt."""
    name, _, digest = version_id.removeprefix("prompt/").partition("@")
    return f"{property_word(PROMPT_NAME, name)} {property_word(PROMPT_VERSION, digest)}"


def _any(telemetry: Telemetry, version_id: str, since_us: int, environment_id: str | None) -> bool:
    """Most prompts are not called at all: one search tells."""
    name = version_id.removeprefix("prompt/").partition("@")[0]
    where = TraceFilter(text=property_word(PROMPT_NAME, name), since_us=since_us, environment_id=environment_id)
    page = telemetry.list(where, limit=1)
    return bool(page.rows) or page.next is not None


def _of(
    telemetry: Telemetry, version_id: str, since_us: int, environment_id: str | None
) -> tuple[Sequence[Caller], bool]:
    where = TraceFilter(text=word_of(version_id), since_us=since_us, environment_id=environment_id)
    sums: dict[tuple[str | None, str | None, str | None], tuple[int, int]] = {}
    seen, cursor = 0, None
    for _ in range(_PAGES):
        page = telemetry.list(where, cursor=cursor, limit=_MOST - seen)
        seen += len(page.rows)
        for row in page.rows:
            root = row.root
            who = (root.application, root.key_id, root.environment_id)
            calls, last = sums.get(who, (0, 0))
            sums[who] = (calls + 1, max(last, root.start_us))
        cursor = page.next
        if cursor is None or seen >= _MOST:
            break
    callers = [
        Caller(version_id=version_id, application=app, key_id=key, environment_id=place, calls=calls, last_us=last)
        for (app, key, place), (calls, last) in sums.items()
    ]
    return callers, cursor is not None
