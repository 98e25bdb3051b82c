"""Every string of a JSON value, keys included, and the value with another one in its place."""

import copy
from collections.abc import Iterator
from typing import Any

Steps = tuple[Any, ...]


def strings(value: Any, at: Steps = ()) -> Iterator[Steps]:
    """The way to each string."""
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from strings(inner, (*at, index))


def objects(value: Any, at: Steps = ()) -> Iterator[Steps]:
    """The way to each object."""
    if isinstance(value, dict):
        yield at
        for key, inner in value.items():
            yield from objects(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from objects(inner, (*at, index))


def value_at(value: Any, steps: Steps) -> Any:
    for step in steps:
        value = value[step]
    return value


def placed(value: Any, steps: Steps, new: Any) -> Any:
    """A copy with `new` there."""
    made = copy.deepcopy(value)
    if not steps:
        return new
    value_at(made, steps[:-1])[steps[-1]] = new
    return made


JUNK: tuple[Any, ...] = (None, 1, [], {"a": ["b"]}, "x y", [[{}]], True, ["x y", {"text": "t"}], -1.5, 10**20, {})


def spoiled(value: Any) -> Iterator[Any]:
    """Copies with something that does not belong there, at each place in turn."""
    for at, steps in enumerate([*strings(value), *objects(value)]):
        if steps:
            yield placed(value, steps, JUNK[at % len(JUNK)])
