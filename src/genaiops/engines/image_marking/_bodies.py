"""Where images stand in answers, in the words of each dialect: there they are replaced by what signing made of them.

Sources: OpenAI's API reference (images with their streamed events; the item `image_generation_call` of responses with
its events), Google's (`inlineData` of a part), OpenRouter's guide to image generation (`images` of a chat message).
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from genaiops.core import media
from genaiops.domain import ImageMark

Sign = Callable[[bytes, str], tuple[bytes, ImageMark]]
"""An image and its media type -> the image as it goes out, and what is to be said of it."""

_END: Final = re.compile(rb"(\r?\n\r?\n)")
_INLINE: Final = ("inlineData", "inline_data")
_EVENT: Final = (b"data:", b"event:", b":", b"id:", b"retry:")
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def mark_body(body: bytes, sign: Sign) -> tuple[bytes, tuple[ImageMark, ...]]:
    """The answer with signed images. What cannot be read is left as it is: nobody finds an image in it."""
    walk = _Walk(sign)
    if body.lstrip()[:6].startswith(_EVENT):
        pieces = _END.split(body)
        return b"".join([_event(piece, walk) for piece in pieces]), tuple(walk.marks)
    return _document(body, walk), tuple(walk.marks)


def _document(text: bytes, walk: "_Walk") -> bytes:
    try:
        value = msgspec.json.decode(text)
        before = walk.changed
        walk.see(value)
    except _UNREADABLE:
        return text
    return msgspec.json.encode(value) if walk.changed > before else text


def _event(event: bytes, walk: "_Walk") -> bytes:
    """One event without its end. Its data may stand on several lines."""
    lines = event.splitlines()
    data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    if not data:
        return event
    before = walk.changed
    text = _document(b"\n".join(data), walk)
    if walk.changed == before:
        return event
    others = [line for line in lines if not line.startswith(b"data:")]
    return b"\n".join([*others, b"data: " + text])


class _Walk:
    def __init__(self, sign: Sign) -> None:
        self._sign = sign
        self.marks: list[ImageMark] = []
        self.changed = 0

    def see(self, value: Any) -> None:
        if isinstance(value, list):
            for one in cast("list[Any]", value):
                self.see(one)
        elif isinstance(value, dict):
            self._object(cast("dict[str, Any]", value))

    def _object(self, value: dict[str, Any]) -> None:
        for name, held in value.items():
            if isinstance(held, str):
                if name in ("b64_json", "partial_image_b64") or (
                    name == "result" and value.get("type") == "image_generation_call"
                ):
                    self._take(value, name, held)
                elif name == "url" and held.startswith("data:image/"):
                    head, _, data = held.partition(",")
                    self._take(value, name, data, head=f"{head},")
            elif name == "data" and isinstance(held, list):
                self._images(cast("list[Any]", held))
                self.see(held)
            elif name in _INLINE and isinstance(held, dict):
                self._inline(cast("dict[str, Any]", held))
            else:
                self.see(held)

    def _images(self, data: list[Any]) -> None:
        """Of the answer of an images endpoint: those that are given by an address of the provider's."""
        for one in data:
            url = cast("dict[str, Any]", one).get("url") if isinstance(one, dict) else None
            if isinstance(url, str) and url.startswith(("http://", "https://")):
                self.marks.append(ImageMark("url", reason="The provider gave an address instead of the image."))

    def _inline(self, part: dict[str, Any]) -> None:
        kind, data = part.get("mimeType") or part.get("mime_type"), part.get("data")
        if isinstance(kind, str) and kind.startswith("image/") and isinstance(data, str):
            self._take(part, "data", data)

    def _take(self, value: dict[str, Any], name: str, text: str, *, head: str = "") -> None:
        if not text:
            return
        try:
            image = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self.marks.append(ImageMark("error", reason="The image is not base64."))
            return
        kind = media.kind_of(image)
        if kind is None or not kind.startswith("image/"):
            self.marks.append(ImageMark("format", bytes=len(image), reason="It is no image of a type that is known."))
            return
        signed, mark = self._sign(image, kind)
        self.marks.append(mark)
        if mark.outcome == "marked":
            value[name] = head + base64.b64encode(signed).decode()
            self.changed += 1
