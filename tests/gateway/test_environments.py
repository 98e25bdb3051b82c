"""What is open to one environment only."""

from genaiops.domain import Route, RouteTarget
from tests.gateway.harness import Home, key, running, target
from tests.gateway.upstream import Upstream, answers


async def test_a_key_of_dev_cannot_reach_a_route_of_prod(home: Home) -> None:
    async with Upstream(answers()) as up:
        route = Route(id="live", targets=(RouteTarget("t"),), environments=("prod",), created_us=0)
        home.publish(key(), targets=(target(up.url, id="t"),), routes=(route,))
        async with running(home) as worker:
            refused = await worker.post(body={"model": "live", "messages": []})
            listed = await worker.get("/v1/models")
        assert (refused.status, refused.json["error"]["code"]) == (403, "environment_not_allowed")
        assert "live" not in [model["id"] for model in listed.json["data"]]
        assert up.seen == []


async def test_a_target_of_prod_is_left_out_of_a_route_that_is_open_to_all(home: Home) -> None:
    async with Upstream(answers()) as up, Upstream(answers()) as live:
        targets = (target(up.url, id="a"), target(live.url, id="b", environments=("prod",)))
        route = Route(id="r", targets=(RouteTarget("a"), RouteTarget("b", 1000)), fallbacks=(), created_us=0)
        home.publish(key(), targets=targets, routes=(route,))
        async with running(home) as worker:
            answers_ = [await worker.post(body={"model": "r", "messages": []}) for _ in range(10)]
        assert [answer.status for answer in answers_] == [200] * 10
        assert (len(up.seen), len(live.seen)) == (10, 0)
