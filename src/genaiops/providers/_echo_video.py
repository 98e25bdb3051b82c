"""The echo provider's videos: real H.264 in MP4, a plain colour that fades, and jobs that nobody has to remember.

A video is coded in intra frames without residuals (ITU-T H.264, Constrained Baseline): the first macroblock of a frame
brings its colour as it is (I_PCM, section 7.3.5), all others repeat their neighbours (Intra_16x16, DC). A frame of
1280x720 has 4 KB so. The file is ISO/IEC 14496-12 and -15: `ftyp`, `moov`, `mdat`.

What there is to know of a job stands in its id: since when, how long, how large, of which colour.
"""

import hashlib
import re
import struct
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from genaiops.core import multipart
from genaiops.core.errors import GenaiopsError
from genaiops.providers._echo_media import Made, Refused, png

FRAMES_A_SECOND = 4
_LONGEST_S, _MOST_PIXELS = 60, 1920 * 1088
_ID = re.compile(r"video_([0-9a-f]{1,12})_(\d{1,2})_(\d{1,4})x(\d{1,4})_([0-9a-f]{6})")
_PATH = re.compile(r"/videos/([^/?]+)(/content|/remix)?(?:\?variant=(\w+))?")
_JSON = b"application/json"


class Missing(Exception):
    """There is no such job."""


class EchoVideos:
    """The jobs of one target, as one worker sees them: what was deleted is remembered until it ends."""

    def __init__(self) -> None:
        self._deleted: set[str] = set()

    def answer(self, method: bytes, path: bytes, body: bytes, step: Mapping[str, str], model: str) -> Made:
        """Refused, Missing."""
        if path == b"/videos":
            return self._begin(body, step, model)
        match = _PATH.fullmatch(path.decode())
        found = _ID.fullmatch(match[1]) if match is not None else None
        if match is None or found is None or found[0] in self._deleted:
            raise Missing
        if method == b"DELETE":
            self._deleted.add(found[0])
            return msgspec.json.encode({"id": found[0], "object": "video.deleted", "deleted": True}), _JSON
        if match[2] == "/content":
            return self._content(found, step, match[3] or "video")
        if match[2] == "/remix":
            prompt = str(msgspec.json.decode(body).get("prompt", ""))
            new = _id(int(found[2]), (int(found[3]), int(found[4])), prompt)
            return _told(new, step, model, prompt=prompt, remixed_from_video_id=found[0])
        return _told(found[0], step, model)

    def _begin(self, body: bytes, step: Mapping[str, str], model: str) -> Made:
        asked = _asked(body)
        try:
            seconds = int(float(asked.get("seconds") or 4))
        except ValueError:
            seconds = 0
        size = re.fullmatch(r"(\d{2,4})x(\d{2,4})", str(asked.get("size") or "720x1280"))
        if not 1 <= seconds <= _LONGEST_S:
            raise Refused(f"The echo provider makes 1 to {_LONGEST_S} seconds, not {asked.get('seconds')!r}.")
        if size is None or int(size[1]) % 2 or int(size[2]) % 2 or int(size[1]) * int(size[2]) > _MOST_PIXELS:
            raise Refused(f"The echo provider makes no videos of {asked.get('size')!r}.")
        prompt = str(asked.get("prompt", ""))
        return _told(_id(seconds, (int(size[1]), int(size[2])), prompt), step, model, prompt=prompt)

    def _content(self, found: re.Match[str], step: Mapping[str, str], variant: str) -> Made:
        if _state(found, step)["status"] != "completed":
            raise Refused("The video is not completed.")
        width, height, colour = int(found[3]), int(found[4]), bytes.fromhex(found[5])
        if variant == "video":
            return mp4(width, height, int(found[2]) * FRAMES_A_SECOND, colour), b"video/mp4"
        if variant == "thumbnail":
            return png(width // 4, height // 4, colour), b"image/png"
        return png(width, height // 4, colour), b"image/png"


def _asked(body: bytes) -> Mapping[str, Any]:
    """The fields of a request: JSON, or a form."""
    if body[:1] == b"{":
        return msgspec.json.decode(body)
    try:
        parts = multipart.parts_of(body, multipart.boundary_in(body) or b"?")
    except GenaiopsError as error:
        raise Refused(str(error)) from None
    return {part.name: part.text(body) for part in parts if part.filename is None}


def _id(seconds: int, size: tuple[int, int], prompt: str) -> str:
    began = time.time_ns() // 1_000_000
    colour = hashlib.sha256(prompt.encode()).digest()[:3]
    return f"video_{began:x}_{seconds}_{size[0]}x{size[1]}_{colour.hex()}"


def _state(found: re.Match[str], step: Mapping[str, str]) -> dict[str, Any]:
    """How far a job is: `video_delay` seconds after it began it is there, or has failed with `video_error`."""
    began, takes = int(found[1], 16), float(step.get("video_delay", "0")) * 1000
    passed = time.time_ns() // 1_000_000 - began
    if passed < takes:
        return {"status": "in_progress" if passed > takes / 10 else "queued", "progress": int(passed * 100 / takes)}
    if "video_error" in step:
        error = {"code": "echo_error", "message": step["video_error"]}
        return {"status": "failed", "progress": 100, "error": error}
    return {"status": "completed", "progress": 100, "completed_at": int((began + takes) / 1000)}


def _told(name: str, step: Mapping[str, str], model: str, **more: Any) -> Made:
    found = _ID.fullmatch(name)
    assert found is not None
    video = {
        "id": name,
        "object": "video",
        "created_at": int(found[1], 16) // 1000,
        "model": model,
        "seconds": found[2],
        "size": f"{found[3]}x{found[4]}",
        **_state(found, step),
        **more,
    }
    return msgspec.json.encode(video), _JSON


# -- H.264


class _Bits:
    """Bits in order, most significant first; `ue` and `se` are the Exp-Golomb codes of section 9.1."""

    def __init__(self) -> None:
        self._text: list[str] = []

    def u(self, value: int, width: int) -> None:
        self._text.append(f"{value:0{width}b}")

    def ue(self, *values: int) -> None:
        for value in values:
            digits = f"{value + 1:b}"
            self._text.append("0" * (len(digits) - 1) + digits)

    def align(self) -> None:
        self._text.append("0" * (-sum(map(len, self._text)) % 8))

    def repeat(self, bits: str, times: int) -> None:
        self._text.append(bits * times)

    def ended(self) -> bytes:
        """With the trailing bits of section 7.3.2.11."""
        self._text.append("1")
        self.align()
        whole = "".join(self._text)
        return int(whole, 2).to_bytes(len(whole) // 8, "big")


def _nal(kind: int, payload: bytes) -> bytes:
    """A unit; three bytes that could begin another are broken up (section 7.4.1)."""
    return bytes([kind]) + re.sub(rb"\0\0(?=[\0-\3])", lambda _: b"\0\0\3", payload)


def _sequence_set(width: int, height: int) -> bytes:
    across, down = -(-width // 16), -(-height // 16)
    bits = _Bits()
    bits.u(66, 8)
    bits.u(0b11000000, 8)  # constrained baseline
    bits.u(40, 8)
    bits.ue(0, 0, 2, 0)  # id, log2_max_frame_num - 4, order of output is that of decoding, no reference frames
    bits.u(0, 1)
    bits.ue(across - 1, down - 1)
    bits.u(0b11, 2)  # frames only, direct_8x8_inference
    right, bottom = across * 16 - width, down * 16 - height
    bits.u(1 if right or bottom else 0, 1)
    if right or bottom:
        bits.ue(0, right // 2, 0, bottom // 2)
    bits.u(0, 1)
    return _nal(0x67, bits.ended())


def _picture_set() -> bytes:
    bits = _Bits()
    bits.ue(0, 0)
    bits.u(0, 2)
    bits.ue(0, 0, 0)
    bits.u(0, 3)
    bits.ue(0, 0, 0)  # qp, qs and chroma offset: 0
    bits.u(0b100, 3)  # the deblocking filter is told of in slices
    return _nal(0x68, bits.ended())


def _frame(number: int, width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """An IDR picture of one colour (Y, Cb, Cr)."""
    across, down = -(-width // 16), -(-height // 16)
    bits = _Bits()
    bits.ue(0, 7, 0)  # first macroblock, an I slice, of the only picture set
    bits.u(0, 4)
    bits.ue(number % 2)  # idr_pic_id differs between neighbours
    bits.u(0, 2)
    bits.ue(0, 1)  # slice_qp_delta 0, no deblocking
    bits.ue(25)  # I_PCM
    bits.align()
    luma, blue, red = colour
    bits.repeat(f"{luma:08b}", 256)
    bits.repeat(f"{blue:08b}", 64)
    bits.repeat(f"{red:08b}", 64)
    plain, beside = "00100" + "1" + "1" + "1", "00100" + "1" + "1" + "000011"
    # Intra_16x16 with DC, chroma DC, no change of qp, no coefficients; how "none" is written depends on how many the
    # neighbours have, and I_PCM counts as 16 (section 9.2.1).
    bits.repeat("".join(beside if at in (1, across) else plain for at in range(1, across * down)), 1)
    return _nal(0x65, bits.ended())


def mp4(width: int, height: int, frames: int, colour: bytes) -> bytes:
    """A film of FRAMES_A_SECOND that fades from an RGB colour to black."""
    pictures: list[bytes] = []
    for at in range(frames):
        red, green, blue = (part * (frames - at) // frames for part in colour[:3])
        picture = _frame(at, width, height, _yuv(red, green, blue))
        pictures.append(struct.pack(">I", len(picture)) + picture)
    ftyp = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    sizes = [len(one) for one in pictures]
    offset = len(ftyp) + len(_movie(width, height, sizes, 0)) + 8
    return ftyp + _movie(width, height, sizes, offset) + _box(b"mdat", *pictures)


def _yuv(red: int, green: int, blue: int) -> tuple[int, int, int]:
    """ITU-R BT.601, limited range."""
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    first = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    second = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    return round(luma), round(first), round(second)


def _box(name: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, parts))) + name + b"".join(parts)


_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _movie(width: int, height: int, sizes: list[int], offset: int) -> bytes:
    """`moov`: one track, all pictures in one chunk at `offset`."""
    count, scale = len(sizes), FRAMES_A_SECOND
    length = struct.pack(">5I", 0, 0, 0, scale, count)
    mvhd = _box(b"mvhd", length, b"\0\1\0\0\1\0", bytes(10), _MATRIX, bytes(24), struct.pack(">I", 2))
    shape = struct.pack(">II", width << 16, height << 16)
    tkhd = _box(b"tkhd", struct.pack(">6I", 3, 0, 0, 1, 0, count), bytes(16), _MATRIX, shape)
    mdhd = _box(b"mdhd", struct.pack(">5IHH", 0, 0, 0, scale, count, 0x55C4, 0))
    hdlr = _box(b"hdlr", bytes(8), b"vide", bytes(12), b"video\0")
    sps, pps = _sequence_set(width, height), _picture_set()
    config = b"\1" + sps[1:4] + b"\xff\xe1" + struct.pack(">H", len(sps)) + sps
    config += b"\1" + struct.pack(">H", len(pps)) + pps
    entry = _box(
        b"avc1",
        struct.pack(">6xH16xHHIIIH32sHh", 1, width, height, 0x480000, 0x480000, 0, 1, b"", 24, -1),
        _box(b"avcC", config),
    )
    table = _box(
        b"stbl",
        _box(b"stsd", struct.pack(">II", 0, 1), entry),
        _box(b"stts", struct.pack(">4I", 0, 1, count, 1)),
        _box(b"stsc", struct.pack(">5I", 0, 1, 1, count, 1)),
        _box(b"stsz", struct.pack(">3I", 0, 0, count), *(struct.pack(">I", size) for size in sizes)),
        _box(b"stco", struct.pack(">3I", 0, 1, offset)),
    )
    data = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1), _box(b"url ", struct.pack(">I", 1))))
    minf = _box(b"minf", _box(b"vmhd", struct.pack(">I8x", 1)), data, table)
    return _box(b"moov", mvhd, _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf)))
