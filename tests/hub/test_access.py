from typing import get_args

import pytest

from genaiops.core.errors import Forbidden
from genaiops.domain import Actor, ApiKey, Role
from genaiops.hub import PERMISSIONS, Permission, allows, require, require_scope


def actor(*roles: Role, **fields: object) -> Actor:
    base = {"id": "a", "name": "ann", "kind": "person", "created_us": 1}
    return Actor(roles=roles, **{**base, **fields})  # type: ignore[arg-type]


def test_every_role_has_its_permissions() -> None:
    assert set(PERMISSIONS) == set(get_args(Role))
    assert PERMISSIONS["admin"] == set(get_args(Permission))
    assert PERMISSIONS["viewer"] < PERMISSIONS["developer"] < PERMISSIONS["operator"] < PERMISSIONS["admin"]


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("viewer", ["read"], ["playground", "own_keys", "targets"]),
        ("developer", ["read", "playground", "own_keys", "artifacts"], ["keys", "targets", "budgets", "people"]),
        ("operator", ["targets", "routes", "prices", "budgets", "keys"], ["people", "environments", "approve"]),
        ("admin", ["people", "environments", "issuers", "approve"], []),
    ],
)
def test_roles(role: Role, may: list[Permission], may_not: list[Permission]) -> None:
    assert all(allows(actor(role), permission) for permission in may)
    assert not any(allows(actor(role), permission) for permission in may_not)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Forbidden, match=r"'ann' \(viewer\) lacks the permission 'routes'") as caught:
        require(actor("viewer"), "routes")
    assert caught.value.remedy is not None
    assert "admin, mlops-engineer, operator" in caught.value.remedy
    with pytest.raises(Forbidden, match="no role"):
        require(actor(), "read")
    require(actor("viewer", "operator"), "routes")


def test_a_service_account_never_approves() -> None:
    with pytest.raises(Forbidden, match="service account") as caught:
        require(actor("admin", kind="service_account"), "approve")
    assert caught.value.code == "person_required"
    require(actor("admin"), "approve")
    require(actor("admin", kind="service_account"), "people")


def test_a_disabled_actor_may_nothing() -> None:
    with pytest.raises(Forbidden, match="disabled"):
        require(actor("admin", disabled_us=5), "read")


def test_scopes_of_keys() -> None:
    key = ApiKey(id="k", name="k", hint="", digest="", actor_id="a", created_us=1, scopes=("calls",))
    require_scope(key, "calls")
    with pytest.raises(Forbidden, match="management API"):
        require_scope(key, "api")
