"""What a worker and its process for signing say to each other: frames on pipes.

A frame is two sizes (of its head and of what follows, 4 and 8 bytes, the highest first), a head in MessagePack, and
bodies one after the other.
"""

import struct
from typing import Final

import msgspec

from genaiops.domain import ImageMark
from genaiops.ports.provenance import MadeBy

SIZES: Final = struct.Struct(">IQ")


class Order(msgspec.Struct, frozen=True, array_like=True):
    """`sizes` of the bodies that follow."""

    made: MadeBy
    sizes: tuple[int, ...]


class Done(msgspec.Struct, frozen=True, array_like=True):
    marks: tuple[ImageMark, ...]
    sizes: tuple[int, ...]


def framed(head: Order | Done, bodies: tuple[bytes, ...]) -> list[bytes]:
    """The pieces of a frame, in their order."""
    packed = msgspec.msgpack.encode(head)
    return [SIZES.pack(len(packed), sum(map(len, bodies))), packed, *bodies]


def parted(data: bytes, sizes: tuple[int, ...]) -> tuple[bytes, ...]:
    """The bodies that follow one another."""
    found: list[bytes] = []
    at = 0
    for size in sizes:
        found.append(data[at : at + size])
        at += size
    return tuple(found)
