"""Reports of choices among the candidates of a run, written to files."""

from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.app.home import Home
from genaiops.app.installation import write_atomically
from genaiops.app.signed_reports import report_key, signed_report
from genaiops.arena import Decision, Selection
from genaiops.arena.reports import SELECTION_FORMATS
from genaiops.core.errors import UsageError
from genaiops.sdk import default_home

_FORMS: Final = {".html": "html", ".htm": "html", ".md": "markdown"}


def check_place(file: str) -> None:
    """UsageError when no report could be written there: told before anything is recorded."""
    path = Path(file)
    if path.suffix.lower() not in _FORMS:
        raise UsageError(f"{file} is neither HTML nor Markdown.", remedy="Name a file .html or .md.", param="output")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"{file} cannot be written.", remedy="Name a file in a folder that there is.", param="output")


def write_selection(document: dict[str, Any], file: str, *, home: str | None) -> None:
    """The report of what the API said, signed with the key of the home."""
    check_place(file)
    selection = msgspec.convert(document["selection"], Selection)
    decision = None if document["decision"] is None else msgspec.convert(document["decision"], Decision)
    text = SELECTION_FORMATS[_FORMS[Path(file).suffix.lower()]](selection, decision)
    place = Home(home or default_home())
    place.prepare()
    try:
        write_atomically(
            Path(file).absolute(), signed_report(text, selection.run, report_key(place)).encode(), mode=0o644
        )
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}.", remedy="Write it elsewhere: -o FILE", param="output"
        ) from error
