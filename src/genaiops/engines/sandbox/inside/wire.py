"""How processes of the sandbox speak: frames of JSON, and values that are plain. Nothing that is decoded can run."""

import json
import os
import select
import time
from collections.abc import Callable
from typing import Any, cast

LARGEST = 1 << 24


class Gone(BaseException):
    """The other side ended, or says what nobody understands. No `except Exception` of a test may keep it."""


class Late(Gone):
    """The other side did not answer in time."""


class NotPlain(Exception):
    """A value that cannot be sent."""


def send(fd: int, value: Any) -> None:
    data = json.dumps(value).encode()
    data = len(data).to_bytes(4, "big") + data
    while data:
        try:
            data = data[os.write(fd, data) :]
        except OSError:
            raise Gone from None


def receive(fd: int, until: float | None = None) -> Any:
    """The next frame. `until`: of the monotonic clock, else Late."""
    size = int.from_bytes(_exactly(fd, 4, until), "big")
    if size > LARGEST:
        raise Gone
    try:
        return json.loads(_exactly(fd, size, until))
    except (ValueError, RecursionError):
        raise Gone from None


def _exactly(fd: int, size: int, until: float | None) -> bytes:
    data = b""
    while len(data) < size:
        if until is not None and not select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
            raise Late
        try:
            more = os.read(fd, size - len(data))
        except OSError:
            raise Gone from None
        if not more:
            raise Gone
        data += more
    return data


def plain(value: Any, otherwise: Callable[[Any], Any], depth: int = 0) -> Any:
    """A value as JSON that `valued` reads. `otherwise`: what stands for one that is none (or raises)."""
    if depth > 200:
        raise NotPlain("It is nested more than 200 deep.")
    if value is None or isinstance(value, bool | str):
        return value if not isinstance(value, str) else str(value)
    if isinstance(value, int):
        return {"i": hex(int(value))} if abs(value) >= 1 << 53 else int(value)
    if isinstance(value, float):
        return {"f": float(value).hex()}
    if isinstance(value, complex):
        return {"c": [value.real.hex(), value.imag.hex()]}
    if isinstance(value, bytes | bytearray):
        return {"b": bytes(value).hex()}
    if isinstance(value, dict):
        value = cast("dict[Any, Any]", value)
        return {
            "d": [[plain(key, otherwise, depth + 1), plain(each, otherwise, depth + 1)] for key, each in value.items()]
        }
    for kind, name in ((list, "l"), (tuple, "t"), (set, "s"), (frozenset, "z")):
        if isinstance(value, kind):
            return {name: [plain(each, otherwise, depth + 1) for each in cast("list[Any]", value)]}
    return otherwise(value)


def valued(said: Any, otherwise: Callable[[int], Any]) -> Any:
    """The value of what `plain` wrote. `otherwise`: that of a handle. Gone for anything else."""
    try:
        return _valued(said, otherwise)
    except (KeyError, TypeError, ValueError, IndexError, RecursionError, OverflowError):
        raise Gone from None


def _valued(said: Any, otherwise: Callable[[int], Any]) -> Any:
    if said is None or isinstance(said, bool | int | str):
        return said
    [(name, held)] = said.items()
    if name == "h":
        return otherwise(int(held))
    if name == "d":
        return {_valued(key, otherwise): _valued(each, otherwise) for key, each in held}
    if name == "c":
        return complex(float.fromhex(held[0]), float.fromhex(held[1]))
    if name in _ONE:
        return _ONE[name](held)
    return _MANY[name](_valued(each, otherwise) for each in held)


_ONE: dict[str, Callable[[Any], Any]] = {"i": lambda text: int(text, 16), "f": float.fromhex, "b": bytes.fromhex}
_MANY: dict[str, Callable[[Any], Any]] = {"l": list, "t": tuple, "s": set, "z": frozenset}
