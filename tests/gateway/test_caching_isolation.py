"""Who may get an answer that was made for somebody else."""

from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.domain import CachePolicy, EndUser, IdentityIssuer, Route, RouteTarget
from genaiops.gateway.identity import sign
from tests.gateway.caching_calls import ASK, EXACT, publish, said
from tests.gateway.harness import QUICK, Home, key, running, target
from tests.gateway.upstream import Upstream, answers


async def pairs(home: Home, first: Any, second: Any, policy: CachePolicy, **headers: str) -> str:
    async with Upstream(answers()) as up:
        publish(home, up, first, second, policy=policy)
        async with running(home) as worker:
            assert said(await worker.post(body=ASK, key="one")) == "miss"
            return said(await worker.post(body=ASK, key="two", **headers))


@pytest.mark.parametrize(
    ("scope", "changes", "outcome"),
    [
        ("team", {}, "hit"),
        ("team", {"team_id": "sales"}, "miss"),
        ("team", {"environment_id": "prod"}, "miss"),
        ("team", {"tenant_id": "other"}, "miss"),
        ("key", {}, "miss"),
        ("tenant", {"team_id": "sales"}, "hit"),
        ("tenant", {"tenant_id": "other"}, "miss"),
        ("tenant", {"environment_id": "prod"}, "miss"),
    ],
)
async def test_who_shares_an_answer(home: Home, scope: Any, changes: dict[str, Any], outcome: str) -> None:
    other = key("two", key_id="key_2", **changes)
    assert await pairs(home, key("one"), other, CachePolicy(mode="exact", scope=scope)) == outcome


async def test_a_key_without_a_team_shares_with_nobody(home: Home) -> None:
    alone = {"team_id": None}
    assert await pairs(home, key("one", **alone), key("two", key_id="key_2", **alone), EXACT) == "miss"


async def test_a_key_that_does_not_reach_the_same_targets_gets_no_answer_of_theirs(home: Home) -> None:
    targets = (target("http://127.0.0.1:9", id="t"), target("http://127.0.0.1:9", id="u", model="secret"))
    async with Upstream(answers()) as up:
        home.publish(
            key("one"),
            key("two", key_id="key_2", models=("m",)),
            targets=tuple(replace(one, base_url=up.url) for one in targets),
            routes=(
                Route(id="r", targets=(RouteTarget("t"), RouteTarget("u")), retry=QUICK, created_us=1, cache=EXACT),
            ),
        )
        async with running(home) as worker:
            assert said(await worker.post(body=ASK, key="one")) == "miss"
            assert said(await worker.post(body=ASK, key="two")) == "miss"
            assert said(await worker.post(body=ASK, key="two")) == "hit"


async def test_users_share_only_with_the_same_groups(home: Home) -> None:
    secret = "a-shared-secret-of-enough-bytes-for-hs256"
    home.secrets.put("PORTAL", secret)
    issuer = IdentityIssuer(id="portal", algorithm="HS256", secret="PORTAL", created_us=1)

    def user(name: str, *groups: str) -> str:
        return sign(EndUser(id=name, groups=groups), secret, 4e9).decode()

    async with Upstream(answers()) as up:
        publish(home, up, issuers=(issuer,))
        async with running(home) as worker:
            asked = [
                (user("anna", "legal", "staff"), "miss"),
                (user("ben", "staff"), "miss"),
                (user("eve"), "miss"),
                (user("carl", "staff", "legal"), "hit"),
                (user("dora", "staff"), "hit"),
                (user("fred", "staff,legal"), "miss"),
            ]
            for signed, outcome in asked:
                assert said(await worker.post(body=ASK, x_genaiops_user=signed)) == outcome
            assert said(await worker.post(body=ASK)) == "miss"
