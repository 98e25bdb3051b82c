"""Use cases in the records: owned by people, kept in versions, set back, and figures that are only reported."""

import pytest

from genaiops.checks.use_cases import read_use_case
from genaiops.core.errors import Conflict, Forbidden, NotFound, UsageError
from genaiops.domain import UseCase
from genaiops.hub import Hub, NewApplication
from tests.hub.conftest import Clock

TEXT = """
title = "Answers"
applications = ["support"]
[business_case]
problem = "Too many calls."
[[requirement]]
id = "R1"
text = "It is polite."
[[kpi]]
name = "right"
suite = "answers"
check = "equals"
target = 0.8
[[kpi]]
name = "calls"
direction = "at_most"
target = 100
"""


def written(**changed: str) -> UseCase:
    text = TEXT
    for before, after in changed.items():
        text = text.replace(before, after)
    return read_use_case(text).checked()


@pytest.fixture
def served(hub: Hub) -> Hub:
    hub.applications.create(NewApplication(name="support"), by="admin")
    return hub


def test_each_change_is_kept_and_can_be_taken_back(served: Hub, clock: Clock) -> None:
    first = served.use_cases.put("support", written(), text=TEXT, by="admin")
    assert (first.use_case.owner, first.version.text) == ("admin", TEXT)
    assert served.use_cases.put("support", written(), text=TEXT, by="admin") == first, "the same changes nothing"
    clock.move(1)
    second = served.use_cases.put("support", written(polite="short"), by="admin")
    assert served.use_cases.get("support") == second
    assert [move.version_id for move in served.use_cases.history("support")] == [second.version.id, first.version.id]
    assert served.use_cases.set_back("support", by="admin").version == first.version
    assert served.use_cases.set_back("support", second.version.digest[7:17], by="admin").version == second.version
    with pytest.raises(NotFound, match="No versions"):
        served.use_cases.set_back("support", "ffffff", by="admin")
    assert [each.path for each in served.artifacts.compare(first.version.id, second.version.id)]


def test_it_is_owned_by_a_person_and_serves_what_there_is(served: Hub) -> None:
    robot = served.actors.create("robot", "service_account", by="admin")
    owned = read_use_case(f'owner = "{robot.id}"\n{TEXT}').checked()
    with pytest.raises(UsageError, match="owned by a person"):
        served.use_cases.put("support", owned, by="admin")
    with pytest.raises(NotFound, match="application 'away'"):
        served.use_cases.put("support", written(**{'["support"]': '["away"]'}), by="admin")
    with pytest.raises(NotFound, match="no use case"):
        served.use_cases.get("support")
    with pytest.raises(UsageError, match="cannot be the name"):
        served.use_cases.put("a/b", written(), by="admin")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('check = "equals"', "", "this has no check"),
        ('name = "calls"', 'name = "right"', "'right' stands here twice"),
        ("target = 100", "target = nan", "target is no number"),
        ("target = 100", "target = 100\nslice = 'x'", "Only a suite has slices"),
        ("target = 100", "tarjet = 100", "tarjet"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(before: str, after: str, said: str) -> None:
    [fault] = read_use_case(TEXT.replace(before, after)).faults[:1]
    assert said in fault.message
    assert fault.line is not None


def test_figures_are_reported_only_of_what_no_suite_measures(served: Hub, clock: Clock) -> None:
    served.use_cases.put("support", written(), by="admin")
    with pytest.raises(Conflict, match="measured by the suite"):
        served.use_cases.report("support", "right", 0.9, by="admin")
    with pytest.raises(UsageError, match="nan is no figure"):
        served.use_cases.report("support", "calls", float("nan"), by="admin")
    with pytest.raises(NotFound, match="no KPI 'call'"):
        served.use_cases.report("support", "call", 0.9, by="admin")
    with pytest.raises(UsageError, match="time to come"):
        served.use_cases.report("support", "calls", 1, at_us=clock() + 3_600_000_000, by="admin")
    served.use_cases.report("support", "calls", 120, by="admin")
    clock.move(1)
    served.use_cases.report("support", "calls", 90, note="week 46", by="admin")
    served.use_cases.report("support", "calls", 150, at_us=clock() - 3_600_000_000, by="admin")
    assert [each.value for each in served.use_cases.figures("support")] == [90, 120, 150]


def test_a_retired_one_gates_nothing_and_comes_back(served: Hub) -> None:
    served.use_cases.put("support", written(), by="admin")
    assert [each.name for each in served.use_cases.of_application("support")] == ["support"]
    served.use_cases.retire("support", by="admin")
    assert served.use_cases.list() == []
    served.use_cases.put("support", written(), by="admin")
    assert len(served.use_cases.history("support")) == 3


def test_lineage_and_other_units(served: Hub) -> None:
    held = served.use_cases.put("support", written(), by="admin")
    walk = served.lineage.walk(held.version.id, "up")
    assert {node.ref for node in walk.nodes} >= {"suite/answers", "application/support"}
    other = served.confined("elsewhere")
    assert other.use_cases.list() == []
    assert not [each for each in other.artifacts.list() if each.kind == "use-case"]
    with pytest.raises((Conflict, NotFound, Forbidden)):
        other.use_cases.put("support", read_use_case(TEXT.replace('["support"]', "[]")).checked(), by="admin")
