"""Backups and erased persons: what was said opens with keys that are not in the backup, and an erasure shreds one."""

import base64
import shutil
from pathlib import Path

import msgspec
import pytest
import zstandard

from genaiops.app.backup import back_up, restore
from genaiops.app.home import Home
from genaiops.app.settings import Stores
from genaiops.core.clock import now_us
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import NotFound, StoreError, UsageError
from genaiops.domain import Answer, Case, GuardEvent, Person, Run, Score
from genaiops.engines.person_keys import KeyRing, PersonKeys
from genaiops.ports.telemetry import Batch, TraceFilter
from tests.app.test_erasing import everything, held, opened, opened_task, settings_of, verified
from tests.engines.telemetry.calls import DAY, call, content, root, trace_id

BACKUP = "monday.tar.zst"
SAID = GuardEvent(
    policy="p@1", rule="r", detector="pii", direction="in", action="flag", places=("metadata.anns-friend",), error="oh"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Six calls of ann and bob and one of nobody, three with large payloads; backed up, then ann is erased."""
    from genaiops.app.prepare import prepare

    home = Home(tmp_path / "home")
    prepare(settings_of(home), {})
    with opened(home) as services:
        for number in range(6):
            who = "ann" if number % 2 else "bob"
            facts = {"user_id": who, "session_id": f"of-{who}", "input_preview": f"{who} begins"}
            services.telemetry.write(call(number, now_us() - number * DAY, f"{who} said word{number}", **facts))
        services.telemetry.write(call(9, now_us(), "nobody said word9"))
        for number, who, data in ((20, "ann", b"hers"), (21, "ann", b"both"), (22, "bob", b"both")):
            span = msgspec.structs.replace(root(number, now_us(), user_id=who), content="blob")
            digest = services.blobs.put(data * 30_000)
            services.telemetry.write(Batch(spans=[span], contents=[content(span, input_blob=digest)]))
        score = Score(
            identifier="s", trace_id=trace_id(1), name="n", source="person", comment="ann is angry", created_us=1
        )
        services.telemetry.write(Batch(scores=[score]))
        for number in (1, 2):
            services.telemetry.add_verdicts(trace_id(number), [SAID])
        services.hub.views.create("/traces", "user=ann", "hers", by="admin")
    return home


def words(home: Home) -> dict[str, int]:
    """How many traces the full-text search finds, by word."""
    with opened(home) as services:
        return {word: len(services.telemetry.list(TraceFilter(text=word)).rows) for word in ("ann", "bob", "nobody")}


def erase(home: Home) -> None:
    with opened(home) as services:
        services.erasing._in_flight_us = -DAY
        services.erasing.begin(Person("ann"), "request 1", by="admin")
        assert services.erasing.work()


def test_what_waits_for_a_person_comes_back_unless_it_is_hers_who_is_erased(home: Home, tmp_path: Path) -> None:
    with opened(home) as services:
        hers, his = held(services, 1), held(services, 2)
    back_up(settings_of(home), tmp_path / BACKUP, with_key=True)
    erase(home)
    restored = Home(tmp_path / "restored")
    restore(tmp_path / BACKUP, restored, keys=[home.person_keys])
    with opened(restored) as services:
        found = opened_task(services.hub.tasks.one(his.id), services.blobs, services.seals)
        assert found.body == b"it is hers"
        with pytest.raises(NotFound):
            opened_task(services.hub.tasks.one(hers.id), services.blobs, services.seals)


def test_who_is_erased_stays_erased_when_an_older_backup_is_restored(home: Home, tmp_path: Path) -> None:
    with opened(home) as services:
        before = services.telemetry.rollup(everything(services))
    manifest = back_up(settings_of(home), tmp_path / BACKUP)
    assert manifest.sealed
    erase(home)
    second = Home(tmp_path / "second")
    done = restore(tmp_path / BACKUP, second, keys=[home.person_keys])
    assert done.erased == 9
    assert words(second) == {"ann": 0, "bob": 3, "nobody": 1}
    with opened(second) as services:
        assert services.telemetry.rollup(everything(services)) == before
        assert services.telemetry.list(TraceFilter(user_id="ann")).rows == []
        assert len(services.telemetry.list(TraceFilter(user_id="bob", session_id="of-bob")).rows) == 3
        gone = services.telemetry.trace(trace_id(1))
        assert gone is not None
        assert (gone.spans[0].content, gone.spans[0].input_preview, gone.scores[0].comment) == ("erased", "", "")
        assert [each.event for each in gone.verdicts] == [msgspec.structs.replace(SAID, places=(), error="erased")]
        bobs = services.telemetry.trace(trace_id(2))
        assert bobs is not None
        assert [each.event for each in bobs.verdicts] == [SAID]
        kept = services.telemetry.trace(trace_id(22))
        assert kept is not None
        (payload,) = kept.contents.values()
        assert payload.input_blob is not None
        assert services.blobs.get(payload.input_blob) == b"both" * 30_000
        assert len(list(services.blobs.digests())) == 1, "hers alone is not there"
        assert services.hub.views.seen_by("admin") == []
        assert verified(services)
    assert KeyRing([second.person_keys]).is_gone("ann")


def test_without_an_erasure_everything_comes_back(home: Home, tmp_path: Path) -> None:
    back_up(settings_of(home), tmp_path / BACKUP)
    second = Home(tmp_path / "second")
    assert restore(tmp_path / BACKUP, second, keys=[home.person_keys]).erased == 0
    assert words(second) == {"ann": 3, "bob": 3, "nobody": 1}
    with opened(second) as services:
        trace = services.telemetry.trace(trace_id(1))
        assert trace is not None
        assert trace.scores[0].comment == "ann is angry"
        assert len(list(services.blobs.digests())) == 2
        assert len(services.hub.views.seen_by("admin")) == 1
        assert verified(services) == 0
    assert second.person_keys.stat().st_mode & 0o777 == 0o600
    back_up(settings_of(second), tmp_path / "tuesday")
    assert restore(tmp_path / "tuesday", Home(tmp_path / "third"), keys=[home.person_keys]).erased == 0


def test_a_backup_shows_nothing_of_what_was_said(home: Home, tmp_path: Path) -> None:
    back_up(settings_of(home), tmp_path / BACKUP)
    plain = zstandard.ZstdDecompressor().decompressobj().decompress((tmp_path / BACKUP).read_bytes())
    for word in (
        b"word3",
        b"nobody said",
        b"of-bob",
        b"ann begins",
        b"is angry",
        b"hershers",
        zstandard.compress(b"x")[:4],
    ):
        assert word not in plain
    assert home.person_keys.read_bytes() not in plain
    for word in (b"ann", b"bob"):
        assert word not in home.person_keys.read_bytes()


def test_an_older_copy_of_the_keys_opens_what_a_newer_one_says_is_gone_to_nobody(home: Home, tmp_path: Path) -> None:
    back_up(settings_of(home), tmp_path / BACKUP)
    copy = tmp_path / "keys-of-monday"
    PersonKeys(home.person_keys).copy_to(copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    erase(home)
    second = Home(tmp_path / "second")
    assert restore(tmp_path / BACKUP, second, keys=[copy, home.person_keys]).erased == 9
    assert words(second)["ann"] == 0
    with opened(home) as services:  # later calls of the same person are their own, with a key of their own
        services.telemetry.write(call(40, now_us(), "ann came back", user_id="ann"))
    back_up(settings_of(home), tmp_path / "tuesday")
    third = Home(tmp_path / "third")
    assert restore(tmp_path / "tuesday", third, keys=[copy, home.person_keys]).erased == 0
    assert words(third)["ann"] == 1


def test_keys_are_asked_for(home: Home, tmp_path: Path) -> None:
    back_up(settings_of(home), tmp_path / BACKUP)
    second = Home(tmp_path / "second")
    with pytest.raises(UsageError, match="--without-keys"):
        restore(tmp_path / BACKUP, second, keys=[])
    with pytest.raises(NotFound, match="no file of keys"):
        restore(tmp_path / BACKUP, second, keys=[tmp_path / "nothing"])
    (tmp_path / "wrong").write_text("no keys")
    with pytest.raises(StoreError, match="keys of persons"):
        restore(tmp_path / BACKUP, second, keys=[tmp_path / "wrong"])
    assert not second.path.exists()
    assert restore(tmp_path / BACKUP, second, keys=[], without_keys=True).erased == 18
    assert words(second) == {"ann": 0, "bob": 0, "nobody": 0}
    shutil.rmtree(second.path)


def test_a_person_erased_while_a_backup_is_made_is_not_in_it(tmp_path: Path) -> None:
    path = tmp_path / "persons.keys"
    sealing, erasing = PersonKeys(path), PersonKeys(path)
    box = sealing.seal(sealing.person("ann"), "default", b"said", b"here")
    erasing.shred("ann", None)
    sealing.keep()
    ring = KeyRing([path])
    assert ring.open(sealing.person("ann"), "default", box, b"here") is None
    assert ring.is_gone("ann")
    assert not ring.is_gone("bob")


def test_a_box_opens_at_its_own_place_only(tmp_path: Path) -> None:
    keys = PersonKeys(tmp_path / "persons.keys")
    person = keys.person("ann")
    box = keys.seal(person, "default", b"said", b"here")
    keys.keep()
    ring = KeyRing([tmp_path / "persons.keys"])
    assert ring.open(person, "default", box, b"here") == b"said"
    assert ring.open(person, "default", box, b"there") is None
    assert ring.open(person, "retail", box, b"here") is None
    assert ring.open(person, "default", box[:-1] + bytes([box[-1] ^ 1]), b"here") is None


PICTURES = {n: "data:image/png;base64," + base64.b64encode(bytes([n, 9]) * 600).decode() for n in (1, 2)}


def digest_of(picture: str) -> str:
    return digest_bytes(base64.b64decode(picture.partition(",")[2]))


def pictures(home: Home) -> dict[str, tuple[str, ...]]:
    with opened(home) as services:
        there = {each for each in PICTURES.values() if services.blobs.exists(digest_of(each))}
        assert {digest_of(each) for each in there} == services.stores.runs.pictures()
        return {each.case: each.media for each in services.stores.runs.answered("run_1")}


def keep_run(home: Home) -> None:
    """Three cases: of a trace of ann, of one of bob, of none."""
    drawn = [Case(id=f"case{n}", input=f"word{n}", metadata={"trace_id": trace_id(n).hex()}) for n in (1, 2)]
    with opened(home) as services:
        run = Run(id="run_1", kind="evaluation", subject="suite/answers@sha256:aa", created_us=7)
        services.stores.runs.create(run, [*drawn, Case(id="case3", input="written by hand")])
        said = [
            Answer(
                target="new", case=f"case{n}", state="answered", output=f"word{n}", cost_nano=5, media=(PICTURES[n],)
            )
            for n in (1, 2)
        ]
        services.stores.runs.add("run_1", said)
    home.suites.mkdir()
    (home.suites / f"{'a' * 64}.json").write_text("{}")


def asked(home: Home) -> list[str]:
    with opened(home) as services:
        return [case.input for case in services.stores.runs.cases("run_1")]


def said(home: Home) -> dict[str, tuple[str, int | None]]:
    with opened(home) as services:
        return {each.case: (each.output, each.cost_nano) for each in services.stores.runs.answered("run_1")}


def test_runs_come_back_without_what_erased_persons_said(home: Home, tmp_path: Path) -> None:
    keep_run(home)
    manifest = back_up(settings_of(home), tmp_path / BACKUP, with_key=True)
    assert {"runs.jsonl", f"suites/{'a' * 64}.json"} <= {entry.path for entry in manifest.entries}
    erase(home)
    assert asked(home) == ["", "word2", "written by hand"]
    with opened(home) as services:
        assert services.erasing.list()[0].cases == 1
    restored = Home(tmp_path / "restored")
    assert restore(tmp_path / BACKUP, restored, keys=[home.person_keys]).erased_rows == 2
    assert asked(restored) == ["", "word2", "written by hand"]
    assert said(restored) == {"case1": ("", 5), "case2": ("word2", 5)}
    assert pictures(restored) == {"case1": (), "case2": (PICTURES[2],)}
    assert (restored.suites / f"{'a' * 64}.json").read_text() == "{}"
    bare = Home(tmp_path / "bare")
    assert restore(tmp_path / BACKUP, bare, keys=[], without_keys=True).erased_rows == 5
    assert asked(bare) == ["", "", ""]
    assert said(bare) == {"case1": ("", 5), "case2": ("", 5)}
    assert pictures(bare) == {"case1": (), "case2": ()}
    with zstandard.open(tmp_path / BACKUP) as packed:
        data = packed.read()
    assert not any(word in data for word in (b"written by hand", b"word1", b"word2", bytes([1, 9]) * 9))


def test_runs_beside_the_records_of_postgresql(home: Home, tmp_path: Path, postgres_url: str) -> None:
    from sqlalchemy.engine import make_url

    from genaiops.engines.runs_sql import open_runs
    from tests.engines.records.conftest import Places

    keep_run(home)
    back_up(settings_of(home), tmp_path / "first.zst")
    places = Places("postgres", tmp_path, postgres_url)
    url, other = (make_url(places.empty()).render_as_string(hide_password=False) for _ in range(2))
    try:
        second = Home(tmp_path / "second")
        restore(tmp_path / "first.zst", second, keys=[home.person_keys], records_url=url)
        assert not second.runs.exists()
        shared = msgspec.structs.replace(settings_of(second), stores=Stores(records=url))
        back_up(shared, tmp_path / "second.zst")
        restore(tmp_path / "second.zst", Home(tmp_path / "third"), keys=[second.person_keys], records_url=other)
        for each in (url, other):
            runs = open_runs(each)
            assert [case.input for case in runs.cases("run_1")] == ["word1", "word2", "written by hand"]
            runs.close()
    finally:
        places.clear()
