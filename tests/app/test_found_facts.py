"""Licence and risk of what a suite asks: from cards, the catalogue and applications; what nobody says stays unknown."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from genaiops.app.found_facts import found_facts
from genaiops.arena import FoundFacts
from genaiops.domain import Route, RouteTarget, Suite, SuiteTarget, Target
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub, NewApplication, bootstrap


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with closing(open_records(f"sqlite:///{tmp_path / 'records.db'}")) as records:
        records.migrate()
        bootstrap(records, now_us=1)
        hub = Hub(records, providers=("openai", "echo"))
        for name, upstream in (("carded", "own-1"), ("listed", "gpt-5.5"), ("nobody", "who-knows")):
            target = Target(id=name, provider="echo", model=name, upstream_model=upstream, created_us=0)
            hub.targets.create(target, by="admin")
        yield hub


def known(hub: Hub, target: SuiteTarget) -> FoundFacts:
    return found_facts(hub, Suite(target=(target,)))[target.name]


def test_the_card_of_a_model(hub: Hub) -> None:
    manifest = {"card": {"licence": "MIT", "risk_tier": "limited"}}
    version = hub.artifacts.register("model", "own-1", manifest, by="admin")
    found = known(hub, SuiteTarget(name="x", model="carded"))
    assert (found.licence, found.risk) == ("MIT", "limited")
    assert found.licence_from == f"the card model/own-1@{version.digest.removeprefix('sha256:')[:12]}"


def test_the_catalogue(hub: Hub) -> None:
    found = known(hub, SuiteTarget(name="x", model="listed"))
    assert (found.licence, found.licence_from, found.risk) == ("proprietary", "the catalogue of models", None)


def test_what_nobody_says_is_unknown(hub: Hub) -> None:
    assert known(hub, SuiteTarget(name="x", model="nobody")) == FoundFacts()
    assert known(hub, SuiteTarget(name="x", url="http://127.0.0.1:1/v1")) == FoundFacts()
    assert known(hub, SuiteTarget(name="x", application="app/nobody@prod")) == FoundFacts()


def test_a_route_over_two_licences_has_none(hub: Hub) -> None:
    targets = (RouteTarget("carded", 1), RouteTarget("listed", 1))
    hub.artifacts.register("model", "own-1", {"licence": "MIT"}, by="admin")
    hub.routes.create(Route(id="either", targets=targets, created_us=0), by="admin")
    assert known(hub, SuiteTarget(name="x", model="either")).licence == ""


def test_the_risk_of_an_application(hub: Hub) -> None:
    hub.applications.create(NewApplication(name="shop", risk_tier="high"), by="admin")
    found = known(hub, SuiteTarget(name="x", application="app/shop@prod"))
    assert (found.risk, found.risk_from) == ("high", "the application shop")
