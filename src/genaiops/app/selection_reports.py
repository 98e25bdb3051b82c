"""Reports about runs (of choices among its targets, of sweeps): made, signed, and written to files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.app.home import Home
from genaiops.app.installation import write_atomically
from genaiops.app.signed_reports import report_key, signed_pdf, signed_report
from genaiops.arena import Decision, Selection, Sweep
from genaiops.arena.reports import SELECTION_FORMATS, SWEEP_FORMATS, check_pdf, selection_pdf, sweep_pdf
from genaiops.core.clock import now_us
from genaiops.core.errors import UsageError
from genaiops.sdk import default_home

_FORMS: Final = {".html": "html", ".htm": "html", ".md": "markdown", ".pdf": "pdf"}


def check_place(file: str) -> None:
    """UsageError when no report could be written there: told before anything is recorded."""
    path = Path(file)
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        what = f"{file} is not HTML, Markdown or PDF."
        raise UsageError(what, remedy="Name a file .html, .md or .pdf.", param="output")
    if form == "pdf":
        check_pdf()
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"{file} cannot be written.", remedy="Name a file in a folder that there is.", param="output")


def selection_report(selection: Selection, decision: Decision | None, form: str, *, home: Home, at_us: int) -> bytes:
    """In that form, signed with the key of the home. UsageError for PDF when its extra is not installed."""
    if form == "pdf":
        return signed_pdf(selection_pdf(selection, decision, at_us), selection.run, report_key(home))
    text = SELECTION_FORMATS[form](selection, decision)
    return signed_report(text, selection.run, report_key(home)).encode()


def sweep_report(sweep: Sweep, form: str, *, home: Home, at_us: int) -> bytes:
    """As `selection_report`, of a sweep."""
    if form == "pdf":
        return signed_pdf(sweep_pdf(sweep, at_us), sweep.run, report_key(home))
    return signed_report(SWEEP_FORMATS[form](sweep), sweep.run, report_key(home)).encode()


def write_selection(document: dict[str, Any], file: str, *, home: str | None) -> None:
    """The report of what the API said."""
    selection = msgspec.convert(document["selection"], Selection)
    decision = None if document["decision"] is None else msgspec.convert(document["decision"], Decision)

    def made(form: str, place: Home) -> bytes:
        return selection_report(selection, decision, form, home=place, at_us=now_us())

    write_report(made, file, home=home)


def write_report(made: Callable[[str, Home], bytes], file: str, *, home: str | None) -> None:
    """What `made` makes of the form that the file's ending says, and the home whose key signs it."""
    check_place(file)
    place = Home(home or default_home())
    place.prepare()
    data = made(_FORMS[Path(file).suffix.lower()], place)
    try:
        write_atomically(Path(file).absolute(), data, mode=0o644)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}.", remedy="Write it elsewhere: -o FILE", param="output"
        ) from error
