"""One try at one target, while it lasts."""

import re
import time

from genaiops.domain import Attempt, Cost, Decision, Status, Usage
from genaiops.gateway.call import Call
from genaiops.gateway.choice import Reason
from genaiops.gateway.failure import AttemptFailure
from genaiops.gateway.pace import Pace
from genaiops.gateway.plan import Candidate
from genaiops.gateway.upstream import Credential, clock
from genaiops.ports.providers import Answer, CallBody, StreamReader, Wire

_NO_ANSWER = Answer(None)
_LONGEST = 2000
_NAME = re.compile(r"[\w.:/@+-]{1,256}", re.ASCII)


class Try:
    """Becomes one Attempt of the call's record, by `end`."""

    __slots__ = (
        "_call",
        "candidate",
        "credential",
        "decision",
        "ended",
        "first_token_us",
        "http_status",
        "probe",
        "reader",
        "reason",
        "sent",
        "span_id",
        "start_ns",
        "start_us",
        "wire",
    )

    def __init__(
        self,
        call: Call,
        candidate: Candidate,
        credential: Credential | None,
        reason: Reason,
        decision: Decision | None = None,
    ) -> None:
        self._call = call
        self.candidate = candidate
        self.credential = credential
        self.reason: Reason = reason
        self.decision = decision
        self.span_id = call.ids.span()
        self.start_ns = time.monotonic_ns()
        self.start_us = call.start_us + (self.start_ns - call.start_ns) // 1000
        self.http_status: int | None = None
        self.first_token_us: int | None = None
        self.reader: StreamReader | None = None
        self.ended = False
        self.probe = candidate.upstream.enter()
        """Whether it is the one that decides if the target's breaker closes again."""
        self.sent: CallBody | None = None
        self.wire: Wire | None = None

    def traceparent(self) -> bytes:
        """The header line that makes this try the parent of what the provider records."""
        return f"traceparent: {self._call.traceparent(self.span_id.hex())}\r\n".encode("ascii")

    def first_content(self) -> None:
        """The first content is here: of this try, and of the call."""
        now = time.monotonic_ns()
        self.first_token_us = (now - self.start_ns) // 1000
        self._call.first_token_us = (now - self._call.start_ns) // 1000

    def end(
        self,
        status: Status,
        *,
        usage: Usage | None = None,
        cost: Cost | None = None,
        answer: Answer = _NO_ANSWER,
        failure: AttemptFailure | None = None,
        error_type: str | None = None,
    ) -> None:
        """Add the record of this try to the call. It pays when it has a usage. Nothing happens a second time."""
        if self.ended:
            return
        self.ended = True
        target = self.candidate.target
        duration_us = (time.monotonic_ns() - self.start_ns) // 1000
        if self.candidate.upstream.pace is not None:
            self._measure(self.candidate.upstream.pace, status, duration_us, failure)
        if usage is not None and (self._call.lines.energy or not self._call.streamed or self._call.trailers):
            self._use(usage, duration_us, answer.busy_us)
        message = None
        if failure is not None:
            error_type = failure.failure.code
            message = self.redacted(failure.failure.message)[:_LONGEST]
        self._call.attempts.append(
            Attempt(
                self.span_id,
                target.id,
                target.provider,
                target.upstream_model,
                self.start_us,
                duration_us,
                self.first_token_us,
                status,
                self.http_status,
                error_type,
                message,
                usage is not None,
                usage,
                cost,
                self._named(answer.response_id),
                self._named(answer.response_model),
                self._named(answer.finish_reason),
                self.reason,
                self.candidate.server_address,
                self.candidate.server_port,
                self.decision,
                answer.busy_us,
            )
        )

    def blame(self, failure: AttemptFailure, *, probe: bool) -> None:
        """Note what a failure says of the target and the credential."""
        upstream = self.candidate.upstream
        now = clock()
        if failure.breaks:
            upstream.breaker.fail(now)
        elif failure.upstream_status is not None:
            upstream.breaker.succeed()  # it answered, and that is all a breaker asks
        else:
            upstream.breaker.forget(probe=probe)
        credential = self.credential
        if failure.rejects_credential:
            upstream.refresh()
        if failure.rest is None:
            return
        if credential is not None and (failure.limits_credential or failure.rejects_credential):
            credential.rest_until = now + failure.rest
        else:
            upstream.rest_until = now + failure.rest

    def _named(self, text: str | None) -> str | None:
        """What a provider calls something, where it is a name; else what the guard leaves of it."""
        guard = self._call.guard
        if guard is None or not text or _NAME.fullmatch(text):
            return text
        return guard.clean(text, "out") or None

    def _use(self, usage: Usage, duration_us: int, busy_us: int | None) -> None:
        call = self._call
        rate = self.candidate.energy(call.operation)
        if rate is None:
            call.energy_unknown = True
        else:
            busy = None if busy_us is None else busy_us / 1_000_000
            tokens, seconds = usage.output_tokens, duration_us / 1_000_000
            central = rate.used(tokens, seconds, busy)
            call.energy += central
            if not call.streamed or call.trailers:
                low, high = rate.bounds(tokens, seconds, busy)
                known = call.used
                call.used = (known[0] + low, known[1] + central, known[2] + high)

    def _measure(self, pace: Pace, status: Status, duration_us: int, failure: AttemptFailure | None) -> None:
        streamed = self._call.streamed
        if status == "ok":
            first = self.first_token_us if streamed and self.first_token_us is not None else duration_us
            pace.observe(first / 1e6, clock(), streamed=streamed)
        elif failure is not None and failure.breaks:
            pace.fail(duration_us / 1e6, clock(), streamed=streamed)

    def redacted(self, text: str) -> str:
        """Without the credential, should a provider quote it."""
        credential = self.credential
        if credential is None or not credential.value:
            return text
        return text.replace(credential.value, "[credential]")
