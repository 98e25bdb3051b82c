"""genaiops itself: a full installation, `genaiops up --no-embedded`, with one worker."""

import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import msgspec

import genaiops
from benchmarks.gateway.load import Request
from benchmarks.gateway.machine import GATEWAY_CORE, LOAD_CORE, BenchmarkError, pin, until
from benchmarks.gateway.traffic import Shape
from benchmarks.installation import begin, end
from genaiops.app.home import Home
from genaiops.app.installation import SupervisorState, read_state
from genaiops.core.clock import now_us
from genaiops.domain import CachePolicy, GuardPolicy, Route, RouteTarget, Scope, Target, TargetTimeouts
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import Hub, NewBudget, NewKey, NewPrice, NewRateLimit
from genaiops.ports.telemetry import RollupQuery

UNGUARDED = "unguarded"
TEAM = "search"
MODEL = "gpt-4o-mini"
SECRET = "BENCHMARK_UPSTREAM_KEY"
START_SECONDS = 90.0
CATCH_UP_SECONDS = 900.0
FAR_AWAY = 1_000_000_000
_HOUR_US = 3_600_000_000


class Genaiops:
    """Runs from `with` on. The worker is alone on the gateway's core; the control process and the supervisor are on the
    other one, with the load."""

    name = "genaiops"
    version = genaiops.__version__
    streams = 2_000
    rate = 200
    setup = (
        "genaiops up --no-embedded, one worker; a key; limits on requests and tokens a minute and a hard budget in "
        "money on the key and on its team (six counters); a route with two weighted targets; prices; both trace "
        "records, content, full-text index and rollups on"
    )

    def __init__(self, folder: Path, upstream_port: int, shapes: tuple[Shape, ...], *, counters: str = "") -> None:
        self._counters = {"GENAIOPS_STORES_COUNTERS": counters} if counters else {}
        self.home = Home(folder / "genaiops")
        self._sent = 0
        self._upstream_port = upstream_port
        self._shapes = shapes
        self._key = self._guarded_key = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = begin(self.home, "--no-embedded", variables={**self._counters, SECRET: "sk-upstream"})
        try:
            self._key = self._fill()
            pin(self.state.pid, LOAD_CORE)
            pin(self.process("control"), LOAD_CORE)
            pin(self.worker, GATEWAY_CORE)
            self._telemetry = open_telemetry(self.home.telemetry, writer=False)
            until(self._is_served, START_SECONDS, "the worker to know the key and the routes")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        end(self._process)

    # -- as an endpoint

    def pids(self) -> list[int]:
        return [self.worker]

    def request(self, shape: Shape, *, guarded: bool = False) -> Request:
        """`guarded`: by a key under the default policy; else by one whose policy has no rules, as other gateways do
        without one."""
        headers = (f"authorization: Bearer {self._guarded_key if guarded else self._key}",)
        return Request(port=self.state.port, path=shape.endpoint, body=shape.body(shape.name), headers=headers)

    def settled(self) -> None:
        """Every call that was sent is a trace that can be queried."""
        until(lambda: self.traces() >= self._sent, CATCH_UP_SECONDS, f"{self._sent} traces")

    def note(self, calls: int) -> None:
        self._sent += calls

    def all_pids(self) -> list[int]:
        return [self.worker, self.process("control"), self.state.pid]

    # -- what else is measured of it

    @property
    def backlog(self) -> int:
        """Noted calls that cannot be queried yet."""
        return self._sent - self.traces()

    @property
    def state(self) -> SupervisorState:
        state = read_state(self.home)
        if state is None:
            raise BenchmarkError(f"genaiops has ended; its logs are in {self.home.logs}.")
        return state

    @property
    def worker(self) -> int:
        return self.process("worker-0")

    def process(self, name: str) -> int:
        found = next((process for process in self.state.processes if process.name == name), None)
        if found is None or found.pid is None:
            raise BenchmarkError(f"{name} does not run; its log is {self.home.logs / name}.log.")
        if found.restarts:
            raise BenchmarkError(
                f"{name} ended and was started again ({found.last_end}): its log is in {self.home.logs}."
            )
        return found.pid

    def traces(self) -> int:
        """How many calls can be queried."""
        query = RollupQuery(since_us=now_us() - 24 * _HOUR_US, until_us=now_us() + _HOUR_US, step="all")
        return sum(row.calls for row in self._telemetry.rollup(query))

    # -- setting it up

    def _fill(self) -> str:
        """Keys, limits, targets, routes and prices, as an administrator would set them; the unguarded key's text."""
        hub = Hub(open_records(f"sqlite:///{self.home.records}"))
        by = "benchmark"
        hub.teams.create(TEAM, by=by)
        actor = hub.actors.create("benchmark", "service_account", team_id=TEAM, by=by)
        hub.guards.push(UNGUARDED, GuardPolicy(), by=by)
        new = NewKey(name="benchmark", actor_id=actor.id, team_id=TEAM)
        guarded, self._guarded_key = hub.keys.create(new, by=by)
        key, text = hub.keys.create(msgspec.structs.replace(new, name="unguarded", guard=UNGUARDED), by=by)
        for scope in (Scope("key", key.id), Scope("key", guarded.id), Scope("team", TEAM)):
            hub.budgets.create(NewBudget(scope=scope, limit="1000000 USD", hard=True), by=by)
            limits = NewRateLimit(scope=scope, requests_per_minute=FAR_AWAY, tokens_per_minute=FAR_AWAY)
            hub.rate_limits.create(limits, by=by)
        for shape in self._shapes:
            base_url = f"http://127.0.0.1:{self._upstream_port}{shape.prefix}/v1"
            targets = [self._target(f"{shape.name}-{side}", base_url) for side in ("a", "b")]
            hub.targets.create_all(targets, by=by)
            weighted = tuple(RouteTarget(target.id, weight) for target, weight in zip(targets, (3, 1), strict=True))
            cache = CachePolicy(mode="exact", ttl=86_400) if shape.kept else CachePolicy()
            hub.routes.create(Route(id=shape.name, targets=weighted, created_us=0, cache=cache), by=by)
        hub.prices.set(NewPrice(provider="openai", model=MODEL, input="0.15", output="0.60", cache_read="0.075"), by=by)
        return text

    def _target(self, name: str, base_url: str) -> Target:
        return Target(
            id=name,
            provider="openai",
            model=f"{MODEL}-{name}",
            upstream_model=MODEL,
            base_url=base_url,
            credentials=(SECRET,),
            timeouts=TargetTimeouts(),
            created_us=0,
        )

    def _is_served(self) -> bool:
        """The worker knows the key and every route."""
        url = f"http://127.0.0.1:{self.state.port}/v1/models"
        asked = urllib.request.Request(url, headers={"authorization": f"Bearer {self._key}"})
        try:
            with urllib.request.urlopen(asked, timeout=10) as reply:
                listed = msgspec.json.decode(reply.read(), type=_Models)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return False  # the key is not with the worker yet
            raise BenchmarkError(f"genaiops answers {error.code}: {error.read().decode()}") from error
        return {shape.name for shape in self._shapes} <= {model.id for model in listed.data}


class _Model(msgspec.Struct, frozen=True):
    id: str


class _Models(msgspec.Struct, frozen=True):
    data: list[_Model]
