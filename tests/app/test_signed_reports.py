"""Signatures of reports: any change is seen, whatever the form, and only trusted keys count."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.app.home import Home
from genaiops.app.signed_reports import KEY, report_key, signed_pdf, signed_report, verify_report
from genaiops.core.errors import UsageError
from genaiops.govern import SigningKey

FORMS = {
    "junit": "<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"x\" />\n",
    "jsonl": '{"type":"report"}\n{"type":"case"}\n',
    "markdown": "<!-- genaiops suite report: x -->\n## PASS: x\n",
    "html": "<!doctype html>\n<html></html>\n",
}
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\nxref\ntrailer\n<<>>\nstartxref\n31\n%%EOF\n"
MINE, OTHER = SigningKey("genaiops/report", b"1" * 32), SigningKey("genaiops/report", b"2" * 32)


@pytest.mark.parametrize("form", FORMS)
@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_every_changed_byte_is_seen(
    form: str, place: int, change: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"report-{form}"
    data = bytearray(signed_report(FORMS[form], "run_1", MINE).encode())
    path.write_bytes(data)
    found = verify_report(path)
    assert (found.holds, found.run, found.key) == (True, "run_1", str(MINE.verifier))
    place %= len(data)
    data[place] ^= change
    path.write_bytes(data)
    try:
        found = verify_report(path, [str(MINE.verifier)])
    except UsageError as error:
        assert "has no signature at its end" in error.message  # noqa: PT017 (one of two ways to be refused)
    else:
        is_signed = place < len(FORMS[form].encode())  # what names the file's own key is not, for it is not trusted
        assert not (found.holds and is_signed)


@pytest.mark.parametrize("form", FORMS)
def test_only_trusted_keys_count(form: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text(signed_report(FORMS[form], "run_1", MINE))
    assert verify_report(path, [str(OTHER.verifier), str(MINE.verifier)]).holds
    refused = verify_report(path, [str(OTHER.verifier)])
    assert (refused.holds, refused.reason) == (False, "It is signed by none of the keys that are trusted.")
    path.write_text(signed_report(FORMS[form] + FORMS[form], "run_1", OTHER))
    assert verify_report(path).holds
    assert not verify_report(path, [str(MINE.verifier)]).holds


def test_a_signature_of_another_report_does_not_serve(tmp_path: Path) -> None:
    path = tmp_path / "report"
    one, two = (signed_report(FORMS["html"], run, MINE) for run in ("run_1", "run_2"))
    assert one != two
    path.write_text(FORMS["markdown"] + one.removeprefix(FORMS["html"]))
    assert verify_report(path).reason == "It is not what was signed."
    path.write_text(one + "more\n")
    with pytest.raises(UsageError, match="no signature at its end"):
        verify_report(path)
    path.write_text(one)
    with pytest.raises(UsageError, match="is no key that verifies"):
        verify_report(path, ["x"])


@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_every_changed_byte_of_a_pdf_is_seen(place: int, change: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "report.pdf"
    data = bytearray(signed_pdf(PDF, "run_1", MINE))
    path.write_bytes(data)
    assert verify_report(path, [str(MINE.verifier)]).holds
    place %= len(data)
    data[place] ^= change
    path.write_bytes(data)
    try:
        found = verify_report(path, [str(MINE.verifier)])
    except UsageError as error:
        assert "has no signature at its end" in error.message  # noqa: PT017 (one of two ways to be refused)
    else:
        own = data.index(b"% key ")  # what names the file's own key is not signed, for it is not trusted
        assert not found.holds or place > own


def test_nothing_hides_in_the_signature_of_a_pdf(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    signed = signed_pdf(PDF, "run_1", MINE)
    assert signed.startswith(PDF)
    assert signed.endswith(b"startxref\n31\n%%EOF\n")
    for altered in (
        signed + b"2 0 obj\n<<>>\nendobj\nstartxref\n99\n%%EOF\n",
        signed.replace(b"% key ", b"2 0 obj\n<<>>\nendobj\n% key "),
        signed[: -len(b"31\n%%EOF\n")] + b"32\n%%EOF\n",
    ):
        path.write_bytes(altered)
        with pytest.raises(UsageError, match="no signature at its end"):
            verify_report(path)
    path.write_bytes(signed.replace(b"<<>>", b"<</>", 1))
    assert verify_report(path).reason == "It is not what was signed."


def test_signed_xml_is_still_xml() -> None:
    assert ElementTree.fromstring(signed_report(FORMS["junit"], "run_1", MINE)).get("name") == "x"


def test_the_key_is_made_once_and_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    made = report_key(home)
    assert str(report_key(home).verifier) == str(made.verifier)
    monkeypatch.setenv(KEY, OTHER.text())
    assert str(report_key(home).verifier) == str(OTHER.verifier)
    monkeypatch.setenv(KEY, "nonsense")
    with pytest.raises(UsageError, match="in the environment is no key") as raised:
        report_key(home)
    assert "nonsense" not in str(raised.value)
