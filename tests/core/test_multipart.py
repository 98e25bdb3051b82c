"""Forms as HTTP clients write them are read as they were meant; what two readers could read differently is refused."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.core.multipart import Part, boundary_in, boundary_of, parts_of

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"'), min_size=1, max_size=20)


def encoded(data: dict[str, Any], files: dict[str, Any]) -> tuple[bytes, bytes]:
    request = httpx.Request("POST", "http://x/", data=data, files=files)
    return request.read(), request.headers["content-type"].encode()


@given(
    fields=st.dictionaries(NAMES, st.text(st.characters(exclude_categories=("Cs",)), max_size=50), max_size=4),
    file=st.binary(max_size=300),
)
def test_what_a_client_writes_is_read(fields: dict[str, str], file: bytes) -> None:
    fields.pop("file", None)
    body, kind = encoded(fields, {"file": ("a.wav", file, "audio/wav")})
    boundary = boundary_of(kind)
    parts = parts_of(body, boundary)
    assert boundary_in(body) == boundary
    assert {part.name: part.text(body) for part in parts if part.filename is None} == fields
    (found,) = [part for part in parts if part.filename is not None]
    assert (found.name, found.filename, found.kind, body[found.start : found.end]) == (
        "file",
        "a.wav",
        "audio/wav",
        file,
    )


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"--b\r\n", b'--b\r\nContent-Disposition: form-data; name="a"\r\n'])
)
def test_any_bytes_are_a_form_or_refused(body: bytes, start: bytes) -> None:
    for tail in (b"", b"\r\n--b--\r\n"):
        whole = start + body + tail
        try:
            parts = parts_of(whole, b"b")
        except UsageError:
            continue
        assert all(0 <= part.start <= part.end <= len(whole) for part in parts)


def form(*heads: str, end: str = "--b--\r\n") -> bytes:
    return "".join(f"--b\r\n{head}\r\n\r\nx\r\n" for head in heads).encode() + end.encode()


NAME = 'Content-Disposition: form-data; name="a"'


def test_a_small_form() -> None:
    body = form(
        NAME, 'content-disposition: form-data; filename="q\\"\\\\.wav" ; name=f\r\nContent-Type: Audio/WAV; x=y'
    )
    text, file = parts_of(body, b"b")
    assert (text.name, text.text(body), text.filename) == ("a", "x", None)
    assert (file.name, file.filename, file.kind) == ("f", 'q"\\.wav', "audio/wav")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "does not begin"),
        (b"preamble\r\n" + form(NAME), "does not begin"),
        (form(NAME, end="--b\r\n"), "before its last boundary|no header"),
        (form(NAME, end=""), "before its last boundary"),
        (form(NAME) + b"--b\r\nmodel", "something follows"),
        (form(NAME) + b" " * 100, "something follows"),
        (form(NAME).replace(b"--b\r\n", b"--bc\r\n", 1), "followed by something else"),
        (b"--b\r\n\r\nx\r\n--b--", "no header"),
        (form("Content-Type: text/plain"), "no name"),
        (form('Content-Disposition: form-data; name="a"; name="b"'), "no name, or more than one"),
        (form("Content-Disposition: form-data; name*=utf-8''a; name=b"), "no name, or more than one"),
        (form(NAME + "\r\n" + NAME), "two content-dispositions"),
        (form('Content-Disposition: attachment; name="a"'), "no name"),
        (form('Content-Disposition: form-data; name="a'), "parameters"),
        (form(NAME + "\r\n folded: x"), "header of a field"),
        (form(NAME + "\r\nContent-Transfer-Encoding: base64"), "encoding of its own"),
        (form(NAME + "\r\nX-Pad: " + "x" * 5000), "over 4096 bytes"),
        (form(*[NAME] * 65), "more than 64"),
        (form(NAME).replace(b'name="a"', b'name="\xff"'), "not UTF-8"),
    ],
)
def test_refused(body: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parts_of(body, b"b")


@pytest.mark.parametrize(
    "kind",
    [
        None,
        b"application/json",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=a; boundary=b",
        b'multipart/form-data; boundary="' + b"x" * 71 + b'"',
        b'multipart/form-data; boundary="a\\\r\n"',
        b"multipart/mixed; boundary=a",
    ],
)
def test_no_boundary(kind: bytes | None) -> None:
    with pytest.raises(UsageError) as refused:
        boundary_of(kind)
    assert refused.value.code == "invalid_form"


def test_a_value_that_is_no_text() -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        Part("a", None, None, 0, 1).text(b"\xff")
