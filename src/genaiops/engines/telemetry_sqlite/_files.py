"""Which content file a time belongs to, and which files there are.

Content of a span is filed under the UTC day of its start: `content-YYYYMMDD.db`. A start more than BACK days before its
arrival or more than AHEAD days after it goes to `content-YYYYMMDD-outside.db`, named by the day of ARRIVAL: however
wild clocks and imports are, there are never more than BACK + AHEAD + 1 young day files, and one file of outliers for a
day of arrival. Searches merge both kinds by the spans' own starts, so neither hides the other.
"""

import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

DAY_US: Final = 86_400_000_000
SECOND_US: Final = 1_000_000
BACK: Final = 400
AHEAD: Final = 1

SLOT_BITS: Final = 18
"""A second of one file holds at most this power of two of payloads."""

SLOTS: Final = 1 << SLOT_BITS
_LAST_SECOND: Final = (1 << 34) - 1

_NAME = re.compile(r"content-(\d{8})(-outside)?\.db")
_EPOCH = date(1970, 1, 1)


class ContentFile(msgspec.Struct, frozen=True, order=True):
    """`day` counts from the epoch: of the starts in the file, or of the arrival when `outside`."""

    day: int
    outside: bool = False

    @property
    def name(self) -> str:
        label = (_EPOCH + timedelta(days=self.day)).strftime("%Y%m%d")
        return f"content-{label}{'-outside' if self.outside else ''}.db"

    def path(self, folder: Path) -> Path:
        return folder / self.name

    def second(self, start_us: int) -> int:
        """What the upper bits of ids are made of: the second of the day or, outside, of all time (what is beyond is
        clamped).
        """
        second = start_us // SECOND_US
        if self.outside:
            return max(0, min(second, _LAST_SECOND))
        return second - self.day * 86_400

    def first_id(self, start_us: int) -> int:
        """The lowest id a payload of that start's second can have; starts before or after the day are allowed."""
        return max(-1, min(self.second(start_us), _LAST_SECOND)) << SLOT_BITS


def file_of(start_us: int, arrival_us: int) -> ContentFile:
    day, today = start_us // DAY_US, arrival_us // DAY_US
    if today - BACK <= day <= today + AHEAD:
        return ContentFile(day)
    return ContentFile(today, outside=True)


def file_named(name: str) -> ContentFile | None:
    """The file that has that name; None when none can have it."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        day = datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return ContentFile((day - _EPOCH).days, match[2] is not None)


def content_files(folder: Path) -> list[ContentFile]:
    """All that exist now, in no order; other files are ignored."""
    names = os.listdir(folder)  # noqa: PTH208 (names are all that is needed)
    return [file for name in names if (file := file_named(name)) is not None]


def remove(path: Path) -> None:
    """The database first: without it nobody opens the rest. Readers that have it open keep reading what they opened."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
