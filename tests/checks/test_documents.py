"""Files of documents as their text."""

import io
import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from genaiops.checks.documents import text_of
from genaiops.checks.pdf import joined
from genaiops.checks.verbatim import Index, overlaps
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
        ("a.odt", b"PK", "a.odt is of a kind that is not read"),
        ("a.pdf", b"%PDF-1.7 and nothing", "a.pdf is no PDF that can be read"),
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


CLAUSE = (
    "The supplier shall hold in strict confidence every drawing, formula and price list of the customer and shall use "
    "them for no other purpose than the performance of this agreement."
)
PAGES = (
    f"<p style='width:20em;font-family:serif'>{CLAUSE.replace('performance', 'perfor-<br>mance')}</p>"
    "<p style='page-break-before:always'>Seite zwei: Größe, naïve façade.</p>"
)
IMAGE = "<svg xmlns='http://www.w3.org/2000/svg' width='200' height='200'><rect width='200' height='200'/></svg>"


def printed(browser: str, folder: Path, page: str) -> bytes:
    """By a browser, which has nothing to do with what reads it."""
    source, made = folder / "page.html", folder / "page.pdf"
    source.write_text(f"<meta charset=utf-8>{page}", encoding="utf-8")
    where = (f"--print-to-pdf={made}", f"--user-data-dir={folder / 'browser'}", source.as_uri())
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", *where]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return made.read_bytes()


@pytest.fixture(scope="module")
def pdf(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    image = f"<div style='page-break-before:always'>{IMAGE}</div>"
    return printed(browser_path, tmp_path_factory.mktemp("pdf"), PAGES + image)


def encrypted(pdf: bytes, password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def only_page(pdf: bytes, number: int) -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_page(PdfReader(io.BytesIO(pdf)).pages[number])
    writer.write(out)
    return out.getvalue()


def test_a_copy_out_of_a_pdf_is_found(pdf: bytes) -> None:
    told: list[str] = []
    text = text_of("contract.pdf", pdf, told.append)
    index = Index.exact([("contract.pdf", text)])
    copied = "It says: " + CLAUSE[CLAUSE.index("in strict") :]
    [found] = overlaps(index, copied)
    assert (found.document, found.longest) == ("contract.pdf", 26)
    assert "Größe, naïve façade" in text
    assert told == ["contract.pdf: no text on 1 of 3 pages (3); what images show is not found."]


def test_of_a_pdf_with_a_password_or_without_text_it_is_told(pdf: bytes) -> None:
    with pytest.raises(UsageError, match="needs a password"):
        text_of("a.pdf", encrypted(pdf, "word"))
    assert CLAUSE[:33] in " ".join(text_of("a.pdf", encrypted(pdf, "")).split()), (
        "its password is empty: anybody reads it"
    )
    with pytest.raises(UsageError, match="its pages are images") as told:
        text_of("a.pdf", only_page(pdf, 2))
    assert "OCR" in str(told.value.remedy)


@given(cuts=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=8)), min_size=1, max_size=6))
def test_a_broken_pdf_is_refused_or_read(cuts: list[tuple[int, bytes]]) -> None:
    data = bytearray(SMALL)
    for at, instead in cuts:
        data[at % len(data) : at % len(data) + len(instead)] = instead
    with suppress(UsageError):
        text_of("a.pdf", bytes(data))


def _small() -> bytes:
    """A PDF by hand, without a table of references: readers mend that."""
    stream = b"BT /F1 12 Tf 72 720 Td (The bridge is open) Tj ET"
    return (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont"
        b"/Helvetica>>>>>>>>endobj\n4 0 obj<</Length %d>>stream\n%b\nendstream endobj\n"
        b"trailer<</Root 1 0 R>>\nstartxref\n0\n%%%%EOF" % (len(stream), stream)
    )


SMALL = _small()


def test_a_pdf_by_hand() -> None:
    assert text_of("a.pdf", SMALL).strip() == "The bridge is open"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("for per-\nformance", "for performance"),
        ("per\u2010 \n  formance", "performance"),
        ("per\u00ad\r\nformance", "performance"),
        ("1990-\n1995", "1990-\n1995"),
        ("a list:\n- one", "a list:\n- one"),
        ("well-known", "well-known"),
    ],
)
def test_words_that_a_line_divides(text: str, read: str) -> None:
    assert joined(text) == read
