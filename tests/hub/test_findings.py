"""Findings of bias: none is closed without where it comes from and what is done about it."""

import pytest

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import BiasFinding
from genaiops.hub import Hub

MENDED = {"source": "data", "reason": "few cases of theirs", "mitigation": "balanced the examples"}


def recorded(hub: Hub, title: str = "Muslim applicants are declined") -> BiasFinding:
    return hub.findings.add({"title": title}, tenant_id="default", by="ann")


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, "source"),
        ({"source": "data"}, "mitigation"),
        ({"mitigation": "x"}, "source"),
        ({"source": "data", "mitigation": " "}, "mitigation"),
    ],
)
def test_both_are_asked_for(hub: Hub, given: dict[str, str], lacking: str) -> None:
    found = recorded(hub)
    with pytest.raises(UsageError, match=f"no {lacking}") as caught:
        hub.findings.close(found.id, given, by="bob")
    assert (caught.value.code, caught.value.param) == ("finding_incomplete", lacking)
    assert hub.findings.get(found.id) == found, "nothing of it is kept"


def test_it_is_closed_with_both_and_reopened(hub: Hub) -> None:
    found = recorded(hub)
    hub.findings.change(found.id, {"source": "prompt"}, by="ann")
    done = hub.findings.close(found.id, MENDED, by="bob")
    assert (done.state, done.source, done.closed_by) == ("closed", "data", "bob")
    with pytest.raises(Conflict, match="closed"):
        hub.findings.change(found.id, {"title": "other"}, by="ann")
    again = hub.findings.reopen(found.id, by="bob")
    assert (again.state, again.mitigation, again.closed_us) == ("open", MENDED["mitigation"], None)
    with pytest.raises(Conflict, match="open already"):
        hub.findings.reopen(found.id, by="bob")


def test_open_ones_come_first(hub: Hub) -> None:
    first, second = recorded(hub, "one"), recorded(hub, "two")
    hub.findings.close(first.id, MENDED, by="bob")
    assert [each.id for each in hub.findings.in_state()] == [second.id, first.id]
    assert [each.id for each in hub.findings.in_state("closed")] == [first.id]


def test_what_is_not_well_formed_is_refused(hub: Hub) -> None:
    for fields, said in (
        ({"title": " "}, "no title"),
        ({"title": "x" * 201}, "too long"),
        ({"title": "a", "source": "luck"}, "luck"),
    ):
        with pytest.raises(UsageError, match=said):
            hub.findings.add(fields, tenant_id="default", by="ann")
    with pytest.raises(NotFound):
        hub.findings.close("bia_none", MENDED, by="bob")
    assert hub.findings.in_state() == []
