"""What kind of media some bytes are, and how long audio plays by its headers (WAV, MP3, Ogg, FLAC, MP4).

Sources: Microsoft's RIFF/WAVE description, ISO 11172-3 and 13818-3 with Xing's and LAME's header, RFC 3533 and 7845,
RFC 9639, ISO 14496-12. What is not understood is not known (None); nothing here raises for any input.
"""

import struct

Data = bytes | bytearray | memoryview

_WINDOW = 1 << 16
_LONGEST_MS = 1 << 40
_MOST_MOOV = 4 << 20
_FASTEST = 384_000
"""Samples a second."""

_RATES_V1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_RATES_V2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""Kilobits a second of layer III."""

_SAMPLES = (44_100, 48_000, 32_000)


def duration_ms(data: Data) -> int | None:
    """Milliseconds, rounded up."""
    view = memoryview(data)
    head = bytes(view[:16])
    try:
        if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
            found = _wav(view, exact=False)
        elif head[:4] == b"OggS":
            found = _ogg(view)
        elif head[:4] == b"fLaC":
            found = _flac(view)
        elif head[4:8] == b"ftyp":
            found = _mp4(view)
        else:
            found = _mp3(view)
    except (struct.error, IndexError, ZeroDivisionError, OverflowError):
        return None
    return found if found is not None and 0 <= found < _LONGEST_MS else None


def exact_ms(data: Data) -> int | None:
    """As `duration_ms`, but only where the size decides and nothing in the file can say less than it plays: WAV of
    plain samples."""
    view = memoryview(data)
    if bytes(view[:4]) != b"RIFF" or bytes(view[8:12]) != b"WAVE":
        return None
    try:
        return _wav(view, exact=True)
    except (struct.error, ZeroDivisionError):
        return None


def kind_of(data: Data) -> str | None:
    """The media type that the first bytes tell; None: none that is known here."""
    head = bytes(memoryview(data)[:16])
    if head[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"avif", b"avis"):
            return "image/avif"
        return "video/mp4" if _shows(memoryview(data)) else "audio/mp4"
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0:
        return "audio/aac" if head[1] & 0xF6 == 0xF0 else "audio/mpeg"
    return None


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", "audio/webm"),
)


def _shows(view: memoryview) -> bool:
    """Whether an MP4 has a track of pictures (its handler is `vide`)."""
    at = 0
    try:
        for _ in range(64):
            size, name = struct.unpack_from(">I4s", view, at)
            if name == b"moov":
                return b"hdlr" in (moov := bytes(view[at : at + min(size, _MOST_MOOV)])) and b"\0\0\0\0vide" in moov
            if size == 1:
                (size,) = struct.unpack_from(">Q", view, at + 8)
            if size < 8:
                return False
            at += size
    except struct.error:
        return False
    return False


def _wav(view: memoryview, *, exact: bool) -> int | None:
    """`exact`: all that follows the beginning of the samples counts, whatever the chunk says of its size."""
    at, rate, block, seen = 12, 0, 0, False
    for _ in range(64):
        name, size = struct.unpack_from("<4sI", view, at)
        at += 8
        if name == b"fmt ":
            coding, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", view, at)
            plain = coding in (1, 3) and 0 < block * 8 == channels * bits and 0 < rate <= _FASTEST
            if exact and (seen or not plain):
                return None
            seen = True
        elif name == b"data":
            there = len(view) - at
            size = there if exact else min(size, there)  # a stream's header says 0xFFFFFFFF, or 0
            return -(-(size // block) * 1000 // rate)
        at += size + (size & 1)
    return None


def _ogg(view: memoryview) -> int | None:
    head = bytes(view[:512])
    tail = bytes(view[-_WINDOW:])
    last = tail.rfind(b"OggS")
    (granule,) = struct.unpack_from("<q", tail, last + 6)
    opus, vorbis = head.find(b"OpusHead"), head.find(b"\x01vorbis")
    if last < 0 or granule < 0:
        return None
    if opus >= 0:
        (skip,) = struct.unpack_from("<H", head, opus + 10)
        return -(-max(0, granule - skip) // 48)
    if vorbis >= 0:
        (rate,) = struct.unpack_from("<I", head, vorbis + 12)
        return -(-granule * 1000 // rate)
    return None


def _flac(view: memoryview) -> int | None:
    packed = int.from_bytes(view[18:26], "big")
    rate, total = packed >> 44, packed & ((1 << 36) - 1)
    return -(-total * 1000 // rate) if total else None


def _mp4(view: memoryview) -> int | None:
    """`moov/mvhd`, wherever `moov` stands among the outermost boxes."""
    at, end = 0, len(view)
    for _ in range(64):
        size, name = struct.unpack_from(">I4s", view, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", view, start)
            start += 8
        if name == b"mvhd":
            if view[start]:
                scale, length = struct.unpack_from(">IQ", view, start + 20)
            else:
                scale, length = struct.unpack_from(">II", view, start + 12)
            return -(-length * 1000 // scale)
        at = start if name == b"moov" else at + size
        if size < 8 or at >= end:
            return None
    return None


def _mp3(view: memoryview) -> int | None:
    """By Xing's count of frames, else by the first frame's rate and the size (exact where the rate is constant)."""
    at = 0
    if bytes(view[:3]) == b"ID3":
        size = view[6:10]
        at = 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
    (word,) = struct.unpack_from(">I", view, at)
    version, layer = word >> 19 & 3, word >> 17 & 3
    if word >> 21 != 0x7FF or version == 1 or layer != 1:
        return None
    rate = _SAMPLES[word >> 10 & 3] >> {3: 0, 2: 1, 0: 2}[version]
    kilobits = (_RATES_V1 if version == 3 else _RATES_V2)[word >> 12 & 15]
    samples = 1152 if version == 3 else 576
    head = bytes(view[at : at + 64])
    mark = max(head.find(b"Xing"), head.find(b"Info"))
    if mark >= 0:
        flags, frames = struct.unpack_from(">II", head, mark + 4)
        if flags & 1:
            return -(-frames * samples * 1000 // rate)
    return -(-(len(view) - at) * 8 // kilobits)
