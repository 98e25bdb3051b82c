"""Experiments in files: written down by them, never changed by them once they have begun."""

from typing import Any

import pytest

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import Release
from genaiops.hub import Hub, export
from tests.hub.test_apply import applied
from tests.hub.test_deploying import bob, releases
from tests.hub.test_experiments import begun

__all__ = ["bob", "releases"]

Both = tuple[Release, Release]
SECTION = ("experiments",)


def described(**more: Any) -> dict[str, Any]:
    plan = {
        "primary": {"metric": "score:helpful", "bounds": [0, 1]},
        "effect": 0.02,
        "guards": [{"metric": "errors", "margin": 0.01}],
        **more,
    }
    one = {"application": "support", "environment": "dev", "candidate": "latest", "hypothesis": "It is.", "plan": plan}
    return {"experiments": {"shorter": one}}


def test_a_file_writes_it_down_and_a_second_time_there_is_nothing_to_do(hub: Hub, releases: Both) -> None:
    assert [each.name for each in applied(hub, described()).plan.changes] == ["shorter"]
    made = hub.experiments.get("shorter")
    assert (made.state, made.candidate, made.created_by) == ("draft", releases[1].id, "admin")
    assert (made.plan.primary.better, made.plan.guards[0].better, made.plan.effect) == ("higher", "lower", 0.02)
    assert applied(hub, described()).plan.changes == ()
    short = described()
    short["experiments"]["shorter"]["candidate"] = releases[1].digest.removeprefix("sha256:")[:8]
    assert applied(hub, short).plan.changes == ()
    assert applied(hub, export(hub, SECTION)).plan.changes == ()
    assert "experiments" not in export(hub)


def test_a_draft_follows_its_file(hub: Hub, releases: Both) -> None:
    applied(hub, described())
    (change,) = applied(hub, described(share=50, window_seconds=60)).plan.changes
    assert {each.field: each.after for each in change.fields} == {"plan.share": 50, "plan.window_seconds": 60}
    assert hub.experiments.get("shorter").plan.share == 50
    other = described(share=50)
    other["experiments"]["shorter"]["candidate"] = releases[0].digest
    applied(hub, other)
    assert hub.experiments.get("shorter").candidate == releases[0].id
    applied(hub, {"experiments": {}}, prune=True)
    with pytest.raises(NotFound):
        hub.experiments.get("shorter")


def test_one_that_has_begun_is_never_changed_and_never_removed(hub: Hub, releases: Both) -> None:
    begun(hub, releases)
    same = export(hub, SECTION)
    with pytest.raises(Conflict, match="its plan never changes"):
        applied(hub, described())
    assert applied(hub, {"experiments": {}}, prune=True).plan.changes == ()
    assert applied(hub, same).plan.changes == ()
    hub.experiments.end("shorter", "stopped", "Enough.", by="admin")
    assert applied(hub, same).plan.unchanged == 1


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"share": 100}, "experiments.shorter.share"),
        ({"primary": {"metric": "erors"}}, "experiments.shorter.metric"),
        ({"primery": {}}, "experiments.shorter.plan.primery"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(hub: Hub, releases: Both, more: Any, place: str) -> None:
    with pytest.raises(UsageError) as told:
        applied(hub, described(**more))
    assert told.value.param == place
