"""What the gateway reads of a Responses request before it knows the target."""

import json
from typing import Any

import pytest

from genaiops.core.errors import UsageError
from genaiops.dialects.responses import ResponsesHead, decode_head, dense_parts, hidden_state
from tests.dialects.responses_shapes import result, user


def head(**fields: Any) -> ResponsesHead:
    return decode_head(json.dumps({"model": "m", "input": "x", **fields}).encode())


def test_the_head_has_what_limits_and_identity_need() -> None:
    found = head(stream=True, max_output_tokens=5, user="u", safety_identifier="s", metadata={"a": "b"})
    assert (found.model, found.stream, found.max_output_tokens, found.end_user) == ("m", True, 5, "s")
    assert found.metadata == {"a": "b"}
    with pytest.raises(UsageError, match="max_output_tokens"):
        head(max_output_tokens=-1)
    with pytest.raises(UsageError, match="model"):
        decode_head(b'{"input":"x"}')


def test_dense_parts_are_counted_in_messages_and_results() -> None:
    image = {"type": "input_image", "image_url": "u"}
    text = {"type": "input_text", "text": "t"}
    items = [user(image, text), result("c", [image, {"type": "input_file"}]), {"role": "user", "content": "x"}]
    assert dense_parts(head(input=items)) == 3
    assert dense_parts(head()) == 0
    assert dense_parts(head(input=[{"type": "computer_call_output", "output": {"type": "computer_screenshot"}}])) == 1
    assert dense_parts(head(input=[3])) == 1
    odd = {"type": "computer_call_output", "output": {"type": "computer_screenshot"}}
    assert dense_parts(head(input=[odd, user(image), {"role": "user", "content": [3]}])) == 3


def test_what_refers_to_state_kept_elsewhere_is_named() -> None:
    assert hidden_state(head()) == ()
    assert hidden_state(head(previous_response_id="r", conversation={"id": "c"})) == (
        "previous_response_id",
        "conversation",
    )
    assert hidden_state(head(input=[{"type": "item_reference", "id": "x"}])) == ("input",)
    assert hidden_state(head(input=[{"id": "x"}])) == ("input",)
    assert hidden_state(head(input=[{"role": "user", "content": "x"}])) == ()
