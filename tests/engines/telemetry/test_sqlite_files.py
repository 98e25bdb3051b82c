"""What only the SQLite engine has: its files, their versions, one writer, other processes that read, retention."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from genaiops.core.errors import StoreError
from genaiops.domain import Cost, CostCorrection, Energy, EnergyBasis, GuardEvent, Range, verdicts_of
from genaiops.engines.telemetry_sqlite import SqliteTelemetry, open_telemetry
from genaiops.engines.telemetry_sqlite._schema import APPLICATION_ID, FIGURES
from genaiops.ports.telemetry import Batch, RollupQuery, TraceFilter
from genaiops.ports.verdicts import VerdictFilter
from tests.engines.telemetry.calls import (
    DAY,
    NOW,
    attempt,
    call,
    content,
    listed,
    merged,
    numbers,
    root,
    span_id,
    trace_id,
)


def open_at(folder: Path, *, writer: bool = True, now_us: int = NOW) -> SqliteTelemetry:
    return open_telemetry(folder, writer=writer, content_floor_bytes=0, clock=lambda: now_us)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("content-*.db"))


def test_content_is_filed_by_day_and_outliers_by_arrival(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        for number, days in enumerate((-1, 0, 1, 2, -400, -401, 5000, -9000)):
            store.write(call(number, NOW + days * DAY, text="word"))
    assert files(tmp_path) == [
        "content-20230831.db",
        "content-20241003.db",
        "content-20241004-outside.db",
        "content-20241004.db",
        "content-20241005.db",
    ]


def test_wild_clocks_make_few_files(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        store.write(merged(*(call(number, number * 977 * DAY, text="word") for number in range(80))))
        assert len(listed(store, TraceFilter(text="word"))) == 80
    assert files(tmp_path) == ["content-20241004-outside.db"]


def test_purging_drops_whole_days_and_keeps_figures(tmp_path: Path) -> None:
    with open_at(tmp_path) as store, open_at(tmp_path, writer=False) as reader:
        for number in range(6):
            store.write(call(number, NOW - number * DAY, text="word"))
        assert numbers(listed(reader, TraceFilter(text="word"))) == [0, 1, 2, 3, 4, 5]
        before = listed(store)
        assert store.purge_content(NOW - 2 * DAY) == 3
        for each in (store, reader):
            assert numbers(listed(each, TraceFilter(text="word"))) == [0, 1, 2]
            assert listed(each) == before
            found = each.trace(trace_id(5))
            assert found is not None
            assert found.contents == {}
        assert store.purge_content(NOW - 2 * DAY) == 0
    assert len(list(tmp_path.glob("content-*"))) == 3


def test_late_content_of_a_purged_day_is_not_kept(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        store.write(call(1, NOW - 5 * DAY, text="word"))
        store.purge_content(NOW - DAY)
        store.write(
            merged(call(2, NOW - 5 * DAY, text="word"), call(3, NOW - 900 * DAY, text="word"), call(4, text="word"))
        )
        assert numbers(listed(store, TraceFilter(text="word"))) == [4]
        assert len(listed(store)) == 4
    with open_at(tmp_path) as again:
        again.purge_content(NOW - 100 * DAY)
        again.write(call(5, NOW - 5 * DAY, text="word"))
    assert files(tmp_path) == ["content-20241004.db"]


def test_outliers_are_purged_by_arrival_or_when_all_are_older(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        store.write(call(1, NOW - 900 * DAY, text="word"))
        store.write(call(2, NOW, text="word"))
        assert store.purge_content(NOW - 900 * DAY) == 0
        assert store.purge_content(NOW - 899 * DAY) == 1
        store.write(call(3, NOW + 900 * DAY, text="word"))
        assert store.purge_content(NOW) == 0
    with open_at(tmp_path, now_us=NOW + DAY) as store:
        assert store.purge_content(NOW + DAY) == 1
    assert files(tmp_path) == []


def test_a_day_that_vanishes_between_two_pages_is_skipped(tmp_path: Path) -> None:
    with open_at(tmp_path) as store, open_at(tmp_path, writer=False) as reader:
        for number in range(6):
            store.write(call(number, NOW - number // 2 * DAY, text="word"))
        where = TraceFilter(text="word")
        first = reader.list(where, limit=3)
        for path in tmp_path.glob("content-20241003.db*"):
            path.unlink()
        second = reader.list(where, cursor=first.next, limit=3)
        assert sorted(numbers([*first.rows, *second.rows])) in ([0, 1, 2, 4, 5], [0, 1, 3, 4, 5])
        assert second.next is None


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    for name in ("content-20240199.db", "content-2024.db", "content-20240101.db.bak", "notes.txt"):
        (tmp_path / name).write_text("not ours")
    with open_at(tmp_path) as store:
        store.write(call(1, text="word"))
        assert numbers(listed(store, TraceFilter(text="word"))) == [1]
        store.purge_content(NOW + DAY)
    assert (tmp_path / "content-20240199.db").exists()


def test_a_reader_needs_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_at(tmp_path / "absent", writer=False)
    assert caught.value.code == "store_missing"
    assert not (tmp_path / "absent").exists()


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    open_at(tmp_path).close()
    with open_at(tmp_path, writer=False) as reader, pytest.raises(StoreError) as caught:
        reader.write(call(1))
    assert caught.value.code == "read_only"


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_at(tmp_path)
    store.close()
    store.close()
    with pytest.raises(StoreError):
        store.write(call(1))
    with pytest.raises(StoreError) as caught:
        store.head()
    assert caught.value.code == "closed"


def test_a_second_writer_is_refused_while_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genaiops.engines.telemetry_sqlite._store._LOCK_SECONDS", 0.0)
    with open_at(tmp_path):
        with pytest.raises(StoreError) as caught:
            open_at(tmp_path)
        assert caught.value.code == "locked"
    open_at(tmp_path).close()


@pytest.mark.parametrize("name", ["figures.db", "content-20241004.db"])
@pytest.mark.parametrize(
    ("pragma", "code"), [("user_version = 99", "store_newer"), ("application_id = 7", "store_foreign")]
)
def test_a_store_of_a_later_version_or_another_program_is_refused(
    tmp_path: Path, name: str, pragma: str, code: str
) -> None:
    with open_at(tmp_path) as store:
        store.write(call(1, text="word"))
    with sqlite3.connect(tmp_path / name) as connection:
        connection.execute(f"PRAGMA {pragma}")
    connection.close()
    before = (tmp_path / name).read_bytes()
    with pytest.raises(StoreError) as reading, open_at(tmp_path, writer=False) as store:
        store.list(TraceFilter(text="word"))
    with pytest.raises(StoreError) as writing, open_at(tmp_path) as store:
        store.write(call(2, text="word"))
    for caught in (reading, writing):
        assert caught.value.code == code
        assert str(tmp_path / name) in str(caught.value)
    assert (tmp_path / name).read_bytes() == before


def test_a_file_that_is_no_database_is_called_corrupt(tmp_path: Path) -> None:
    (tmp_path / "figures.db").write_text("this is no database, but it is long enough to be looked at" * 99)
    with pytest.raises(StoreError) as caught:
        open_at(tmp_path)
    assert caught.value.code == "corrupt"


def test_damaged_content_is_shed_and_figures_go_on(tmp_path: Path) -> None:
    (tmp_path / "content-20241004.db").write_bytes(b"damaged" * 9999)
    with open_at(tmp_path) as store:
        written = store.write(merged(call(1, text="word"), call(2, NOW - DAY, text="word")))
        assert (written.spans, written.content_shed) == (4, 1)
        assert [row.root.content for row in listed(store)] == ["shed", "inline"]


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        store.write(call(1))
        store.migrate()
        assert len(listed(store)) == 1


READ = """
import sys
from pathlib import Path
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import TraceFilter
store = open_telemetry(Path(sys.argv[1]), writer=False)
print(len(store.list(TraceFilter(text="word")).rows), len(store.list(TraceFilter()).rows))
store.close()
"""


def test_another_process_reads_while_the_writer_holds_a_transaction(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        store.write(merged(call(1, text="word"), call(2, text="word")))
        blocker = sqlite3.connect(tmp_path / "figures.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        blocker.execute("DELETE FROM spans")
        command = [sys.executable, "-c", READ, str(tmp_path)]
        output = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
        blocker.close()
    assert output.split() == ["2", "2"]


def test_many_threads_read_what_one_writes(tmp_path: Path) -> None:
    """Every list that a thread sees is a prefix of what was written, with sums that fit."""
    wrong: list[object] = []
    done = threading.Event()
    with open_at(tmp_path) as store:

        def read() -> None:
            seen = 0
            while not done.is_set():
                rows = listed(store, TraceFilter(text="word") if seen % 2 else TraceFilter(), limit=100)
                if len(rows) < seen or any(row.spans != 2 for row in rows):
                    wrong.append((seen, len(rows)))
                seen = len(rows)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(60):
            store.write(call(number, NOW + number, text="word"))
        done.set()
        for thread in threads:
            thread.join()
        assert len(listed(store, limit=100)) == 60
    assert wrong == []


def test_a_batch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        good, bad = call(1, text="word"), root(2, content="inline", name=None)
        with pytest.raises(StoreError):
            store.write(Batch(spans=[*good.spans, bad], contents=[*good.contents, content(bad, "word")]))
        assert listed(store) == []
        assert listed(store, TraceFilter(text="word")) == []
        assert store.write(good).spans == 2
        assert numbers(listed(store, TraceFilter(text="word"))) == [1]


def test_energy_that_was_written_before_there_was_water(tmp_path: Path) -> None:
    energy = Energy(EnergyBasis(method="modelled"), Range(1.0, 2.0, 3.0), None, Range(4.0, 5.0, 6.0))
    with open_at(tmp_path) as store:
        store.write(Batch(spans=[root(1), attempt(1, NOW, energy=energy)]))
    with closing(sqlite3.connect(tmp_path / "figures.db")) as connection:
        packed = msgspec.msgpack.encode((energy.kwh, energy.co2e_g, energy.embodied_g))
        connection.execute("UPDATE spans SET energy = ? WHERE energy IS NOT NULL", (packed,))
        connection.commit()
    with open_at(tmp_path) as store:
        found = store.trace(trace_id(1))
    assert found is not None
    assert [span.energy for span in found.spans if span.energy is not None] == [energy]


@pytest.mark.parametrize("number", range(1, len(FIGURES)))
def test_every_version_becomes_this_one(tmp_path: Path, number: int) -> None:
    with closing(sqlite3.connect(tmp_path / "figures.db")) as connection:
        connection.executescript("".join(FIGURES[:number]))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {number}")
    said = GuardEvent(policy="p@1", rule="r", detector="pii", direction="in", action="flag")
    with open_at(tmp_path) as store:
        batch = call(1)
        store.write(msgspec.structs.replace(batch, verdicts=verdicts_of(batch.spans[0], [said])))
        assert [each.event for each in store.verdicts(VerdictFilter()).rows] == [said]
        assert len(listed(store)) == 1


def test_a_store_of_the_first_version_is_migrated_with_all_that_it_holds(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        store.write(call(1))
        before, sums = store.trace(trace_id(1)), store.rollup(RollupQuery(since_us=NOW, until_us=NOW + 1))
    with closing(sqlite3.connect(tmp_path / "figures.db")) as connection:
        connection.execute("DROP TABLE corrections")
        guards = ("guard_verdicts", "guard_pending", "guard_series", "guard_hours", "guard_days", "guard_replays")
        for table in ("erasures", *guards):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP INDEX spans_by_response")
        added = {"spans": ["usage_more", "energy", "energy_basis", "called"]}
        energy = [f"{what}_{at}" for what in ("kwh", "co2e") for at in ("low", "central", "high", "known")]
        energy = [name.replace("kwh_known", "energy_known") for name in energy]
        later = [*energy, "cache_hits", "cache_misses", "saved_tokens", "saved_nano", "saved_unknown"]
        later += [f"water_{at}" for at in ("known", "low", "central", "high")]
        for table, columns in {**added, "rollup_minute": later, "rollup_hour": later}.items():
            for column in columns:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 1")
    with open_at(tmp_path) as store:
        assert store.trace(trace_id(1)) == before
        assert store.rollup(RollupQuery(since_us=NOW, until_us=NOW + 1)) == sums
        assert sums[0].energy.known == 0  # what nobody recorded stays unknown
        ids = (trace_id(1), span_id(1, 1))
        right = CostCorrection(trace_id=ids[0], span_id=ids[1], former=Cost(1000), cost=Cost(1), created_us=NOW)
        assert store.correct([right]) == 1
