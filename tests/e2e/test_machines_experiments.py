"""An experiment on two machines that share PostgreSQL and Redis: users keep their release wherever they call, each call
counts once also when a machine is killed, and it ends once."""

import contextlib
import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from genaiops.domain import ReleaseManifest
from genaiops.domain.experiments import ExperimentMetric, ExperimentPlan
from genaiops.engines.experiments_sql import open_experiments
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import NewApplication, NewExperiment
from genaiops.ports.telemetry import TraceFilter
from tests.app.running import Installation, request, until
from tests.e2e.test_machines import Pair, kill, pair, records_url

__all__ = ["pair", "records_url"]

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_redis]

USERS = 240
HOUR_US = 3_600_000_000
PLAN = ExperimentPlan(
    primary=ExperimentMetric(metric="tokens", better="lower"), effect=100.0, share=50, most=2 * USERS, window_us=HOUR_US
)
QUICK = ExperimentPlan(
    primary=ExperimentMetric(metric="tokens", better="lower"), effect=100.0, share=50, most=200, window_us=1_000_000
)


def begin(pair: Pair, name: str, plan: ExperimentPlan) -> None:
    with pair.hub() as hub:
        hub.applications.create(NewApplication(name=name), by="admin")
        for seed in (1, 2):
            hub.releases.create(name, ReleaseManifest(model="echo", parameters={"seed": seed}), by="admin")
            if seed == 1:
                hub.deployments.deploy(name, "dev", "latest", by="admin")
        new = NewExperiment(name=name, application=name, environment="dev", candidate="latest", plan=plan)
        hub.experiments.create(new, by="admin")
    begun = request(f"{pair.a.url}/api/experiments/{name}/start", key=pair.key, body={})
    assert begun.status in (200, 202), begun.body
    for machine in (pair.a, pair.b):
        until(lambda at=machine: pair.ask(at, model=f"app/{name}").status == 200, "the deployment")


def shown(pair: Pair, at: Installation, name: str) -> Any:
    return request(f"{at.url}/api/experiments/{name}", key=pair.key).body


def roots(pair: Pair, name: str) -> Counter[str]:
    """Calls of each user that both machines have traces of."""
    found: Counter[str] = Counter()
    for machine in (pair.a, pair.b):
        with contextlib.closing(open_telemetry(machine.home.telemetry, writer=False)) as telemetry:
            cursor = None
            while True:
                page = telemetry.list(TraceFilter(application=name), cursor=cursor, limit=500)
                found.update(row.root.user_id for row in page.rows if row.root.user_id)
                cursor = page.next
                if cursor is None:
                    break
    return found


def test_users_are_one_wherever_they_call(pair: Pair) -> None:
    begin(pair, "wide", PLAN)
    begin(pair, "quick", QUICK)

    def ask(machine: Installation, user: int, name: str) -> str | None:
        try:
            answer = pair.ask(machine, model=f"app/{name}", user=f"user {user}")
        except (OSError, ValueError):
            return None
        return answer.headers.get("x-genaiops-release")

    with ThreadPoolExecutor(4) as pool:
        on_a = list(pool.map(lambda user: ask(pair.a, user, "wide"), range(USERS)))
        on_b = list(pool.map(lambda user: ask(pair.b, user, "wide"), range(USERS)))
        list(pool.map(lambda user: ask((pair.a, pair.b)[user % 2], user, "quick"), range(USERS)))
        assert on_a == on_b
        more = [pool.submit(ask, pair.b, user, "wide") for user in range(USERS)]
        kill(pair.b)
        for one in more:
            one.result()
    pair.b.start()
    until(lambda: pair.ask(pair.b, model="app/wide").status == 200, "the machine that was killed")

    digests = {
        hashlib.blake2b(f"wide\0user {user}".encode(), digest_size=16).hexdigest(): f"user {user}"
        for user in range(USERS)
    }

    def counted() -> Counter[str]:
        with (
            contextlib.closing(open_experiments(pair.records_url)) as store,
            store.work("wide") as work,
        ):
            return Counter({digests[one.unit]: one.sums["errors"][1] for one in work.units(digests).values()})

    until(lambda: counted() == roots(pair, "wide"), "every call to be counted once")
    calls = roots(pair, "wide")
    assert len(calls) == USERS
    assert all(2 <= times <= 4 for times in calls.values())
    now = shown(pair, pair.b, "wide")["now"]
    came = Counter(on_a)
    assert sorted(now["entered"]) == sorted(came.values())
    assert sum(now["entered"]) == USERS
    assert now["balance_p"] > 0.001

    def ended() -> bool:
        return bool(shown(pair, pair.a, "quick")["state"] == "ended")

    until(ended, "the end of the quick one")
    quick = shown(pair, pair.b, "quick")
    assert (quick["outcome"], sum(quick["now"]["counted"])) == ("no_difference", USERS)
    looks = request(f"{pair.a.url}/api/experiments/quick/looks", key=pair.key).body["data"]
    assert [each["outcome"] for each in looks].count("no_difference") == 1
    assert [sum(each["counted"]) for each in looks] == sorted({sum(each["counted"]) for each in looks})
    with pair.hub() as hub:
        raised = [one for one in hub.alerts.in_state() if one.subject == "experiment quick"]
    assert [(one.kind, one.count) for one in raised] == [("experiment_no_difference", 1)]
