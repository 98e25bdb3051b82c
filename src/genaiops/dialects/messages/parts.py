"""Parts of a message both ways: text, images, documents. Cache marks (`cache_control`) stay on what they mark.

Anthropic: content blocks `text`, `image`, `document` (platform.claude.com, Messages). OpenAI: content parts `text`,
`image_url`, `file` (API reference, chat completions).
"""

import base64
import binascii
import re
from typing import Any

from genaiops.dialects.fields import CHAT, MESSAGES, Fields, unsayable, wrong

MARK = "cache_control"
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)((?:;[\w.+-]+=[^;,]*)*)(;base64)?,", re.ASCII)
_PDF = "application/pdf"
_TEXT = "text/plain"
_NAMES = {_PDF: "document.pdf", _TEXT: "document.txt"}
"""A chat `file` needs a name; these stand for a document that has no title."""


def chat_part(block: Fields, *, strict: bool) -> dict[str, Any]:
    """A content block as a part of a chat message. `strict`: without the marks that OpenAI's own API refuses."""
    kind = block.needed_text("type")
    mark = block.object(MARK)
    if kind == "text":
        part: dict[str, Any] = {"type": "text", "text": block.needed_text("text")}
        block.only("citations", [])
    elif kind == "image":
        part = {"type": "image_url", "image_url": {"url": _image_url(block.needed_fields("source"))}}
        block.only("transformations", {})
    elif kind == "document":
        part = {"type": "file", "file": _file(block)}
    else:
        raise unsayable(block.path("type"), CHAT)
    block.close()
    return marked(part, None if strict else mark)


def marked(part: dict[str, Any], mark: dict[str, Any] | None) -> dict[str, Any]:
    if mark is not None:
        part[MARK] = mark
    return part


def _image_url(source: Fields) -> str:
    kind = source.needed_text("type")
    if kind == "url":
        url = source.needed_text("url")
    elif kind == "base64":
        url = f"data:{source.needed_text('media_type')};base64,{source.needed_text('data')}"
    else:
        raise unsayable(source.path("type"), CHAT, "Send the image by `url` or `base64`.")
    source.close()
    return url


def _file(block: Fields) -> dict[str, Any]:
    source = block.needed_fields("source")
    kind = source.needed_text("type")
    title = block.text("title")
    citations = block.fields("citations")
    if citations is not None:
        citations.only("enabled", False)
        citations.close()
    if kind == "base64":
        media, data = source.needed_text("media_type"), source.needed_text("data")
    elif kind == "text":
        media, data = _TEXT, base64.b64encode(source.needed_text("data").encode()).decode()
        source.only("media_type", _TEXT)
    else:
        raise unsayable(source.path("type"), CHAT, "Send the document as `base64` or `text`.")
    source.close()
    return {"filename": title or _NAMES.get(media, "document"), "file_data": f"data:{media};base64,{data}"}


def block_of(part: Fields) -> dict[str, Any]:
    """A part of a chat message as a content block."""
    kind = part.needed_text("type")
    mark = part.object(MARK)
    if kind == "text":
        block: dict[str, Any] = {"type": "text", "text": part.needed_text("text")}
    elif kind == "refusal":
        block = {"type": "text", "text": part.needed_text("refusal")}
    elif kind == "image_url":
        block = {"type": "image", "source": _image_source(part.needed_fields("image_url"))}
    elif kind == "file":
        block = _document(part.needed_fields("file"))
    else:
        raise unsayable(part.path("type"), MESSAGES)
    part.close(("prompt_cache_breakpoint",))
    return marked(block, mark)


def _image_source(image: Fields) -> dict[str, Any]:
    url = image.needed_text("url")
    image.close(("detail",))
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    media, data = _data_url(url, image.path("url"))
    return {"type": "base64", "media_type": media, "data": data}


def _document(file: Fields) -> dict[str, Any]:
    file.refuse("file_id", "Send the file itself as `file_data`.")
    path = file.path("file_data")
    media, data = _data_url(file.needed_text("file_data"), path)
    if media == _TEXT:
        try:
            text = base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise wrong(path, "is not text in base64") from None
        source = {"type": "text", "media_type": _TEXT, "data": text}
    elif media == _PDF:
        source = {"type": "base64", "media_type": _PDF, "data": data}
    else:
        raise unsayable(path, MESSAGES, f"Documents can be {_PDF} or {_TEXT}, not {media}.")
    name = file.text("filename")
    file.close()
    block = {"type": "document", "source": source}
    return block if not name or name == _NAMES[media] else {**block, "title": name}


def _data_url(url: str, path: str) -> tuple[str, str]:
    """(media type, base64) of a data URL (RFC 2397)."""
    match = _DATA_URL.match(url)
    if match is None or not match[3]:
        raise wrong(path, "must be a data URL in base64: data:TYPE;base64,DATA")
    return match[1], url[match.end() :]
