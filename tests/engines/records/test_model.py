"""Random units of writes, some rolled back, against a plain dictionary."""

from typing import Any, NoReturn

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from genaiops.core.errors import Conflict, NotFound
from genaiops.domain import Actor, Budget, Scope, Team
from genaiops.engines.records_sql._schema import METADATA
from genaiops.ports.records import COLLECTIONS, Records, View
from tests.engines.records.test_migrations import engine_of
from tests.examples import examples

IDS = st.sampled_from(["a", "b", "c", "B", "ä"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
TEAMS = st.builds(Team, id=IDS, tenant_id=st.sampled_from(["t1", "t2"]), title=TEXT, created_us=st.integers(0, 2**60))
ACTORS = st.builds(
    Actor,
    id=IDS,
    name=st.sampled_from(["ann", "bob", "eve"]),
    kind=st.sampled_from(["person", "service_account"]),
    team_id=st.sampled_from([None, "a"]),
    created_us=st.just(1),
)
BUDGETS = st.builds(
    Budget,
    id=IDS,
    scope=st.builds(Scope, st.sampled_from(["key", "team"]), IDS),
    meter=st.just("calls"),
    limit=st.integers(0, 2**62),
    warn_at=st.lists(st.floats(0, 1), max_size=3).map(tuple),
    created_us=st.just(1),
)
NOUNS = (Team, Actor, Budget)
ENTITIES = st.one_of(TEAMS, ACTORS, BUDGETS)
STEPS = st.one_of(
    st.tuples(st.just("add"), ENTITIES),
    st.tuples(st.just("add_all"), st.lists(ENTITIES, max_size=4)),
    st.tuples(st.just("replace"), ENTITIES),
    st.tuples(st.just("remove"), st.tuples(st.sampled_from(NOUNS), IDS)),
)


class Rollback(Exception):
    pass


class Model:
    """What a store should hold: the entities, and the changes as (action, collection, id, body)."""

    def __init__(self) -> None:
        self.held: dict[tuple[type, str], Any] = {}
        self.changes: list[tuple[str, str, str, bytes | None]] = []

    def copy(self) -> "Model":
        other = Model()
        other.held, other.changes = dict(self.held), list(self.changes)
        return other

    def put(self, action: str, entity: Any) -> None:
        noun = type(entity)
        there = (noun, entity.id) in self.held
        if action == "replace" and not there and not self._name_taken(entity):
            raise NotFound("")
        if (action == "add" and there) or self._name_taken(entity):
            raise Conflict("")
        self.held[noun, entity.id] = entity
        self.changes.append((action, COLLECTIONS[noun].name, entity.id, msgspec.json.encode(entity)))

    def remove(self, noun: type, entity_id: str) -> None:
        if (noun, entity_id) not in self.held:
            raise NotFound("")
        del self.held[noun, entity_id]
        self.changes.append(("remove", COLLECTIONS[noun].name, entity_id, None))

    def _name_taken(self, entity: Any) -> bool:
        return isinstance(entity, Actor) and any(
            isinstance(other, Actor) and other.name == entity.name and other.id != entity.id
            for other in self.held.values()
        )

    def apply(self, action: str, what: Any) -> None:
        if action == "remove":
            self.remove(*what)
        elif action == "add_all":
            trial = self.copy()
            for entity in what:
                trial.put("add", entity)
            self.held, self.changes = trial.held, trial.changes
        else:
            self.put(action, what)


class Machine(RuleBasedStateMachine):
    def __init__(self, records: Records) -> None:
        super().__init__()
        self.records = records
        self.model = Model()

    @rule(steps=st.lists(STEPS, max_size=6), commit=st.booleans(), look=st.booleans())
    def unit(self, steps: list[tuple[str, Any]], commit: bool, look: bool) -> None:
        inside = self.model.copy()
        try:
            with self.records.write("someone") as unit:
                for action, what in steps:
                    expected: type[Exception] | None = None
                    try:
                        inside.apply(action, what)
                    except (Conflict, NotFound) as error:
                        expected = type(error)
                    call = getattr(unit, action)
                    arguments = what if action == "remove" else (what,)
                    if expected is None:
                        call(*arguments)
                    elif action == "add_all" and len({type(entity) for entity in what}) > 1:
                        self._abandon()  # which part of a mixed list was done is not promised
                    else:
                        with pytest.raises(expected):
                            call(*arguments)
                    if look:
                        check(unit, inside)
                if not commit:
                    self._abandon()
        except Rollback:
            return
        self.model = inside

    @staticmethod
    def _abandon() -> NoReturn:
        raise Rollback

    @invariant()
    def as_the_model(self) -> None:
        with self.records.read() as view:
            check(view, self.model)


def check(view: View, model: Model) -> None:
    assert view.version() == len(model.changes)
    changes = view.changes(0)
    assert [change.seq for change in changes] == list(range(1, len(model.changes) + 1))
    assert [(c.action, c.collection, c.entity_id, c.body) for c in changes] == model.changes
    for noun in NOUNS:
        expected = [entity for (kind, _), entity in model.held.items() if kind is noun]
        expected.sort(key=lambda entity: entity.id.encode())
        assert view.find(noun) == expected
        assert view.count(noun) == len(expected)
    people = [a for a in model.held.values() if isinstance(a, Actor) and a.kind == "person" and a.team_id is None]
    assert view.find(Actor, {"kind": "person", "team_id": None}) == sorted(people, key=lambda a: a.id.encode())
    mine = [b for b in model.held.values() if isinstance(b, Budget) and b.scope == Scope("key", "a")]
    assert view.count(Budget, {"scope.kind": "key", "scope.id": "a"}) == len(mine)


@pytest.mark.property
def test_records_behave_as_a_dictionary_with_a_log(records: Records) -> None:
    class OnEmptyStore(Machine):
        def __init__(self) -> None:
            with engine_of(records).connect().execution_options(genaiops_write=True) as connection, connection.begin():
                for table in METADATA.sorted_tables:
                    connection.execute(table.delete())
            super().__init__(records)

    run_state_machine_as_test(
        OnEmptyStore,
        settings=settings(
            max_examples=examples(25),
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
