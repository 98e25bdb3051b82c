"""Erasing an end user over the API: who may, what it says, and how it is followed."""

from collections.abc import Mapping

import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.hub import NewKey
from tests.api.conftest import Api
from tests.engines.telemetry.calls import call


@pytest.fixture
def kept(services: Services) -> str:
    """A user with one trace."""
    number = now_us()
    services.telemetry.write(call(number, now_us(), "something said", user_id=f"user-{number}"))
    return f"user-{number}"


def test_it_is_foreseen_begun_and_followed(admin: Api, services: Services, kept: str) -> None:
    foreseen = admin.call("POST", "/erasures/preview", {"user_id": kept})
    assert (foreseen["traces"], foreseen["spans"], foreseen["contents"], foreseen["datasets"]) == (1, 2, 1, [])
    assert len(foreseen["beyond"]) == 4
    begun = admin.call("POST", "/erasures", {"user_id": kept, "reason": "request 1"}, status=202)
    assert (begun["state"], begun["reason"], begun["begun_by"]) == ("running", "request 1", "admin")
    services.erasing.work()
    done = admin.get(f"/erasures/{begun['id']}")
    assert (done["state"], done["traces"]) == ("done", 1)
    assert done in admin.get("/erasures")["data"]
    assert admin.get("/traces", user_id=kept)["data"] == []
    assert kept not in str(admin.get("/audit/events", collection="erasures"))
    error = admin.refused("POST", "/erasures/preview", {"user_id": kept}, status=404)
    assert "letter for letter" in error["message"]
    assert admin.refused("GET", "/erasures/ers_0", status=404)["code"] == "not_found"


@pytest.mark.parametrize("role", ["operator", "developer", "viewer"])
def test_who_may_not_is_told_who_may(people: Mapping[str, Api], role: str, kept: str) -> None:
    error = people[role].refused("POST", "/erasures", {"user_id": kept, "reason": "request"}, status=403)
    assert error["code"] == "permission_missing"
    assert "admin, data-owner" in error["message"]
    assert people[role].refused("POST", "/erasures/preview", {"user_id": kept}, status=403)


def test_a_reason_is_needed_and_names_nobody(admin: Api, kept: str) -> None:
    for reason in (f"for {kept}", ""):
        error = admin.refused("POST", "/erasures", {"user_id": kept, "reason": reason}, status=400)
        assert error["param"] == "reason"
    admin.refused("POST", "/erasures", {"user_id": kept}, status=400)


def test_a_data_owner_of_a_business_unit_erases_what_it_keeps(admin: Api, services: Services, kept: str) -> None:
    admin.call("POST", "/tenants", {"name": "dairy"}, status=201)
    actor = services.hub.actors.create("dora", "person", roles=("data-owner",), tenant_id="dairy", by="admin")
    _, text = services.hub.keys.create(
        NewKey(name="dora", actor_id=actor.id, environment_id="dairy-prod", scopes=("api",)), by="admin"
    )
    dora = Api(admin.client, text)
    dora.refused("POST", "/erasures/preview", {"user_id": kept}, status=404)
    dora.refused("POST", "/erasures", {"user_id": kept, "tenant_id": "default", "reason": "request"}, status=403)
    services.telemetry.write(call(now_us(), now_us(), "milk", user_id=kept, tenant_id="dairy"))
    begun = dora.call("POST", "/erasures", {"user_id": kept, "reason": "request 2"}, status=202)
    services.erasing.work()
    assert dora.get(f"/erasures/{begun['id']}")["traces"] == 1
    assert len(admin.get("/traces", user_id=kept)["data"]) == 1
    assert dora.get("/erasures")["data"] == [dora.get(f"/erasures/{begun['id']}")]
