"""Images are found where dialects put them, and nothing else of an answer changes."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.domain import ImageMark
from genaiops.engines.image_marking import mark_body
from tests.engines.test_c2pa_manifest import IMAGES

PNG = IMAGES["image/png"]


def signed(image: bytes, kind: str) -> tuple[bytes, ImageMark]:
    """Tells itself from what came: no library is needed to see what is given to it."""
    return image + b"+", ImageMark("marked", kind, len(image) + 1)


def text(image: bytes = PNG) -> str:
    return base64.b64encode(image).decode()


PLACES: dict[str, Any] = {
    "images": {"data": [{"b64_json": text()}]},
    "data url": {"data": [{"url": f"data:image/png;base64,{text()}"}]},
    "responses": {"output": [{"type": "image_generation_call", "result": text()}]},
    "responses, partial": {"type": "response.image_generation_call.partial_image", "partial_image_b64": text()},
    "gemini": {"parts": [{"inlineData": {"mimeType": "image/png", "data": text()}}]},
    "gemini, as python has it": {"parts": [{"inline_data": {"mime_type": "image/png", "data": text()}}]},
    "chat": {"message": {"images": [{"image_url": {"url": f"data:image/png;base64,{text()}"}}]}},
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_of_an_image(place: str) -> None:
    body = json.dumps({"before": [1, 2.5, None], **PLACES[place], "after": "text"}).encode()
    for sent in (body, b"event: x\ndata: " + body + b"\n\ndata: [DONE]\n\n"):
        found, marks = mark_body(sent, signed)
        assert [mark.outcome for mark in marks] == ["marked"]
        assert found.decode().replace(" ", "") == sent.decode().replace(text(), text(PNG + b"+")).replace(" ", "")


LEFT_ALONE: dict[str, Any] = {
    "a call of a tool": {"type": "function_call", "result": text()},
    "sound": {"inlineData": {"mimeType": "audio/wav", "data": text()}},
    "text that speaks of images": {"content": f"data:image/png;base64,{text()}"},
    "numbers": {"b64_json": 7},
    "an empty one": {"b64_json": ""},
}


@pytest.mark.parametrize("what", LEFT_ALONE)
def test_what_is_no_image(what: str) -> None:
    body = json.dumps(LEFT_ALONE[what]).encode()
    assert mark_body(body, signed) == (body, ())


def test_bytes_of_an_answer_without_images_stay() -> None:
    body = b'{ "data" : [ {"url": "https://x.example/1.png"} ],\n "big": 12345678901234567890123 }'
    found, marks = mark_body(body, signed)
    assert (found, [mark.outcome for mark in marks]) == (body, ["url"])


_JSON = st.recursive(
    st.none()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.just(text()),
    lambda held: (
        st.lists(held, max_size=3)
        | st.dictionaries(
            st.sampled_from(["b64_json", "url", "data", "inlineData", "mimeType", "type", "result", "x"]),
            held,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_document_keeps_its_form(value: Any) -> None:
    body = json.dumps(value).encode()
    found, _ = mark_body(body, lambda image, kind: (image, ImageMark("marked", kind)))
    assert json.loads(found) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    for body in (data, b"data: " + data, b'{"b64_json": "' + data):
        assert mark_body(body, signed)[0] == body or b"b64_json" in body
