"""Alerts: one while it is open, counted, closed by a person."""

import pytest

from genaiops.core.errors import Conflict
from genaiops.domain import Alert
from genaiops.hub import Hub
from tests.hub.conftest import Clock


def raised(hub: Hub, subject: str = "default#pii", *, tenant: str = "default", trace: str = "1") -> None:
    hub.alerts.raise_alert(
        "guard_failed", subject, "warning", "It could not say.", evidence={"trace_id": trace}, tenant_id=tenant
    )


def only(hub: Hub) -> Alert:
    [alert] = hub.alerts.in_state()
    return alert


def test_the_same_is_one_and_is_counted(hub: Hub, clock: Clock) -> None:
    for number in range(5):
        raised(hub, trace=str(number))
    version = _version(hub)
    assert (only(hub).count, only(hub).evidence) == (1, {"trace_id": "0"}), "repetitions wait, to spare the records"
    clock.move(30)
    raised(hub, trace="6")
    assert (only(hub).count, only(hub).evidence, only(hub).state) == (6, {"trace_id": "6"}, "open")
    assert only(hub).last_us - only(hub).first_us == 30_000_000
    assert _version(hub) == version + 1


def _version(hub: Hub) -> int:
    with hub.records.read() as view:
        return view.version()


def test_other_subjects_are_others(hub: Hub) -> None:
    raised(hub)
    raised(hub, "default#secrets")
    assert sorted(each.subject for each in hub.alerts.in_state("open")) == ["default#pii", "default#secrets"]


def test_it_is_acknowledged_then_closed_then_new(hub: Hub, clock: Clock) -> None:
    raised(hub)
    first = only(hub)
    acknowledged = hub.alerts.acknowledge(first.id, comment="looking", by="admin")
    assert (acknowledged.state, acknowledged.acknowledged_by) == ("acknowledged", "admin")
    with pytest.raises(Conflict):
        hub.alerts.acknowledge(first.id, by="admin")
    clock.move(30)
    raised(hub)
    assert (only(hub).state, only(hub).count, only(hub).comment) == ("acknowledged", 2, "looking")
    closed = hub.alerts.close(first.id, by="admin")
    assert (closed.state, closed.comment) == ("closed", "looking")
    with pytest.raises(Conflict):
        hub.alerts.close(first.id, by="admin")
    raised(hub)
    again = hub.alerts.in_state()[0]
    assert (again.state, again.count) == ("open", 1)
    assert again.id != first.id


def test_a_business_unit_sees_its_own(hub: Hub) -> None:
    hub.tenants.create("retail", by="admin")
    raised(hub)
    raised(hub, tenant="retail")
    assert [each.tenant_id for each in hub.confined("retail").alerts.in_state()] == ["retail"]


def test_the_latest_of_a_kind_and_subject(hub: Hub, clock: Clock) -> None:
    assert hub.alerts.latest("guard_failed", "default#pii") is None
    raised(hub)
    hub.alerts.close(only(hub).id, by="admin")
    clock.move(60)
    raised(hub, trace="2")
    raised(hub, "default#other")
    raised(hub, tenant="retail")
    found = hub.alerts.latest("guard_failed", "default#pii")
    assert found is not None
    assert (found.evidence, found.state, found.tenant_id) == ({"trace_id": "2"}, "open", "default")
