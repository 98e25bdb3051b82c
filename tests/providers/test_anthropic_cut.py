"""Anthropic's streams that break off: what they are charged."""

import pytest

from genaiops.checks.tokens import Estimator
from genaiops.domain import Usage
from genaiops.ports.providers import Dialect
from tests.providers.test_anthropic import ANSWER, sse, stream_of


@pytest.mark.parametrize("dialect", ["messages", "openai"])
def test_a_stream_that_breaks_off_has_the_input_that_it_told_and_an_estimate_of_what_came(dialect: Dialect) -> None:
    """message_start counts one token of output: charging that would give the answer away; an estimate of the prompt
    would leave out what the provider added and what came out of its cache."""
    stream = stream_of(dialect)
    usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 1}
    stream.feed(sse("message_start", message={**ANSWER, "content": [], "stop_reason": None, "usage": usage}))
    stream.feed(sse("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    came = "Hello there, nice to meet you."
    piece = stream.feed(sse("content_block_delta", index=0, delta={"type": "text_delta", "text": came}))
    assert piece is not None
    assert piece.content
    answer = stream.finish()
    estimate = Estimator()
    expected = Usage(10, 90, output_text=estimate.estimate(came), estimated=True, estimator=estimate.name)
    assert (answer.usage, answer.text, answer.finish_reason) == (expected, came, None)


def test_a_stream_that_breaks_off_and_told_nothing_has_no_usage() -> None:
    stream = stream_of("messages")
    stream.feed(sse("message_start", message={**ANSWER, "content": [], "stop_reason": None, "usage": None}))
    stream.feed(sse("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"}))
    answer = stream.finish()
    assert (answer.usage, answer.text) == (None, "Hel")


def test_a_long_text_is_estimated_by_its_beginning() -> None:
    stream = stream_of("messages")
    stream.feed(
        sse("message_start", message={**ANSWER, "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}})
    )
    stream.feed(sse("content_block_delta", index=0, delta={"type": "text_delta", "text": "word " * 100_000}))
    usage = stream.finish().usage
    assert usage is not None
    assert abs(usage.output_text - 100_000) < 1_000
