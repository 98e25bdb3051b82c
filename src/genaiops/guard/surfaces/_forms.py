"""Bodies that are forms: their text fields and the names of their files; what is in the files is not read."""

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


def form_document(raw: bytes | bytearray, form: Form) -> Document:
    """UsageError when a text is not UTF-8. A new text may not hold the form's boundary (UsageError)."""
    parts: list[Part] = []
    spans: list[tuple[int, int, bool]] = []
    unread: list[Unread] = []
    for one in form.parts:
        if one.name and not is_name(one.name.removesuffix("[]")):
            raise UsageError(
                "The form has a field whose name is none.", remedy="Use the documented fields.", code="invalid_form"
            )
        if one.filename is None:
            said = one.text(raw)
            quiet = one.name in FORM_NAMES and (is_model(said) if one.name == "model" else is_name(said))
            if said and not quiet and not _is_number(said):
                provenance: Provenance = "user" if one.name == "prompt" else "other"
                parts.append(Part(said, provenance, (one.name,)))
                spans.append((one.start, one.end, False))
            continue
        unread.append(Unread(one.kind or "unknown", (one.name,)))
        head = raw.rfind(b"\r\n--", 0, one.start) if one.start else 0
        found = _FILENAME.search(raw, max(head, 0), one.start)
        if one.filename and found is not None:
            parts.append(Part(one.filename, "other", (one.name, "filename", NAME_OF)))
            spans.append((*found.span(), True))

    def write(texts: Mapping[int, str]) -> bytes:
        return _spliced(raw, [(*spans[index], text) for index, text in texts.items()])

    return Document(raw, parts, write, unread=unread)


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
