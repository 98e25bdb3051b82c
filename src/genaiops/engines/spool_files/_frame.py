"""The frame: header, record (MessagePack), raw body.

    offset  bytes  little-endian
    0       2      magic `gS`
    2       1      format, 1
    3       1      0; ASIDE when the body is a number (8 bytes) and a length (8), of a file of the same folder
    4       4      length of the record
    8       8      length of the body
    16      4      CRC-32 of bytes 0..15, the record and the first CHECKED bytes of the body

That file is `<segment>-<number>.body`; large bodies are written to it by another thread before their frame.

The sum reaches over the start of the body only: over 200 KB it would cost more than the rest of the call. What it is
there for is a frame that was torn or whose lengths are wrong. After a bad frame the rest of the segment is not searched
for a next one: bodies come from clients, and one could hold a forged frame.
"""

import re
import struct
from pathlib import Path
from typing import Final

HEADER: Final = struct.Struct("<2sBBIQI")
HEADER_START: Final = struct.Struct("<2sBBIQ")
MAGIC: Final = b"gS"
FORMAT: Final = 1
CHECKED: Final = 1024
ASIDE: Final = 1
PLACE: Final = struct.Struct("<QQ")

LIFE: Final = re.compile(r"w(\d{1,2})-(\d{1,20})")
SEGMENT: Final = re.compile(r"(\d{8})\.spool")
ALIVE: Final = "alive"
BODY: Final = re.compile(r"(\d{8})-\d{1,20}\.body")
MAKING: Final = ".part"
"""The ending of a body whose frame is not written yet."""


def segment_path(life: Path, number: int) -> Path:
    return life / f"{number:08d}.spool"


def life_name(column: int, life_us: int) -> str:
    return f"w{column}-{life_us}"


def body_path(life: Path, segment: int, number: int) -> Path:
    return life / f"{segment:08d}-{number}.body"
