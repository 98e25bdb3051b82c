"""What every engine of the records port does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from genaiops.core.errors import Conflict, NotFound, StoreError, UsageError
from genaiops.domain import Actor, ApiKey, Artifact, Budget, Environment, Price, Scope, Target, Team, Tenant
from genaiops.ports.records import Records


def key(number: int, **fields: object) -> ApiKey:
    base = {"name": f"k{number}", "hint": "gok_", "digest": f"{number:064x}", "actor_id": "ann", "created_us": 1}
    return ApiKey(id=f"key_{number:06}", **{**base, **fields})  # type: ignore[arg-type]


def test_a_new_store_is_empty(records: Records) -> None:
    with records.read() as view:
        assert view.version() == 0
        assert view.changes(0) == []
        assert view.find(Team) == []
        assert view.get(Team, "search") is None
        assert view.count(Team) == 0


def test_what_was_written_comes_back_equal(records: Records) -> None:
    entities = [
        Tenant(id="default", title='Übergröße "✓" \u2028 \\u0000 \\ 🦜', created_us=1),
        Team(id="search", created_us=2),
        Environment(id="prod", kind="prod", capture="preview", created_us=3),
        Actor(id="ann", name="Ann", kind="person", roles=("admin", "viewer"), created_us=4),
        key(1, models=("gpt-*", "smollm2"), addresses=("10.0.0.0/8",), expires_us=(1 << 53) + 1),
        Target(id="t", provider="echo", model="m", upstream_model="m", settings={"a": "b"}, created_us=5),
        Price(id="p@1", version=1, provider="x", model="m*", input=9_000_000_000_000_000_001, output=0, created_us=6),
        Budget(
            id="b", scope=Scope("team", "search"), meter="money", limit=10**18, warn_at=(0.1, 0.8, 1.0), created_us=7
        ),
        Artifact(id="model/m", kind="model", name="m", created_us=8),
    ]
    with records.write("ann") as unit:
        for entity in entities:
            unit.add(entity)
        assert [unit.get(type(entity), entity.id) for entity in entities] == entities
    with records.read() as view:
        assert [view.get(type(entity), entity.id) for entity in entities] == entities
        assert view.version() == len(entities)


def test_every_write_is_a_change(records: Records) -> None:
    team = Team(id="search", created_us=1)
    renamed = Team(id="search", title="Search", created_us=1)
    with records.write("ann") as unit:
        unit.add(team)
        unit.replace(renamed)
        assert unit.version() == 2
        assert [change.seq for change in unit.changes(1)] == [2]
        assert [change.seq for change in unit.history(Team, "search")] == [2, 1]
    with records.write("bob") as unit:
        unit.remove(Team, "search")
    with records.read() as view:
        changes = view.changes(0)
        assert [(c.seq, c.actor_id, c.action, c.collection, c.entity_id) for c in changes] == [
            (1, "ann", "add", "teams", "search"),
            (2, "ann", "replace", "teams", "search"),
            (3, "bob", "remove", "teams", "search"),
        ]
        assert [c.body for c in changes] == [
            b'{"id":"search","tenant_id":"default","title":"","created_us":1}',
            b'{"id":"search","tenant_id":"default","title":"Search","created_us":1}',
            None,
        ]
        assert view.changes(1, limit=1) == changes[1:2]
        assert view.changes(3) == []
        assert view.history(Team, "search") == changes[::-1]
        assert view.history(Team, "search", limit=1) == changes[2:]
        assert view.history(Artifact, "search") == view.history(Team, "no\0ne") == []


def test_a_failed_unit_leaves_nothing_and_no_gap(records: Records) -> None:
    with records.write("ann") as unit:
        unit.add(Team(id="a", created_us=1))

    def fail_late() -> None:
        with records.write("ann") as unit:
            unit.add(Team(id="b", created_us=1))
            unit.remove(Team, "a")
            unit.changes(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    with records.write("ann") as unit:
        unit.add(Team(id="c", created_us=1))
    with records.read() as view:
        assert [team.id for team in view.find(Team)] == ["a", "c"]
        assert [change.seq for change in view.changes(0)] == [1, 2]


def test_taken_ids_and_unique_fields(records: Records) -> None:
    with records.write("ann") as unit:
        unit.add(Actor(id="1", name="ann", kind="person", created_us=1))
        unit.add(Actor(id="2", name="bob", kind="person", created_us=1))
        with pytest.raises(Conflict, match="There is an actor '1' already") as caught:
            unit.add(Actor(id="1", name="eve", kind="person", created_us=1))
        assert caught.value.param == "id"
        with pytest.raises(Conflict, match="an actor called 'bob' already"):
            unit.add(Actor(id="3", name="bob", kind="person", created_us=1))
        with pytest.raises(Conflict, match="an actor called 'bob' already"):
            unit.replace(Actor(id="1", name="bob", kind="person", created_us=1))
        unit.replace(Actor(id="1", name="ann", kind="service_account", created_us=1))
        with pytest.raises(NotFound, match="no actor '9'"):
            unit.replace(Actor(id="9", name="zoe", kind="person", created_us=1))
        with pytest.raises(NotFound, match="no actor '9'"):
            unit.remove(Actor, "9")
        unit.add(Actor(id="4", name="dan", kind="person", created_us=1))  # the unit is still usable
    with records.read() as view:
        assert [actor.id for actor in view.find(Actor)] == ["1", "2", "4"]
        assert view.version() == 4


def test_a_conflict_never_shows_a_digest(records: Records) -> None:
    with records.write("ann") as unit:
        unit.add(key(7))
        with pytest.raises(Conflict) as caught:
            unit.add(key(8, digest=f"{7:064x}"))
    assert f"{7:064x}" not in str(caught.value)


def test_many_at_once(records: Records) -> None:
    with records.write("ann") as unit:
        unit.add_all([Team(id="mixed", created_us=1), *(key(number) for number in range(1201))])
    with records.read() as view:
        assert view.count(ApiKey) == 1201
        assert view.version() == 1202
        assert [c.entity_id for c in view.changes(1200)] == ["key_001199", "key_001200"]
    for clash in (
        [key(5000), key(700)],
        [key(5000), key(5000, digest="0" * 64)],
        [key(5000), key(5001, digest=f"{5000:064x}")],
    ):
        with pytest.raises(Conflict), records.write("ann") as unit:
            unit.add_all(clash)
    with records.read() as view:
        assert view.version() == 1202


def test_find_in_order_of_bytes_page_by_page(records: Records) -> None:
    ids = ["B", "a", "a-b", "a.b", "a/b", "a_b", "ab", "b", "ä", "Z"]
    with records.write("ann") as unit:
        unit.add_all([Team(id=id_, created_us=1) for id_ in ids])
    with records.read() as view:
        paged: list[str] = []
        while page := view.find(Team, after=paged[-1] if paged else None, limit=3):
            paged += [team.id for team in page]
        assert paged == sorted(ids, key=lambda text: text.encode())


def test_find_by_fields(records: Records) -> None:
    with records.write("ann") as unit:
        unit.add_all([key(1, team_id="red"), key(2), key(3, team_id="red", environment_id="prod")])
        for number, scope in enumerate((Scope("key", "x"), Scope("team", "x"), Scope("key", "y"))):
            unit.add(Budget(id=f"b{number}", scope=scope, meter="calls", limit=1, created_us=1))
    with records.read() as view:
        assert [k.id for k in view.find(ApiKey, {"team_id": "red"})] == ["key_000001", "key_000003"]
        assert [k.id for k in view.find(ApiKey, {"team_id": None})] == ["key_000002"]
        assert [k.id for k in view.find(ApiKey, {"digest": f"{3:064x}"})] == ["key_000003"]
        assert [k.id for k in view.find(ApiKey, {"id": "key_000001", "environment_id": "prod"})] == []
        assert [b.id for b in view.find(Budget, {"scope.kind": "key", "scope.id": "x"})] == ["b0"]
        assert view.count(ApiKey, {"team_id": "red"}) == 2
        with pytest.raises(ValueError, match="hint"):
            view.find(ApiKey, {"hint": "gok_"})
        with pytest.raises(TypeError, match="Scope"):
            view.get(Scope, "x")


def test_replaced_fields_are_found_by_their_new_value(records: Records) -> None:
    with records.write("ann") as unit:
        unit.add(key(1))
        unit.replace(key(1, team_id="red", digest="f" * 64))
    with records.read() as view:
        assert view.count(ApiKey, {"team_id": "red"}) == 1
        assert view.count(ApiKey, {"digest": f"{1:064x}"}) == 0


@pytest.mark.parametrize(("title", "said"), [("a\0b", "NUL"), ("\\\0", "NUL"), ("\ud800", "Unicode")])
def test_text_that_not_every_engine_can_store_is_refused_by_all(records: Records, title: str, said: str) -> None:
    with pytest.raises(UsageError, match=said), records.write("ann") as unit:
        unit.add(Team(id="a", title=title, created_us=1))


@pytest.mark.parametrize("text", ["a\0b", "\0", "a\ud800"])
def test_nothing_is_found_by_text_that_cannot_be_stored(records: Records, text: str) -> None:
    with records.write("ann") as unit:
        unit.add_all([Team(id="a", created_us=1), Team(id="b", created_us=1)])
        assert unit.get(Team, text) is None
        assert unit.find(Team, {"tenant_id": text}) == []
        assert unit.count(Team, {"id": text}) == 0
        assert [team.id for team in unit.find(Team, after=text)][-1:] == ["b"]
        with pytest.raises(NotFound):
            unit.remove(Team, text)


def test_a_view_does_not_move(records: Records) -> None:
    with records.read() as view:
        assert view.version() == 0
        with records.write("ann") as unit:
            unit.add(Team(id="a", created_us=1))
        assert view.version() == 0
        assert view.find(Team) == []
    with records.read() as view:
        assert view.version() == 1


def test_an_open_unit_is_not_seen(records: Records) -> None:
    with records.write("ann") as unit:
        unit.add(Team(id="a", created_us=1))
        with records.read() as view:
            assert view.get(Team, "a") is None


def test_threads_take_turns(records: Records) -> None:
    def work(worker: int) -> None:
        for number in range(5):
            with records.write(f"w{worker}") as unit:
                before = unit.count(Team)
                unit.add(Team(id=f"{worker}-{number}", title=str(before), created_us=1))

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, number) for number in range(4)]:
            done.result()
    with records.read() as view:
        assert [change.seq for change in view.changes(0)] == list(range(1, 21))
        # Each saw everything that was written before it: read, then write, is one step.
        assert sorted(int(team.title) for team in view.find(Team)) == list(range(20))


def test_a_writer_that_waits_too_long_is_told_so(at: Callable[..., Records]) -> None:
    first, second = at(), at(busy_seconds=0.05)
    with first.write("ann") as unit:
        unit.add(Team(id="a", created_us=1))
        with pytest.raises(StoreError) as caught, second.write("bob"):
            pytest.fail("two writers at a time")
        assert caught.value.code == "store_locked"
        with second.read() as view:  # readers do not wait
            assert view.version() == 0
    with second.write("bob") as unit:
        unit.add(Team(id="b", created_us=1))
        assert unit.version() == 2


def test_opened_again_everything_is_there(at: Callable[..., Records]) -> None:
    with at().write("ann") as unit:
        unit.add(Team(id="a", created_us=1))
    again = at()
    assert again.migrate() == ()
    with again.read() as view:
        assert view.version() == 1
        assert view.get(Team, "a") == Team(id="a", created_us=1)
