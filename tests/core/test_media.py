"""How long audio plays, by headers made here after the formats' descriptions."""

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.media import duration_ms, exact_ms, kind_of


def wav(seconds: float, rate: int = 8000, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(b"\0" * int(seconds * rate) * width)
    return file.getvalue()


def mp3(frames: int, *, xing: int | None = None) -> bytes:
    """MPEG 1 layer III, 128 kbit/s, 44,100 Hz: frames of 417 bytes."""
    first = bytearray(b"\xff\xfb\x90\x00" + bytes(413))
    if xing is not None:
        first[36:48] = b"Xing" + struct.pack(">II", 1, xing)
    return (
        b"ID3\x04\x00\x00\x00\x00\x00\x0a"
        + bytes(10)
        + bytes(first)
        + (b"\xff\xfb\x90\x00" + bytes(413)) * (frames - 1)
    )


def ogg(granule: int, codec: bytes) -> bytes:
    page = b"OggS\0\x02" + struct.pack("<qIII", 0, 7, 0, 0) + b"\x01\x13" + codec
    return page + bytes(500) + b"OggS\0\x04" + struct.pack("<qIII", granule, 7, 1, 0) + b"\x01\x05audio"


OPUS = b"OpusHead\x01\x01" + struct.pack("<HI", 312, 16_000) + b"\0\0\0"
VORBIS = b"\x01vorbis" + struct.pack("<IBI", 0, 1, 22_050) + bytes(14)
FLAC = b"fLaC\0\0\0\x22" + bytes(10) + ((16_000 << 44) | (1 << 41) | (15 << 36) | 24_000).to_bytes(8, "big") + bytes(16)
MVHD = struct.pack(">IIIII", 0, 0, 0, 1000, 4500)
MP4 = (
    struct.pack(">I4s8s", 16, b"ftyp", b"M4A \0\0\0\0")
    + struct.pack(">I4s", 8 + 8 + len(MVHD), b"moov")
    + struct.pack(">I4s", 8 + len(MVHD), b"mvhd")
    + MVHD
)


@pytest.mark.parametrize(
    ("data", "kind", "length"),
    [
        (wav(1.25), "audio/wav", 1250),
        (wav(0.5, 44_100, 1), "audio/wav", 500),
        (wav(1)[:40] + b"\xff\xff\xff\xff" + bytes(16_000), "audio/wav", 1000),
        (mp3(100), "audio/mpeg", 2607),
        (mp3(10, xing=1000), "audio/mpeg", 26_123),
        (ogg(48_312, OPUS), "audio/ogg", 1000),
        (ogg(44_100, VORBIS), "audio/ogg", 2000),
        (FLAC, "audio/flac", 1500),
        (MP4, "audio/mp4", 4500),
        (b"\x1a\x45\xdf\xa3webm", "audio/webm", None),
        (b"\x89PNG\r\n\x1a\n", "image/png", None),
        (b"<html>", None, None),
        (b"", None, None),
    ],
)
def test_kinds_and_lengths(data: bytes, kind: str | None, length: int | None) -> None:
    assert kind_of(data) == kind
    assert duration_ms(bytearray(data)) == length


def test_only_plain_samples_are_exact() -> None:
    assert exact_ms(wav(2)) == 2000
    shortened = bytearray(wav(2))
    shortened[40:44] = struct.pack("<I", 100)  # the chunk says less than there is
    assert exact_ms(shortened) == 2000
    for at, form, value in ((20, "<H", 85), (24, "<I", 4_000_000_000), (32, "<H", 9), (34, "<H", 0)):
        lying = bytearray(wav(2))
        struct.pack_into(form, lying, at, value)
        assert exact_ms(lying) is None
    assert exact_ms(mp3(10)) is None


WAVE = b"RIFF\0\0\0\0WAVE"


@given(
    st.binary(max_size=200),
    st.sampled_from(
        [b"", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt ", b"OggS", b"fLaC", b"ID3", b"\xff\xfb", MP4[:24]]
    ),
)
def test_no_bytes_raise(rest: bytes, start: bytes) -> None:
    for data in (start + rest, start + rest + b"OggS" + rest):
        found = duration_ms(data)
        assert found is None or found >= 0
        exact = exact_ms(data)
        assert exact is None or exact >= 0
        kind_of(data)
