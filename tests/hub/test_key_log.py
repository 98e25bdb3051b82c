"""Whatever happens to keys and their actors, whenever it is published: the log accepts exactly the secrets that the
records accept."""

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from genaiops.core.errors import Conflict, Unauthenticated
from genaiops.domain import KeyEntry, Scope
from genaiops.hub import Hub, NewBudget, NewKey, NewRateLimit, changed_key_entries, key_entries
from genaiops.hub._key_text import digest_of
from genaiops.ports.records import Records
from tests.examples import examples
from tests.hub.conftest import Clock


class KeyLog(RuleBasedStateMachine):
    def __init__(self, records: Records) -> None:
        super().__init__()
        self.clock = Clock()
        self.hub = Hub(records, clock=self.clock)
        self.texts: list[str] = []
        self.keys: list[str] = []
        self.log: dict[bytes, KeyEntry] = {}
        self.published = 0
        self.actors = [self.hub.actors.create(name, "service_account", by="admin").id for name in ("x", "y")]
        self.restart_log()

    @rule(actor=st.integers(0, 1), lasts=st.sampled_from([None, 30, 100]), publish=st.booleans())
    def create(self, actor: int, lasts: int | None, publish: bool) -> None:
        expires_us = None if lasts is None else self.clock() + lasts * 1_000_000
        if self.hub.actors.get(self.actors[actor]).disabled_us is None:
            new = NewKey(name="k", actor_id=self.actors[actor], expires_us=expires_us)
            key, text = self.hub.keys.create(new, by="admin")
            self.keys.append(key.id)
            self.texts.append(text)
        self.maybe(publish)

    @precondition(lambda self: self.keys)
    @rule(which=st.integers(0, 99), overlap=st.sampled_from([0, 20, 50]), publish=st.booleans())
    def rotate(self, which: int, overlap: int, publish: bool) -> None:
        try:
            _, text = self.hub.keys.rotate(self.keys[which % len(self.keys)], overlap_seconds=overlap, by="admin")
        except Conflict:
            return
        self.texts.append(text)
        self.maybe(publish)

    @precondition(lambda self: self.keys)
    @rule(which=st.integers(0, 99), publish=st.booleans())
    def revoke(self, which: int, publish: bool) -> None:
        self.hub.keys.revoke(self.keys[which % len(self.keys)], by="admin")
        self.maybe(publish)

    @rule(actor=st.integers(0, 1), enable=st.booleans(), publish=st.booleans())
    def switch(self, actor: int, enable: bool, publish: bool) -> None:
        change = self.hub.actors.enable if enable else self.hub.actors.disable
        change(self.actors[actor], by="admin")
        self.maybe(publish)

    @precondition(lambda self: self.keys)
    @rule(which=st.integers(0, 99), publish=st.booleans())
    def limit(self, which: int, publish: bool) -> None:
        scope = Scope("key", self.keys[which % len(self.keys)])
        there = self.hub.rate_limits.on(scope)
        if there:
            self.hub.rate_limits.remove(there[0].id, by="admin")
        else:
            self.hub.rate_limits.create(NewRateLimit(scope=scope, concurrency=1), by="admin")
            self.hub.budgets.create(NewBudget(scope=scope, limit="1 calls"), by="admin")
        self.maybe(publish)

    @rule(seconds=st.sampled_from([1, 20, 60]))
    def wait(self, seconds: int) -> None:
        self.clock.move(seconds)

    @rule()
    def restart_log(self) -> None:
        with self.hub.records.read() as view:
            self.log = {entry.digest: entry for entry in key_entries(view, None, now_us=self.clock())}
            self.published = view.version()

    def maybe(self, publish: bool) -> None:
        if publish:
            self.publish()

    def publish(self) -> None:
        with self.hub.records.read() as view:
            for entry in changed_key_entries(view, view.changes(self.published), now_us=self.clock()):
                if entry.removed:
                    self.log.pop(entry.digest, None)
                else:
                    self.log[entry.digest] = entry
            self.published = view.version()

    @invariant()
    def log_and_records_agree_once_published(self) -> None:
        with self.hub.records.read() as view:
            if self.published != view.version():
                return
            fresh = {entry.digest: entry for entry in key_entries(view, None, now_us=self.clock())}
        usable = {digest: entry for digest, entry in self.log.items() if self._in_time(entry)}
        assert usable == {digest: entry for digest, entry in fresh.items() if self._in_time(entry)}
        for text in self.texts:
            assert (bytes.fromhex(digest_of(text)) in usable) == self._authenticates(text)

    def _in_time(self, entry: KeyEntry) -> bool:
        return entry.not_after_us is None or self.clock() < entry.not_after_us

    def _authenticates(self, text: str) -> bool:
        try:
            self.hub.keys.authenticate(text)
        except Unauthenticated:
            return False
        return True


@pytest.mark.property
def test_the_log_accepts_what_the_records_accept(new_records: Callable[[], Records]) -> None:
    class OnNewStore(KeyLog):
        def __init__(self) -> None:
            super().__init__(new_records())

    run_state_machine_as_test(
        OnNewStore,
        settings=settings(
            max_examples=examples(25),
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
