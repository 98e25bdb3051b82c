"""Copies of an application's calls for a release in shadow: made of what the client sent, as that release has it.

Its prompt and parameters go in, its guard policies rule on what comes in and goes out (what one holds is stopped, for
nobody waits who could come again), its model's route chooses and falls back. Nothing is sent twice at the same time.
"""

from genaiops.gateway import guarding
from genaiops.gateway.admit import Grant
from genaiops.gateway.call import Call
from genaiops.gateway.copied import Copied
from genaiops.gateway.deployed import Released
from genaiops.gateway.releasing import enter


class ReleaseCopy(Copied):
    """`asked_with`: the body as its client sent it."""

    def __init__(self, original: Call, grant: Grant, release: Released, asked_with: bytes | bytearray) -> None:
        super().__init__(original, grant)
        self.release = release
        self.raw = asked_with
        self.body = self.speech.decode(self.operation, asked_with)
        self.tags = original.tags

    async def prepare(self) -> None:
        assert self.release is not None
        self.body = enter(self, None)
        lineup = self.key.resolve(self.release.model, self.operation)
        if self.tags:
            lineup = self.key.tagged(lineup, self.tags)
        self.lineup = lineup.without_doubles()
        guarding.open_guard(self)
        if not guarding.ask(self):
            await guarding.wait(self)
            guarding.ask(self)
