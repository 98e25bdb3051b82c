"""A route as a picture: what is drawn where, and what is said of it."""

from typing import Any

from genaiops.console._picture import ROW, WIDTH, picture
from genaiops.watch import RouteShare, TargetHealth


def share(name: str, role: Any = "weighted", **facts: Any) -> RouteShare:
    given: dict[str, Any] = {"weight": 1, "configured": None, "calls": 0, "errors": 0, "live": None, **facts}
    return RouteShare(route_id="support", target_id=name, role=role, **given)


def health(name: str, state: Any) -> TargetHealth:
    return TargetHealth(
        target_id=name,
        state=state,
        calls=0,
        errors=0,
        attempts=0,
        failed_attempts=0,
        p50_ms=None,
        p95_ms=None,
        in_flight=0,
        resting=False,
        credentials_resting=0,
    )


def test_equivalents_above_fallbacks_in_order() -> None:
    shares = [
        share("east", configured=0.75, live=0.5),
        share("west", configured=0.25, live=0.25),
        share("spare", "fallback", live=0.25),
        share("last", "fallback", live=0.0),
        share("gone", "former", live=0.0),
    ]
    drawn = picture("support", shares, {"east": health("east", "open")})
    assert [box.title for box in drawn.boxes] == ["east", "west", "spare", "last"]
    assert [box.step for box in drawn.boxes] == [0, 0, 1, 2]
    assert [box.share for box in drawn.boxes] == [0.5, 0.25, 0.25, 0.0]
    assert [box.state for box in drawn.boxes] == ["open", "unknown", "unknown", "unknown"]
    assert all(later.y - earlier.y >= ROW for earlier, later in zip(drawn.boxes, drawn.boxes[1:], strict=False))
    assert drawn.boxes[1].y < drawn.spine < drawn.boxes[2].y
    assert drawn.tail is not None
    assert drawn.boxes[3].y < drawn.tail < drawn.height
    assert drawn.boxes[0].bar == (WIDTH - 26) / 2
    assert drawn.said == "Calls of support go to east, west; when they fail, in this order to spare, last."


def test_without_calls_the_weights_are_drawn() -> None:
    drawn = picture("support", [share("east", configured=0.75), share("west", configured=0.25)], {})
    assert [box.share for box in drawn.boxes] == [0.75, 0.25]
    assert drawn.tail is None
    assert drawn.said.endswith("there is no fallback.")


def test_a_long_name_is_cut_and_said_in_full() -> None:
    name = "a-target-with-a-name-that-is-long-indeed"
    (box,) = picture("support", [share(name)], {}).boxes
    assert box.title == name
    assert len(box.name) < 30
