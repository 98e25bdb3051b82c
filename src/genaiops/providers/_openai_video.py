"""Video jobs as OpenAI has them (API reference, "Videos"): begun, asked for, fetched, changed, ended."""

import re
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.domain import Operation, Usage
from genaiops.ports.providers import Answer, CallBody, VideoJob, Wire
from genaiops.providers._openai_media import given, message_of

PATHS: dict[Operation, bytes] = {"video_generation": b"/videos"}
_METHODS = {"retrieve": b"GET", "content": b"GET", "delete": b"DELETE", "remix": b"POST"}
_ENDINGS = {"retrieve": b"", "content": b"/content", "delete": b"", "remix": b"/remix"}
_SIZE = re.compile(r"\d{1,5}x\d{1,5}")
_OPERATIONS = frozenset({"video_generation", "video_job"})


class _Video(msgspec.Struct, frozen=True):
    id: str | None = None
    model: str | None = None
    seconds: Any = None
    size: Any = None
    status: str | None = None
    error: Raw = Raw()


_decode = msgspec.json.Decoder(_Video).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def concerns(call: CallBody) -> bool:
    return call.operation in _OPERATIONS


def job_wire(job: VideoJob, call: CallBody, headers: tuple[tuple[bytes, bytes], ...]) -> Wire:
    """The request about a job that is there. A remix brings a body, without a model: the job has one."""
    path = b"/videos/" + quote(job.id, safe="").encode() + _ENDINGS[job.action]
    if job.variant is not None:
        path += b"?variant=" + job.variant.encode()
    body = b""
    if job.action == "remix":
        fields = dict(_fields(call.raw))
        fields.pop("genaiops", None)
        body = msgspec.json.encode(fields)
    else:
        headers = tuple(field for field in headers if field[0] != b"content-type")
    return Wire(_METHODS[job.action], path, headers, body)


def read(call: CallBody, body: bytes) -> Answer:
    """UpstreamError when it is no video. What was made is counted where a job begins, and nowhere else."""
    try:
        video = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"its answer is not right: {error}.", code="upstream_bad_answer") from None
    if not video.id:
        if given(video.error):
            raise UpstreamError(message_of(video.error), code="upstream_error_in_answer")
        raise UpstreamError("its answer has no id of a video.", code="upstream_bad_answer")
    usage = Usage() if call.operation == "video_job" else _made(video)
    return Answer(usage, video.id, video.model)


def _made(video: _Video) -> Usage:
    size = video.size if isinstance(video.size, str) and _SIZE.fullmatch(video.size) else None
    try:
        seconds = float(video.seconds)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        return Usage(video_size=size, unknown=("video_ms",))
    return Usage(video_ms=round(seconds * 1000), video_size=size)
