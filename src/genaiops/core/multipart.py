"""Bodies of the type multipart/form-data (RFC 7578, RFC 2046 section 5.1), read where they lie: nothing is copied.

Stricter than the standard where two readers could see two things: nothing before the first boundary or behind the last,
no second `name`, no encoding of its own for a part.
"""

import re

import msgspec

from genaiops.core.errors import UsageError

MOST_PARTS = 64
LONGEST_HEAD = 4096
"""Bytes of the header lines of one part."""

_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=?-](?:[0-9A-Za-z'()+_,./:=? -]{0,68}[0-9A-Za-z'()+_,./:=?-])?")
_TOKEN = re.compile(rb"[0-9A-Za-z'+_.-]+")
_PARAMETER = re.compile(
    rb';[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s";]+))[ \t]*'
)
_ESCAPED = re.compile(rb'\\(["\\])')


class Part(msgspec.Struct, frozen=True):
    """One field: its value is `body[start:end]`. `filename` is None where it is no file; `kind` is its content type in
    lower case, without parameters."""

    name: str
    filename: str | None
    kind: str | None
    start: int
    end: int

    def text(self, body: bytes | bytearray) -> str:
        """UsageError when the value is not UTF-8."""
        try:
            return body[self.start : self.end].decode("utf-8")
        except UnicodeDecodeError:
            raise _wrong(f"the field {self.name[:64]!r} is not UTF-8", "Send text as UTF-8.", self.name) from None


def boundary_of(content_type: bytes | None) -> bytes:
    """The boundary that a `content-type` names. UsageError when it is of another type, or names none, or two."""
    kind, semicolon, rest = (content_type or b"").partition(b";")
    if kind.strip().lower() != b"multipart/form-data":
        shown = kind.strip().decode("latin-1")[:64] or "none"
        raise _wrong(f"the content-type is {shown!r}", "Send a form: multipart/form-data with a file.", "content-type")
    found = [value for name, value in _parameters(semicolon + rest) if name == b"boundary"]
    if len(found) != 1 or _BOUNDARY.fullmatch(found[0]) is None:
        said = "no boundary" if not found else "more than one boundary" if len(found) > 1 else "a boundary that is none"
        raise _wrong(f"the content-type has {said}", "Let the HTTP client write that header.", "content-type")
    return found[0]


def boundary_in(body: bytes | bytearray) -> bytes | None:
    """The boundary of a body that `parts_of` took, by its first line."""
    end = body.find(b"\r\n", 0, 128)
    line = bytes(body[: max(end, 0)]).rstrip(b" \t")
    return line[2:] if line[:2] == b"--" and _BOUNDARY.fullmatch(line[2:]) else None


def content_type(boundary: bytes) -> bytes:
    """The header's value for a form with that boundary."""
    token = _TOKEN.fullmatch(boundary) is not None
    return b"multipart/form-data; boundary=" + (boundary if token else b'"%b"' % boundary)


def parts_of(body: bytes | bytearray, boundary: bytes) -> list[Part]:
    """The fields in their order. UsageError when the body is no form, or is cut off."""
    dashed = b"--" + boundary
    if not body.startswith(dashed):
        raise _wrong("the form does not begin with its boundary", "Send the boundary that the header names.")
    delimiter = b"\r\n" + dashed
    parts: list[Part] = []
    at = _line_end(body, len(dashed))
    while at is not None:
        if len(parts) == MOST_PARTS:
            raise _wrong(f"the form has more than {MOST_PARTS} fields", "Send fewer.")
        end = body.find(delimiter, at - 2)  # an empty head may leave no line of its own before the next boundary
        if end < at:
            raise _wrong("the form ends before its last boundary", "Send all of it.")
        parts.append(_part(body, at, end))
        at = _line_end(body, end + len(delimiter))
    return parts


def _line_end(body: bytes | bytearray, at: int) -> int | None:
    """Where the line behind a boundary begins; None: it was the last one, and nothing follows."""
    if body[at : at + 2] == b"--":
        if body[at + 2 : at + 66].strip():
            raise _wrong("something follows the form", "End the body with the last boundary.")
        if len(body) > at + 66:
            raise _wrong("something follows the form", "End the body with the last boundary.")
        return None
    start = at
    while body[at : at + 1] in (b" ", b"\t") and at - start < 64:
        at += 1
    if body[at : at + 2] != b"\r\n":
        raise _wrong("a boundary is followed by something else than the end of its line", "Choose another boundary.")
    return at + 2


def _part(body: bytes | bytearray, start: int, end: int) -> Part:
    head_end = body.find(b"\r\n\r\n", start, min(end, start + LONGEST_HEAD) + 4)
    if head_end < 0 or head_end > end:
        raise _wrong(f"a field has no header, or one of over {LONGEST_HEAD} bytes", "Send short headers.")
    disposition: bytes | None = None
    kind: str | None = None
    for line in bytes(body[start:head_end]).split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or not name or name != name.strip() or b"\n" in line or b"\r" in line or b"\0" in line:
            raise _wrong("a header of a field is none", "Send `Content-Disposition: form-data; name=...`.")
        if name == b"content-disposition":
            if disposition is not None:
                raise _wrong("a field has two content-dispositions", "Send one.")
            disposition = value.strip()
        elif name == b"content-type":
            kind = value.partition(b";")[0].strip().lower().decode("latin-1")[:128]
        elif name == b"content-transfer-encoding" and value.strip().lower() not in (b"binary", b"8bit", b"7bit"):
            raise _wrong("a field has an encoding of its own", "Send it as it is, without content-transfer-encoding.")
    field, filename = _named(disposition)
    return Part(field, filename, kind, min(head_end + 4, end), end)


def _named(disposition: bytes | None) -> tuple[str, str | None]:
    kind, semicolon, rest = (disposition or b"").partition(b";")
    found = _parameters(semicolon + rest)
    names = [value for name, value in found if name == b"name"]
    files = [value for name, value in found if name == b"filename"]
    encoded = any(name == b"name*" for name, _ in found)
    if kind.strip().lower() != b"form-data" or len(names) != 1 or len(files) > 1 or encoded or not names[0]:
        raise _wrong("a field has no name, or more than one", 'Send `Content-Disposition: form-data; name="..."` once.')
    try:
        return names[0].decode("utf-8"), files[0].decode("utf-8", "replace")[:256] if files else None
    except UnicodeDecodeError:
        raise _wrong("the name of a field is not UTF-8", "Send names as UTF-8.") from None


def _parameters(text: bytes) -> list[tuple[bytes, bytes]]:
    """`; name=value` of a header. UsageError on anything else."""
    found: list[tuple[bytes, bytes]] = []
    at = 0
    text = text.rstrip(b" \t;")
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            raise _wrong("a header has parameters that are none", "Write them as `; name=value`.")
        value = match[3] if match[2] is None else _ESCAPED.sub(rb"\1", match[2])
        found.append((match[1].lower(), value))
        at = match.end()
    return found


def _wrong(what: str, remedy: str, param: str | None = None) -> UsageError:
    return UsageError(f"The form cannot be read: {what}.", remedy=remedy, code="invalid_form", param=param)
