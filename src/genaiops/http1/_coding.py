"""Content codings of request bodies: gzip and deflate, never unpacked beyond the limit."""

import asyncio
import zlib

from genaiops.http1.errors import BadRequest, BodyTooLarge, UnsupportedCoding

_OFF_LOOP_BYTES = 32_768
_MAX_CODINGS = 2


def codings_of(header: bytes | None) -> tuple[bytes, ...]:
    """The codings to undo, last applied first. Raises UnsupportedCoding."""
    if not header:
        return ()
    names = [name.strip().lower() for name in header.split(b",")]
    names = [name for name in names if name not in (b"", b"identity")]
    for name in names:
        if name not in (b"gzip", b"x-gzip", b"deflate"):
            shown = name.decode("ascii", "replace")
            raise UnsupportedCoding(f"The content-encoding {shown!r} is not understood.", remedy="Use gzip or deflate.")
    if len(names) > _MAX_CODINGS:
        raise UnsupportedCoding(f"The body is encoded {len(names)} times; {_MAX_CODINGS} are undone.")
    return tuple(reversed(names))


async def decode(body: bytes | bytearray, codings: tuple[bytes, ...], limit: int) -> bytes | bytearray:
    """`body` without its codings, at most `limit` bytes at every step. Large ones are unpacked off the loop."""
    for coding in codings:
        if len(body) > _OFF_LOOP_BYTES:
            body = await asyncio.to_thread(_inflate, body, coding, limit)
        else:
            body = _inflate(body, coding, limit)
    return body


def _inflate(body: bytes | bytearray, coding: bytes, limit: int) -> bytes:
    if not body:
        return b""
    # "deflate" is zlib's format by the standard and a bare deflate stream from some clients; the first byte tells.
    bare = coding == b"deflate" and (body[0] & 0x0F) != zlib.DEFLATED
    mode = -zlib.MAX_WBITS if bare else zlib.MAX_WBITS | (0 if coding == b"deflate" else 16)
    out: list[bytes] = []
    room = limit
    rest: bytes | bytearray = body
    try:
        while rest:
            unpacker = zlib.decompressobj(mode)
            piece = unpacker.decompress(rest, room + 1)
            room -= len(piece)
            if room < 0:
                raise BodyTooLarge(f"The body unpacks to more than {limit} bytes.", remedy="Send a smaller body.")
            out.append(piece)
            if not unpacker.eof:
                raise BadRequest(f"The {coding.decode()} body ends too early.", remedy="Send the whole body.")
            rest = unpacker.unused_data if mode > zlib.MAX_WBITS else b""  # gzip may have several members
            if unpacker.unused_data and not rest:
                raise BadRequest(f"There are bytes behind the {coding.decode()} body.", remedy="Send one body.")
    except zlib.error as error:
        raise BadRequest(
            f"The body is not valid {coding.decode()}: {error}.", remedy="Check content-encoding."
        ) from None
    return out[0] if len(out) == 1 else b"".join(out)
