"""Which traces are kept, where only a share of them is: whole ones, by their id, and every one with an error."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from genaiops.domain import Content, Span
from genaiops.watch.otlp._translate import Sender

Told = tuple[Span, Content]

SHARE: Final = "genaiops.sampling.share"
"""The attribute that tells what share of traces was kept beside this one: a trace stands for 1 / share of them."""

HELD_SPANS = 20_000
"""Spans left out lately, in case an error of their trace comes later."""

REMEMBERED = 50_000
"""Traces with errors, all of whose later spans are kept."""

_RANDOM = 1 << 56
_KEY = "key:"


class Sampler:
    """`shares`: environment or `key:KEY_ID` -> share; that of a key goes before that of its environment. Not for two
    threads at a time."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self._shares = shares
        self._failed: OrderedDict[bytes, None] = OrderedDict()
        self._held: OrderedDict[bytes, list[Told]] = OrderedDict()
        self._count = 0

    def kept(self, told: Sequence[Told], sender: Sender) -> list[Told]:
        """Those to store, and what was left out before of traces that have an error now.

        A trace is in the share by the last 7 bytes of its id, which are random (W3C Trace Context 2, section 2.2.1),
        so that all its spans are, whoever sends them and when.
        """
        share = self._shares.get(_KEY + sender.key_id, self._shares.get(sender.environment_id, 1.0))
        if share >= 1:
            return list(told)
        for span, _ in told:
            if span.status == "error":
                self._remember(span.trace_id)
        found: list[Told] = []
        for one in told:
            trace_id = one[0].trace_id
            if int.from_bytes(trace_id[-7:], "big") < share * _RANDOM:
                found.append(_with_share(one, share))
            elif trace_id in self._failed:
                found += [_with_share(each, 1.0) for each in (*self._release(trace_id), one)]
            else:
                self._hold(one)
        return found

    def _remember(self, trace_id: bytes) -> None:
        self._failed[trace_id] = None
        self._failed.move_to_end(trace_id)
        if len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)

    def _release(self, trace_id: bytes) -> list[Told]:
        held = self._held.pop(trace_id, [])
        self._count -= len(held)
        return held

    def _hold(self, one: Told) -> None:
        self._held.setdefault(one[0].trace_id, []).append(one)
        self._count += 1
        while self._count > HELD_SPANS:
            self._count -= len(self._held.popitem(last=False)[1])


def _with_share(told: Told, share: float) -> Told:
    span, content = told
    attributes = {**(content.attributes or {}), SHARE: msgspec.Raw(msgspec.json.encode(share))}
    return span, msgspec.structs.replace(content, attributes=attributes)
