"""A route as a picture: the equivalents by weight, then the fallbacks in the order in which they are tried.

Drawn from top to bottom at a fixed width, so that its text keeps its size on a narrow screen.
"""

from collections.abc import Mapping, Sequence

import msgspec

from genaiops.watch import RouteShare, TargetHealth

WIDTH = 320
ROW = 38
_TOP = 34
_GAP = 16
_LONGEST = 27


class Box(msgspec.Struct, frozen=True):
    """One target. `y` is its upper edge; `line` the width of the line that leads to it, and `bar` how far its share
    reaches, both in pixels; `step` is a fallback's place in the order (0: an equivalent)."""

    y: int
    name: str
    title: str
    share: float | None
    line: float
    bar: float
    state: str
    step: int


class Picture(msgspec.Struct, frozen=True):
    """`spine` is where the solid line ends, `tail` where the dashed one does (None: no fallbacks)."""

    height: int
    boxes: Sequence[Box]
    spine: int
    tail: int | None
    said: str


def picture(route_id: str, shares: Sequence[RouteShare], healths: Mapping[str, TargetHealth]) -> Picture:
    """`shares` are those of this route. Lines show the live share, or the weights while there were no calls."""
    boxes: list[Box] = []
    y, step = _TOP, 0
    for share in shares:
        if share.role == "former":
            continue
        if share.role == "fallback":
            step += 1
            y += _GAP if step == 1 else 0
        part = share.configured if share.live is None else share.live
        health = healths.get(share.target_id)
        boxes.append(
            Box(
                y=y,
                name=share.target_id if len(share.target_id) <= _LONGEST else f"{share.target_id[: _LONGEST - 1]}…",
                title=share.target_id,
                share=part,
                line=1 + 3 * (part or 0),
                bar=(WIDTH - 26) * (part or 0),
                state="unknown" if health is None else health.state,
                step=step,
            )
        )
        y += ROW
    equals = [box for box in boxes if not box.step]
    falls = [box for box in boxes if box.step]
    said = f"Calls of {route_id} go to {_names(equals) or 'nothing'}"
    said += f"; when they fail, in this order to {_names(falls)}." if falls else "; there is no fallback."
    return Picture(
        height=y,
        boxes=boxes,
        spine=equals[-1].y + 15 if equals else _TOP,
        tail=falls[-1].y + 15 if falls else None,
        said=said,
    )


def _names(boxes: Sequence[Box]) -> str:
    return ", ".join(box.title for box in boxes)
