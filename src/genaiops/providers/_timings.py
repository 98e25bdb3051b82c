"""How long llama.cpp says that it worked on an answer."""

import msgspec
from msgspec import Raw

from genaiops.dialects.chat import given


class _Timings(msgspec.Struct, frozen=True):
    prompt_ms: float
    predicted_ms: float


_decode_timings = msgspec.json.Decoder(_Timings).decode
_LONGEST_MS = 1e9


def busy_us(raw: Raw) -> int | None:
    """What the object `timings`, llama.cpp's own beside `usage`, says of how long it worked; None: nothing."""
    if not given(raw):
        return None
    try:
        timings = _decode_timings(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    milliseconds = timings.prompt_ms + timings.predicted_ms
    return round(milliseconds * 1000) if 0 <= milliseconds < _LONGEST_MS else None
