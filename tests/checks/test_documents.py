"""Files of documents as their text."""

import io
import zipfile

import pytest

from genaiops.checks.documents import text_of
from genaiops.checks.words import words
from genaiops.core.errors import UsageError


def docx(xml: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", xml)
        archive.writestr("word/styles.xml", "<x>no text</x>")
    return out.getvalue()


WORD = (
    '<w:document xmlns:w="w"><w:p><w:r><w:t>The bridge</w:t></w:r><w:r><w:t xml:space="preserve"> is</w:t></w:r></w:p>'
    "<w:p><w:instrText>HIDDEN</w:instrText><w:r><w:t>open</w:t></w:r></w:p></w:document>"
)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"The bridge is\nopen"),
        ("a.TXT", "The bridge is open".encode("utf-16")),
        ("a.md", b"\xef\xbb\xbfThe **bridge** is _open_"),
        ("a.html", b"<p>The <b>bridge</b><script>hidden()</script><style>p{}</style> is open</p>"),
        ("a.json", b'{"a": ["The bridge", {"b": "is open", "n": 3}], "c": null}'),
        ("a.jsonl", b'{"a": "The bridge"}\n\n{"a": "is open"}\n'),
        ("a.docx", docx(WORD)),
    ],
)
def test_texts_are_read(name: str, data: bytes) -> None:
    assert words(text_of(name, data)).texts == ["the", "bridge", "is", "open"]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.pdf", b"%PDF", "a.pdf is of a kind that is not read"),
        ("a", b"x", "no ending"),
        ("a.txt", b"a\xff", r"no UTF-8 \(byte 1\)"),
        ("a.txt", b" \n", "has no text"),
        ("a.json", b"{", "no JSON"),
        ("a.json", b"[" * 100_000, "no JSON"),
        ("a.jsonl", b"{}\n{", "line 2 is no JSON"),
        ("a.docx", b"PK", "no Word document"),
        ("a.docx", docx("<w:t>open"), "no Word document"),
        ("a.docx", docx('<!DOCTYPE x [<!ENTITY a "b">]><w:t>&a;</w:t>'), "declares entities"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        text_of(name, data)
