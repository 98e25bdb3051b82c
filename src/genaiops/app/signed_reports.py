"""Signatures of reports: at the end of each file a signed note (C2SP signed-note, Ed25519) over all that stands before.

In JSON lines it is the last line, elsewhere a comment. The key stands among the secrets of the home as
`GENAIOPS_REPORT_KEY`, or in the environment under that name, for build servers whose homes do not last.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.app.home import Home
from genaiops.arena.reports import FORMATS, Reported
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import UsageError
from genaiops.engines.secrets_file import open_secrets
from genaiops.govern import SigningKey, Verifier, read_note

KEY: Final = "GENAIOPS_REPORT_KEY"
_ORIGIN: Final = "genaiops/report"
_OPEN: Final = "<!-- genaiops-signature\n"
_CLOSE: Final = "-->\n"
_PDF: Final = b"%PDF-"
_PDF_OPEN: Final = b"%genaiops-signature\n"
_PDF_CLOSE: Final = b"%%EOF\n"
_LINE: Final = '{"type":"signature",'
_LARGEST: Final = 1 << 31


class ReportCheck(msgspec.Struct, frozen=True):
    """`reason`: why it does not hold."""

    holds: bool
    run: str = ""
    key: str = ""
    reason: str = ""


def report_key(home: Home) -> SigningKey:
    """Made when there is none. UsageError when what stands there is no key."""
    secrets = open_secrets(home.path)
    text = secrets.get(KEY)
    if text is None:
        text = SigningKey.new(_ORIGIN).text()
        secrets.put(KEY, text)
    try:
        return SigningKey.read(text)
    except UsageError:
        where = "environment" if os.environ.get(KEY) else "secrets"
        raise UsageError(
            f"{KEY} in the {where} is no key that signs reports.",
            remedy="Take it away, and the next report makes one.",
        ) from None


def signed(home: Home, form: str, said: Reported) -> bytes:
    """One report, with the signature of the home behind it."""
    content, key = FORMATS[form](said), report_key(home)
    if isinstance(content, bytes):
        return signed_pdf(content, said.run.id, key)
    return signed_report(content, said.run.id, key).encode()


def signed_report(text: str, run_id: str, key: SigningKey) -> str:
    """The report with its signature behind it."""
    note = key.sign(_statement(text.encode(), run_id))
    if text.startswith("{"):
        line = {"type": "signature", "note": note, "key": str(key.verifier)}
        return text + msgspec.json.encode(line).decode() + "\n"
    return f"{text}{_OPEN}{note}key {key.verifier}\n{_CLOSE}"


def signed_pdf(data: bytes, run_id: str, key: SigningKey) -> bytes:
    """The file with its signature in comments behind it. They end as a PDF has to: readers find its table there."""
    return data + _pdf_tail(data, key.sign(_statement(data, run_id)), str(key.verifier))


def _pdf_tail(data: bytes, note: str, key: str) -> bytes:
    lines = b"".join(b"% " + line.encode() + b"\n" for line in (*note.split("\n"), f"key {key}"))
    start = data.rpartition(b"startxref")[2].split()[:1]
    return _PDF_OPEN + lines + b"startxref\n" + b"".join(start) + b"\n" + _PDF_CLOSE


def _pdf_parts(data: bytes) -> tuple[bytes, str, str]:
    """The tail has to be what the signature alone makes it, or something else could hide between its comments."""
    content, opened, rest = data.rpartition(_PDF_OPEN)
    lines = rest.partition(b"startxref\n")[0].decode("utf-8", "replace").split("\n")
    note, _, key = "\n".join(line.removeprefix("% ") for line in lines).rpartition("\nkey ")
    key = key.removesuffix("\n")
    if not opened or not note or _pdf_tail(content, note, key) != opened + rest:
        return b"", "", ""
    return content, note, key


def verify_report(path: Path, keys: Sequence[str] = ()) -> ReportCheck:
    """UsageError when it is no report, or a key is none."""
    try:
        data = path.read_bytes() if path.stat().st_size < _LARGEST else b""
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.", param="file") from None
    content, note, own = _parts(data)
    if not note:
        raise UsageError(
            f"{path} has no signature at its end.",
            remedy="Give a report that genaiops suite run or genaiops suite report wrote, with nothing behind it.",
            param="file",
        )
    text, by = read_note(note, tuple(map(Verifier.read, keys or (own,))))
    lines = text.split("\n")
    run = lines[1] if len(lines) == 4 and lines[0] == _ORIGIN else ""
    if by is None:
        reason = "It is signed by none of the keys that are trusted." if keys else "Its signature is not of its key."
        return ReportCheck(False, run, reason=reason)
    if text != _statement(content, run):
        return ReportCheck(False, run, str(by), "It is not what was signed.")
    return ReportCheck(True, run, str(by))


def _statement(content: bytes, run_id: str) -> str:
    return f"{_ORIGIN}\n{run_id}\n{digest_bytes(content)}\n"


def _parts(data: bytes) -> tuple[bytes, str, str]:
    """What was signed, the note, and the key that the file names; without a signature nothing."""
    if data.startswith(_PDF):
        return _pdf_parts(data)
    if data.startswith(b"{"):
        content, _, last = data.removesuffix(b"\n").rpartition(b"\n")
        if not last.startswith(_LINE.encode()):
            return b"", "", ""
        try:
            line: Any = msgspec.json.decode(last)
            return content + b"\n", str(line["note"]), str(line["key"])
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
            return b"", "", ""
    content, opened, rest = data.rpartition(_OPEN.encode())
    if not opened or not rest.endswith(_CLOSE.encode()):
        return b"", "", ""
    note, _, key = rest.decode("utf-8", "replace").removesuffix(_CLOSE).rpartition("key ")
    return content, note, key.strip()
