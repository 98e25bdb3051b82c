"""Bodies that are forms: their text fields, the names of their files, and files that are text; others are not read."""

import codecs
import re
from collections.abc import Mapping

from genaiops.core.errors import UsageError
from genaiops.core.multipart import boundary_in
from genaiops.guard.surfaces._document import Document
from genaiops.guard.surfaces._grammar import Provenance, is_model, is_name
from genaiops.guard.surfaces._media import FORM_NAMES
from genaiops.guard.surfaces._walk import NAME_OF, Part, Unread
from genaiops.ports.providers import Form

_FILENAME = re.compile(rb'filename="((?:[^"\\\r\n]|\\.)*)"|filename=([^\s";]+)', re.IGNORECASE)
_ESCAPED = re.compile(rb'\\(["\\])')
_HEAD = re.compile(
    rb'content-disposition:[ \t]*form-data(?:[ \t]*;[ \t]*(?:name|filename)=(?:"(?:[^"\\\r\n]|\\.)*"|[^\s";]+))*[ \t;]*'
    rb'|content-type:[ \t]*[\w.+-]+/[\w.+-]+(?:[ \t]*;[ \t]*[\w-]+="?[\w.,+-]*"?)*[ \t]*'
    rb"|content-length:[ \t]*\d{1,12}[ \t]*|content-transfer-encoding:[ \t]*\w{1,8}[ \t]*",
    re.IGNORECASE,
)
"""The lines that the head of a field may have: whatever else stands there would go out unseen."""
_LONGEST_NAME = 1024
_SAMPLE = 1024
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def form_document(raw: bytes | bytearray, form: Form) -> Document:
    """UsageError when a text is not UTF-8, or a head says more than name, file name and type. A file that is text is
    read as such. A new text may not hold the form's boundary (UsageError)."""
    parts: list[Part] = []
    spans: list[tuple[int, int, bool]] = []
    unread: list[Unread] = []
    boundary = boundary_in(raw)
    if boundary is None or b" " in boundary:
        raise _wrong("has no boundary that can be checked", "Let the HTTP client choose it.")
    for one in form.parts:
        if one.name and not is_name(one.name.removesuffix("[]")):
            raise _wrong("has a field whose name is none", "Use the documented fields.")
        before = raw.rfind(b"\r\n--" + boundary, 0, one.start)
        head = 0 if before < 0 else before + 2
        if not all(_HEAD.fullmatch(line) for line in bytes(raw[head : one.start]).split(b"\r\n")[1:] if line):
            raise _wrong(
                f"has more in the head of the field {one.name[:64]!r} than can be checked",
                "Send its name, the name of its file and its content type.",
            )
        if one.filename is None:
            said = one.text(raw)
            quiet = one.name in FORM_NAMES and (is_model(said) if one.name == "model" else is_name(said))
            if said and not quiet and not _is_number(said):
                provenance: Provenance = "user" if one.name == "prompt" else "other"
                parts.append(Part(said, provenance, (one.name,)))
                spans.append((one.start, one.end, False))
            continue
        found = _FILENAME.search(raw, head, one.start)
        if one.filename and found is not None:
            parts.append(Part(_filename(found), "other", (one.name, "filename", NAME_OF)))
            spans.append((*found.span(), True))
        said = _text(raw, one.start, one.end)
        if said:
            parts.append(Part(said, "other", (one.name,)))
            spans.append((one.start, one.end, False))
        elif said is None:
            unread.append(Unread(one.kind or "unknown", (one.name,)))

    def write(texts: Mapping[int, str]) -> bytes:
        return _spliced(raw, [(*spans[index], text) for index, text in texts.items()])

    return Document(raw, parts, write, unread=unread)


def _filename(found: re.Match[bytes]) -> str:
    name = found[2] if found[1] is None else _ESCAPED.sub(rb"\1", found[1])
    if len(name) > _LONGEST_NAME:
        raise _wrong("has a file with too long a name", f"Send one of up to {_LONGEST_NAME} bytes.")
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise _wrong("has a file whose name is not UTF-8", "Send names as UTF-8.") from None


def _text(raw: bytes | bytearray, start: int, end: int) -> str | None:
    """What a file says, where it is text; None where it is not."""
    sample = bytes(raw[start : min(end, start + _SAMPLE)])
    if _CONTROLS.search(sample):
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return raw[start:end].decode()
    except UnicodeDecodeError:
        return None


def _wrong(what: str, remedy: str) -> UsageError:
    return UsageError(f"The form {what}.", remedy=remedy, code="invalid_form")


def _is_number(text: str) -> bool:
    return len(text) <= 6 and text.replace(".", "", 1).isdecimal()


def _spliced(raw: bytes | bytearray, new: list[tuple[int, int, bool, str]]) -> bytes:
    boundary = boundary_in(raw)
    out: list[bytes] = []
    at = 0
    for start, end, names, text in sorted(new):
        data = text.encode()
        if names:
            data = b'filename="%b"' % re.sub(rb"[\r\n\0]+", b" ", data.replace(b"\\", b"\\\\").replace(b'"', b'\\"'))
        if boundary is None or b"--" + boundary in data:
            raise UsageError(
                "A text of the form cannot be replaced: the new one holds the form's boundary.",
                remedy="Choose another boundary.",
                code="invalid_form",
            )
        out += [bytes(raw[at:start]), data]
        at = end
    out.append(bytes(raw[at:]))
    return b"".join(out)
