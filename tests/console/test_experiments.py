"""Pages of experiments: the list, one with its picture, and what is decided about it by forms."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pytest
import vl_convert
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.web import build
from genaiops.arena import look_at
from genaiops.console._charts import coloured
from genaiops.console._experiment_text import narrowing
from genaiops.core.clock import now_us
from genaiops.domain import Experiment, ReleaseManifest, Target
from genaiops.domain.experiments import (
    ArmSums,
    CheckedCalls,
    ExperimentMetric,
    ExperimentPlan,
    ExperimentTally,
    GuardMetric,
    Look,
)
from genaiops.hub import NewApplication, NewExperiment
from genaiops.ports.telemetry import Batch
from tests.api.test_traces import SECOND, call
from tests.console.seed import settings_of
from tests.console.test_empty import log_in

PLAN = ExperimentPlan(
    primary=ExperimentMetric(metric="score:helpful", better="higher", bounds=(0.0, 1.0)),
    effect=0.02,
    guards=(GuardMetric(metric="errors", better="lower", margin=0.05),),
)


class Console(NamedTuple):
    client: TestClient[Litestar]
    services: Services

    def page(self, name: str = "") -> str:
        answer = self.client.get(f"/arena/experiments{name}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def act(self, name: str, verb: str, **more: str) -> str:
        """The page afterwards."""
        token = self.page().split('name="csrf" value="')[1].split('"')[0]
        form = {"csrf": token, "id": name, "verb": verb, **more}
        answer = self.client.post("/arena/experiments", data=form, follow_redirects=True)
        assert answer.status_code == 200
        return answer.text


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    home = Home(tmp_path_factory.mktemp("experiments") / "home")
    prepare(settings_of(home), {})
    services = Services(settings_of(home))
    services.folding.start()
    hub = services.hub
    target = Target(id="parrot", provider="echo", model="parrot", upstream_model="parrot", created_us=0)
    hub.targets.create(target, by="admin")
    hub.applications.create(NewApplication(name="support"), by="admin")
    for seed in (1, 2):
        hub.releases.create("support", ReleaseManifest(model="parrot", parameters={"seed": seed}), by="admin")
        if seed == 1:
            hub.deployments.deploy("support", "dev", "latest", by="admin")
    try:
        with TestClient(build(services)) as client:
            log_in(client, home.admin_key)
            client.headers["accept"] = "text/html"
            yield Console(client, services)
    finally:
        services.close(1.0)


def written(console: Console, name: str) -> Experiment:
    new = NewExperiment(
        name=name, application="support", environment="dev", candidate="latest", hypothesis="It helps <b>", plan=PLAN
    )
    return console.services.hub.experiments.create(new, by="admin")


def seen(users: int) -> Look:
    share = {
        "candidate": ArmSums(users, users * 0.9, users * 0.9),
        "baseline": ArmSums(users, users * 0.5, users * 0.5),
    }
    none = {"candidate": ArmSums(n=users), "baseline": ArmSums(n=users)}
    both = {"candidate": users, "baseline": users}
    tally = ExperimentTally(entered=both, counted=both, sums={"score:helpful": share, "errors": none})
    return look_at(PLAN, tally, at_us=users)


def test_from_the_draft_to_the_decision(console: Console) -> None:
    written(console, "shorter")
    listed = console.page()
    assert '/arena/experiments/shorter"' in listed
    assert "It helps &lt;b&gt;" in listed
    draft = console.page("/shorter")
    assert "Nothing has changed for anybody yet." in draft
    assert "at least 100 an arm" in draft
    running = console.act("shorter", "start", reason="", emergency="")
    assert "shorter runs." in running
    assert "0 of at most 10,000 users are counted" in running
    assert "promoted" not in running
    with console.services.stores.experiments.work("shorter") as work:
        for users in (100, 150, 400):
            work.add(seen(users))
    assert 'data-chart="' in console.page("/shorter")
    assert "shorter is stopped" in console.act("shorter", "stop", comment="enough")
    assert "say in a comment why" in console.act("shorter", "promoted")
    done = console.act("shorter", "promoted", comment="All the same.")
    assert "admin decided: promoted." in done
    assert len(console.services.hub.deployments.get("support@dev").shares) == 1
    assert "shorter" not in console.page("?state=running")
    assert "shorter" in console.page("?state=decided")


def test_a_draft_can_be_thrown_away(console: Console) -> None:
    written(console, "other")
    assert "other is removed." in console.act("other", "remove")
    assert console.client.get("/arena/experiments/other").status_code == 404
    assert "There is no experiment" in console.act("shortr", "start")
    assert "nothing to do" in console.act("shorter", "explode")


@pytest.mark.parametrize("users", [(100,), (100, 150, 400)])
def test_the_picture_is_drawn(users: tuple[int, ...]) -> None:
    experiment = Experiment(
        id="a", application_id="support", environment_id="dev", candidate="support@x", plan=PLAN, created_us=0
    )
    chart = narrowing(experiment, [seen(each) for each in users])
    assert chart is not None
    assert len(chart.rows) == len(users)
    assert vl_convert.vegalite_to_svg({**coloured(chart.spec), "width": 400}).startswith("<svg")
    assert narrowing(experiment, [seen(20)]) is None


def fill(console: Console, verb: str, **fields: str) -> tuple[int, str]:
    """The form as it comes, with these fields; what it answers."""
    page = console.page("/new")
    form = {name: value for name, value in re.findall(r'<input name="(\w+)"[^>]* value="([^"]*)"', page) if value}
    form["candidate"] = page.split('<optgroup label="support"><option value="')[1].split('"')[0]
    token = page.split('name="csrf" value="')[1].split('"')[0]
    sent = {**form, "csrf": token, "environment": "dev", "window_unit": "hours", "verb": verb, **fields}
    answer = console.client.post("/arena/experiments/new", data=sent, follow_redirects=True)
    return answer.status_code, answer.text


def test_the_form_says_how_long_it_takes_and_writes_it_down(console: Console) -> None:
    console.services.telemetry.write(calls(60))
    given = {"name": "formed", "effect": "0.05", "guard_metric_1": "latency", "guard_margin_1": "0.5"}
    status, looked = fill(console, "plan", **given)
    assert status == 200
    for text in (
        "users came in",
        "An answer takes about",
        "The plan <small>as it would be written down",
        'value="formed"',
    ):
        assert text in looked
    assert "/arena/experiments/formed" not in console.page()
    status, written_down = fill(console, "write", **given)
    assert (status, "formed is written down." in written_down) == (200, True)
    made = console.services.hub.experiments.get("formed")
    assert (made.state, made.plan.effect, [each.metric for each in made.plan.guards]) == ("draft", 0.05, ["latency"])
    assert "An answer takes about" in written_down
    assert '<button class="main" name="verb" value="start">Start</button>' in written_down
    status, again = fill(console, "write", **given)
    assert (status, 'id="fault-name"' in again) == (400, True)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"metric": "erors"}, "metric"),
        ({"effect": "much"}, "effect"),
        ({"share": "100"}, "share"),
        ({"share": "1", "least": "200"}, "most"),
        ({"low": "1"}, "low"),
        ({"metric": "score:x", "low": "1", "high": "0"}, "low"),
        ({"guard_metric_2": "latency"}, "guard_margin_2"),
        ({"guard_metric_2": "latncy", "guard_margin_2": "1"}, "guard_metric_2"),
        ({"guard_metric_3": "latency", "guard_margin_3": "0"}, "guard_margin_3"),
        ({"guard_margin_3": "1"}, "guard_metric_3"),
        ({"window": "0"}, "window"),
        ({"candidate": ""}, "candidate"),
    ],
)
def test_a_fault_stands_beside_its_field(console: Console, fields: dict[str, str], fault: str) -> None:
    status, page = fill(console, "write", **{"name": "faulty", **fields})
    assert status == 400
    assert re.findall(r'id="fault-(\w+)"', page) == [fault]
    assert f'aria-describedby="fault-{fault}"' in page


SUITE = {
    "kind": "suite",
    "case": [{"input": "Hi", "expected": "Hello"}],
    "target": [{"name": "it", "model": "parrot"}],
    "check": [
        {"name": "short", "metric": "word_count", "options": {"most": 9}, "threshold": 1, "margin": 0.1},
        {"name": "right", "metric": "contains"},
        {"name": "fair", "metric": "judge", "options": {"template": "bias", "model": "parrot"}},
    ],
    "gate": {"baseline": "it"},
}


def test_checks_of_a_suite_are_chosen_and_what_they_looked_at_is_told(console: Console) -> None:
    artifacts = console.services.hub.artifacts
    artifacts.move("suite/polite", "live", artifacts.register("suite", "polite", SUITE, by="admin").id, by="admin")
    assert '<option value="polite@live">' in console.page("/new")
    given = {"name": "checked", "metric": "check/short", "suite": "polite@live", "guard_metric_1": "check/fair"}
    for more, fault in (
        ({"metric": "check/right"}, "metric"),
        ({"suite": "polite@prod"}, "suite"),
        ({"guard_margin_1": "0.1"}, "sample"),
        ({"guard_margin_1": "0.1", "sample": "5"}, "spend"),
        ({"guard_margin_1": "0.1", "sample": "5", "spend": "much"}, "spend"),
        ({"sample": "5", "spend": "1"}, "guard_margin_1"),
    ):
        status, page = fill(console, "plan", **{**given, **more})
        assert (status, re.findall(r'id="fault-(\w+)"', page)) == (400, [fault]), more
    good = {**given, "guard_margin_1": "0.1", "sample": "5", "spend": "1"}
    _, planned = fill(console, "plan", **good)
    assert '<option value="check/fair">a check of polite@live</option>' in planned
    assert "check/fair looks at</th><td>5 % of the calls" in planned
    assert "checked is written down." in fill(console, "write", **good)[1]
    oldest = console.services.hub.releases.of("support")[-1]
    console.services.hub.deployments.deploy("support", "dev", oldest.digest, by="admin")
    assert "checked runs." in console.act("checked", "start", reason="", emergency="")
    with console.services.stores.experiments.work("checked") as work:
        looked = {"candidate": CheckedCalls(scored=3, unkept=2), "baseline": CheckedCalls(scored=4, errors=1)}
        tally = work.tally()
        work.keep(msgspec.structs.replace(tally, checked={"check/fair": looked}, faults={"check/fair": "No <b>."}))
    page = console.page("/checked")
    assert "3 / 4" in page
    assert "answer not kept 2 / 0" in page
    assert 'data-label="errors">0 / 1</td>' in page
    assert '<span class="hint">No &lt;b&gt;.</span>' in page
    console.act("checked", "stop")


def calls(users: int) -> Batch:
    """One each."""
    spans = [
        msgspec.structs.replace(span, user_id=f"user {number}", application="support", environment_id="dev")
        for number in range(users)
        for span in call(now_us() - number * SECOND).spans
    ]
    return Batch(spans=spans)
