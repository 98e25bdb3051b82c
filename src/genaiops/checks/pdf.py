"""Text of PDF files, page by page, as it is written in them: no pixel is read, nothing is run or fetched."""

import io
import logging
import re
from typing import Final

from genaiops.core.errors import UsageError

MOST_PAGES: Final = 5_000
MOST_CHARACTERS: Final = 25 << 20
_DIVIDED: Final = re.compile("(?<=[^\\W\\d_])[-\u2010\u00ad][ \t]*\r?\n[ \t]*(?=[^\\W\\d_])")
"""A word that goes on in the next line."""


def pages_of(name: str, data: bytes) -> list[str]:
    """The text of each page, words that a line end divides in one piece; empty for one that is only an image.
    UsageError for what is no PDF, needs a password, or has too many pages or characters."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it complains of much that it mends
    pages: list[str] = []
    left = MOST_CHARACTERS
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _refused(name, "needs a password", "Save it without one.")
        if len(reader.pages) > MOST_PAGES:
            raise _refused(name, f"has {len(reader.pages):,} pages, more than {MOST_PAGES:,}", "Divide it.")
        for page in reader.pages:
            pages.append(joined(page.extract_text()))
            left -= len(pages[-1])
            if left < 0:
                raise _refused(name, f"has more than {MOST_CHARACTERS >> 20} million characters", "Divide it.")
    except UsageError:
        raise
    except Exception as error:  # a broken file fails anywhere within its reader
        why = str(error).strip().rstrip(".") or type(error).__name__
        raise _refused(name, f"is no PDF that can be read ({why[:120]})", "Save it anew, or as text.") from error
    return pages


def joined(text: str) -> str:
    """With the words in one piece that a hyphen at a line's end divides. One that has a hyphen of its own there loses
    it: which of both it is, nothing in a PDF says."""
    return _DIVIDED.sub("", text)


def _refused(name: str, what: str, remedy: str) -> UsageError:
    return UsageError(f"{name} {what}.", remedy=remedy, param="files")
