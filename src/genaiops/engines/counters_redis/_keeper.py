"""One a machine, in its control process: joins the machine, tells what was used, gives back what is not.

A machine that dies keeps what it was lent, used or not, until it is started again in the same data directory: then its
own records say what was used (see `app/budgets.rebuild`), and the rest is given back as it joins. A machine that never
comes back is forgotten by an operator; what it was lent counts as used.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from genaiops.engines.counters_mmap import Leases, RateWant, Row, Standing
from genaiops.engines.counters_redis import _scripts as scripts
from genaiops.engines.counters_redis._place import ANSWER_SECONDS, CONNECT_SECONDS, Place, key_of
from genaiops.engines.counters_redis._rates import RATES, spelt
from genaiops.ports.counters import Counters

T = TypeVar("T")
_log = logging.getLogger("genaiops.shared")

BEAT_SECONDS: Final = 0.25
_LONGEST_BEAT_SECONDS: Final = 2.0
_ALL_EVERY: Final = 20
_IDLE_BEATS: Final = 20
_DIFFERENT_BEATS: Final = 4
_CHUNK: Final = 400
_AGES_MS: Final = 1 << 40


class Told(NamedTuple):
    """What the last beat brought: machines that live, the newest version published by any of them, and the lowest that
    one of them has in force. `pending`: machines that are waited for."""

    peers: int
    target: int
    lowest: int
    pending: tuple[str, ...]


class LeaseKeeper:
    """`members` names every machine that shares the records. `on_target` is called (in the keeper's thread) with a
    version of the records that another machine has published and this one has not. `clock`: microseconds, for rates, in
    place of the server's."""

    def __init__(
        self,
        place: Place,
        machine: str,
        counters: Counters,
        leases: Leases,
        *,
        members: Callable[[], Sequence[str]],
        on_target: Callable[[int], object] = lambda _: None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.told = Told(1, 0, 0, ())
        self._place = place
        self._machine = machine
        self._counters = counters
        self._leases = leases
        self._members = members
        self._on_target = on_target
        self._clock = clock
        client: Any = redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            place.url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._client = client
        self._scripts: dict[str, Any] = {}
        self._generation = 0
        self._latest = leases.generation
        self._fresh = True
        self._count = 0
        self._trouble: str | None = None
        self._settled: dict[str, tuple[int, int]] = {}
        self._idle: dict[str, tuple[Row, int]] = {}
        """What it was at the last beat, and for how many beats."""
        self._different: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    # -- its life

    def start(self) -> None:
        self._leases.generation = 0
        self._thread.start()

    def stop(self) -> None:
        """Give back what is not used, and leave."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        try:
            if self._generation:
                self._join(lower=True)
                self._ask(scripts.LEAVE, self._generation)
        except (RedisError, OSError) as error:
            _log.warning("leases could not be given back: %s", error)
        self._leases.generation = 0
        self._client.close()

    def step(self) -> None:
        """One beat. Whatever fails is said once, and tried again at the next."""
        try:
            if not self._generation or self._generation != self._leases.generation:
                self._join()
            status = self._beat()
            if status in {"lost", "stale"}:
                _log.warning("the store of the shared counters says %s: joining anew", status)
                self._generation = 0
                self._join()
                status = self._beat()
        except (RedisError, OSError) as error:
            self._apart(f"{self._place.shown} does not answer: {error}")
            return
        waiting = status != "ok"
        self._leases.stand(Standing.WAITING if waiting else Standing.JOINED, self.told.peers)
        self._say(f"waiting for the machines {', '.join(self.told.pending)}" if waiting else None)

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self.step()
                if self.told.target > self._counters.version():
                    self._on_target(self.told.target)
            except Exception:  # noqa: BLE001 - the thread's last line: it must go on beating
                _log.exception("a beat failed")
            # With thousands of leases a beat takes a while: it must not take a core.
            self._stop.wait(min(max(BEAT_SECONDS, 5 * (time.monotonic() - began)), _LONGEST_BEAT_SECONDS))

    def _apart(self, why: str) -> None:
        self._generation = 0
        self._leases.stand(Standing.APART)
        self._say(why)

    def _say(self, trouble: str | None) -> None:
        if trouble is not None and self._trouble is None:
            _log.error("shared counters are degraded: %s", trouble)
        elif trouble is None and self._trouble is not None:
            _log.warning("shared counters are whole again")
        self._trouble = trouble

    # -- talking

    def _ask(self, script: str, *arguments: object) -> Any:
        if script not in self._scripts:
            self._scripts[script] = self._client.register_script(script)
        return self._scripts[script](args=[self._place.prefix, self._machine, *arguments])

    def _join(self, *, lower: bool = False) -> None:
        """Set what was lent there equal to what is granted here. Workers ask for nothing meanwhile, and answers to what
        they asked before are not added any more."""
        self._generation = 0
        self._leases.generation = 0
        generation = self._latest = int(self._ask(scripts.BEGIN, *self._introduced()))
        # At its start it holds what is used and no more: what its file says beside that may be of another time.
        self._leases.level(lower=lower or self._fresh)
        self._fresh = False
        for rows in _chunks(self._leases.rows()):
            values = [(key_of(row.name), max(row.granted, row.used), row.settled, _expiry(row)) for row in rows]
            if self._ask(scripts.PUT, generation, *itertools.chain.from_iterable(values)) != b"ok":
                return
        if self._ask(scripts.END, generation) == b"ok":
            self._settled.clear()
            self._different.clear()
            self._generation = generation
            self._leases.generation = generation

    def _introduced(self) -> Sequence[object]:
        """For how many milliseconds no rate was used here (empty: unknown), and every machine that there is. One that
        is alone and never used one has nobody to wait for."""
        members = self._members()
        self._leases.members = max(len({*members, self._machine}), self._leases.members)
        idle = self._leases.without_rates_ms()
        if idle is None and set(members) <= {self._machine}:
            idle = _AGES_MS
        now = "" if self._clock is None else self._clock() // 1000
        return ("" if idle is None else idle, now, self._latest, *members)

    def _beat(self) -> str:
        self._count += 1
        rows = self._leases.rows()
        if any(row.limit >= 0 and row.settled > row.granted for row in rows):  # more was used than was reserved
            self._join()
            rows = self._leases.rows()
        told = rows
        if self._count % _ALL_EVERY:
            told = [row for row in rows if self._settled.get(key_of(row.name)) != (row.settled, row.granted)]
        wanted: set[str] = set()
        status = "ok"
        for chunk in _chunks(told, at_least_one=True):
            status = self._tell(chunk, wanted)
            if status in {"lost", "stale"}:
                return status
        if self._generation:
            self._give_back(rows, wanted)
        self._tell_alone()
        return status

    def _tell_alone(self) -> None:
        """What was used of rates while nobody could be asked. Workers tell it too, of what they use again."""
        now = "" if self._clock is None else self._clock()
        alone = self._leases.alone
        for chunk in _chunks(alone.all_owed()):
            owed = alone.owed([one.name for one in chunk])
            wants = [(one.name, RateWant(one.limit, 0, 0, 0, 0, (), one.units, one.ahead_ns)) for one in owed]
            told = [argument for name, want in wants for argument in spelt(name, want)]
            if told and self._ask(RATES, now, *told)[0] == b"ok":
                alone.told(owed)

    def _tell(self, rows: Sequence[Row], wanted: set[str]) -> str:
        """`wanted` gets what should be given back."""
        values: list[object] = []
        for row in rows:
            granted = max(row.granted, row.settled) if row.limit >= 0 else 0
            values += key_of(row.name), row.limit, granted, row.settled, _expiry(row)
        acknowledged = min(self._counters.acknowledged().values(), default=self._counters.version())
        version = self._counters.version()
        status, *rest = self._ask(scripts.BEAT, self._generation, acknowledged, version, *values)
        if rest:
            peers, known, target, lowest, names, found, pending = rest
            self._leases.members = max(known, peers)
            self.told = Told(peers, int(target), int(lowest), tuple(one.decode() for one in pending))
            wanted.update(one.decode() for one in names)
            self._take_in(rows, found, wanted)
        return status.decode()

    def _take_in(self, rows: Sequence[Row], found: Sequence[Any], wanted: set[str]) -> None:
        """What the others have used, and where more is lent than the limit."""
        for row, (lent, elsewhere, over) in zip(rows, found, strict=True):
            key = key_of(row.name)
            if row.elsewhere != int(elsewhere):
                self._leases.hear(row.name, int(elsewhere))
            if over:
                wanted.add(key)
            differs = row.limit >= 0 and int(lent) > max(row.granted, row.settled)
            self._settled[key] = (-1, -1) if differs else (row.settled, row.granted)  # told again, if it differs
            self._different[key] = self._different.get(key, 0) + 1 if differs else 0
            if self._different[key] > _DIFFERENT_BEATS:
                self._generation = 0  # an answer was lost on the way, or a budget was reset: join anew

    def _give_back(self, rows: Sequence[Row], wanted: set[str]) -> None:
        returned: list[object] = []
        for row in rows:
            if row.limit < 0 or row.granted <= row.used:
                continue
            key = key_of(row.name)
            last, idle = self._idle.get(key, (row, 0))
            used = row.settled, row.reserved, row.granted
            idle = idle + 1 if used == (last.settled, last.reserved, last.granted) else 0
            self._idle[key] = row, idle
            if key in wanted or idle > _IDLE_BEATS:
                amount = self._leases.give_up(row.name)
                if amount:
                    returned += key, amount
        for chunk in _chunks(returned):
            self._ask(scripts.RETURN, self._generation, *chunk)


def _chunks(values: Iterable[T], *, at_least_one: bool = False) -> Iterator[list[T]]:
    items = iter(values)
    chunk = list(itertools.islice(items, _CHUNK))
    if at_least_one and not chunk:
        yield chunk
    while chunk:
        yield chunk
        chunk = list(itertools.islice(items, _CHUNK))


def _expiry(row: Row) -> int:
    """Milliseconds since the epoch, 0 for never: a day after the window."""
    return 0 if row.window_end_us >= 1 << 60 else row.window_end_us // 1000 + 86_400_000
