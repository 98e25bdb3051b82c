"""Answers that are not streams, as they are read."""

from typing import NamedTuple

import msgspec

from genaiops.gateway.call import Call
from genaiops.gateway.estimate import estimated
from genaiops.gateway.failure import AttemptFailure, of_answer
from genaiops.gateway.guarding import lines_of
from genaiops.gateway.large import Stored
from genaiops.gateway.trying import Try
from genaiops.ports.guard import Ruling
from genaiops.ports.providers import Answer, Reply, TokenEstimator

_ERROR_LIMIT = 1 << 20


class Whole(NamedTuple):
    """An answer with its usage, and its body as the client gets it. `kept`: as its record has it, where that differs.
    `stored`: what was made of a large one before."""

    answer: Answer
    body: bytes
    kept: bytes | None = None
    stored: Stored | None = None


def understood(call: Call, attempt: Try, body: bytes, estimator: TokenEstimator) -> Whole:
    """UpstreamError when it is no answer to the call."""
    candidate, sent = attempt.candidate, attempt.sent
    assert sent is not None
    answer = candidate.upstream.provider.read(sent, body)
    if answer.body is not None:
        body = answer.body
    usage = answer.usage
    if usage is None:
        usage = estimated(estimator, call.operation, call.sent, answer.text)
        answer = msgspec.structs.replace(answer, usage=usage)
    if sent.dialect != call.speech.dialect:
        body = call.speech.answer(body, call.raw, call.model, usage)
    if call.amend is not None:
        answer, body = call.amend(candidate, answer, body)
    return Whole(answer, body)


def ruled(call: Call, whole: Whole, ruling: Ruling) -> Whole:
    """As the guard lets it go out."""
    call.guard_line = lines_of(call, ruling)
    return whole._replace(body=ruling.body, kept=ruling.kept)


async def error_answer(attempt: Try, reply: Reply, rest: float) -> AttemptFailure:
    """What an error answer says, without our credential. `rest`: seconds that a refused credential is left alone."""
    try:
        body = await reply.read(_ERROR_LIMIT)
    except BaseException:
        reply.abort()
        raise
    target = attempt.candidate.target
    error = attempt.candidate.upstream.provider.error(reply.status, reply.headers, body)
    failure = of_answer(reply.status, error, target.id, rest)
    message = attempt.redacted(failure.failure.message)
    if message == failure.failure.message:
        return failure
    return msgspec.structs.replace(failure, failure=msgspec.structs.replace(failure.failure, message=message))
