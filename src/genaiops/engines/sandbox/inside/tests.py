"""The process of the tests: they run here, and ask the program's process for values. It alone says the verdict."""

import builtins
import contextlib
import io
import sys
import time
import types
from collections.abc import Iterator
from typing import Any, NoReturn, cast

from . import wire

_MOST_SHOWN = 300


class Asking:
    """Calls into the other process."""

    def __init__(self, reads: int, writes: int, seconds: float) -> None:
        self._reads = reads
        self._writes = writes
        self._until = time.monotonic() + seconds
        self.gone: wire.Gone | None = None
        """The program's process ended: a test that catches everything does not pass for that."""

    def __call__(self, do: str, **asked: Any) -> Any:
        try:
            wire.send(self._writes, {"do": do, **asked})
            said: Any = wire.receive(self._reads, self._until)
        except wire.Gone as gone:
            self.gone = gone
            raise
        if not isinstance(said, dict):
            raise wire.Gone
        said = cast("dict[str, Any]", said)
        if "raised" in said:
            _raise(str(said["raised"]), str(said.get("message", "")))
        if "ok" not in said:
            raise wire.Gone
        return said["ok"]

    def value(self, said: Any) -> Any:
        return wire.valued(said, lambda number: Remote(self, number))


def _raise(name: str, message: str) -> NoReturn:
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = Exception
    try:
        error = kind(message)
    except TypeError:  # UnicodeDecodeError and its like want more
        error = Exception(message)
    raise error


class Remote:
    """What is no plain value, and stays in its process. It equals nothing but itself: what is compared here is never
    decided there."""

    def __init__(self, ask: Asking, number: int) -> None:
        object.__setattr__(self, "_ask", ask)
        object.__setattr__(self, "_number", number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        said = self._ask("call", of=self._number, args=_given(list(args)), kwargs=_given(kwargs))
        if not isinstance(said, dict) or "is" not in said:
            raise wire.Gone
        said = cast("dict[str, Any]", said)
        if said.get("args") is not None:
            changed: Any = self._ask.value(said["args"])
            for mine, theirs in zip(
                args, cast("list[Any]", changed) if isinstance(changed, list) else (), strict=False
            ):
                _changed(mine, theirs)
        return self._ask.value(said["is"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._ask.value(self._ask("part", of=self._number, name=name))

    def __getitem__(self, key: Any) -> Any:
        return self._ask.value(self._ask("item", of=self._number, key=_given(key)))

    def __len__(self) -> int:
        return int(self._ask("size", of=self._number))

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        place = self._ask.value(self._ask("begin", of=self._number))
        while True:
            if not isinstance(place, Remote):
                raise wire.Gone
            said = place._next()
            if not said:
                return
            yield said[0]

    def __next__(self) -> Any:
        said = self._next()
        if not said:
            raise StopIteration
        return said[0]

    def _next(self) -> list[Any]:
        said = self._ask("next", of=self._number)
        if not isinstance(said, list):
            raise wire.Gone
        return [self._ask.value(each) for each in cast("list[Any]", said)]

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Remote) and other._number == self._number)

    def __hash__(self) -> int:
        return hash(self._number)

    def __repr__(self) -> str:
        return "<a value of the program>"


def _given(value: Any) -> Any:
    def held(other: Any) -> Any:
        if isinstance(other, Remote):
            return {"h": other._number}
        raise wire.NotPlain(f"The test hands {type(other).__name__} to the program, which is no plain value.")

    return wire.plain(value, held)


def _changed(mine: Any, theirs: Any) -> None:
    """An argument that the program changed in its place."""
    if isinstance(mine, list) and isinstance(theirs, list):
        mine[:] = cast("list[Any]", theirs)
    elif isinstance(mine, dict) and isinstance(theirs, dict):
        fields = cast("dict[Any, Any]", mine)
        fields.clear()
        fields.update(cast("dict[Any, Any]", theirs))
    elif isinstance(mine, set) and isinstance(theirs, set):
        cast("set[Any]", mine).clear()
        cast("set[Any]", mine).update(cast("set[Any]", theirs))
    elif isinstance(mine, bytearray) and isinstance(theirs, bytes):
        mine[:] = theirs


class Failed(Exception):
    """A run of the whole program printed something else."""


def run(job: dict[str, Any], reads: int, writes: int) -> dict[str, str]:
    """{"ended": passed, failed or error, "reason"}."""
    ask = Asking(reads, writes, job["seconds"])
    sys.stdin, sys.stdout = io.StringIO(), io.StringIO()
    try:
        for number, each in enumerate(job["io"], start=1):
            _whole(ask, number, each)
        if job["test"]:
            _tests(ask, job)
        if ask.gone is not None:
            raise ask.gone
    except wire.Late:
        return {"ended": "failed", "reason": f"It ran longer than {job['seconds']:g} s."}
    except wire.Gone:
        return {"ended": "failed", "reason": "The program ended itself, or its process."}
    except wire.NotPlain as error:
        return {"ended": "error", "reason": str(error)}
    except Failed as error:
        return {"ended": "failed", "reason": str(error)[:_MOST_SHOWN]}
    except _TestError as error:
        return {"ended": "error", "reason": f"The test is broken: {error}"[:_MOST_SHOWN]}
    except SystemExit:
        return {"ended": "error", "reason": "The test ended its own process."}
    except BaseException as error:  # noqa: BLE001 (whatever is raised by a test is its verdict)
        said = str(error) if type(error).__name__ in str(error) else f"{type(error).__name__}: {error}".rstrip(": ")
        return {"ended": "failed", "reason": f"{said}{_where(error)}"[:_MOST_SHOWN]}
    return {"ended": "passed", "reason": ""}


class _TestError(Exception):
    pass


def _tests(ask: Asking, job: dict[str, Any]) -> None:
    try:
        setup = compile(job["setup"], "<setup>", "exec")
        test = compile(job["test"], "<test>", "exec")
    except (SyntaxError, ValueError) as error:
        raise _TestError(error) from None
    names = {name: ask.value(each) for name, each in dict(ask("load")).items()}
    solution = types.ModuleType("solution")
    solution.__dict__.update(names)
    sys.modules["solution"] = solution
    space: dict[str, Any] = {"__name__": "__main__", **names}
    exec(setup, space)  # noqa: S102 (the suite's own test, confined like the program)
    entry = job["entry_point"]
    if entry:
        if entry not in names:
            raise Failed(f"The program defines no {entry}.")
        space.setdefault("candidate", names[entry])
    exec(test, space)  # noqa: S102
    check = space.get("check")
    if entry and isinstance(check, types.FunctionType):
        check(names[entry])


def _whole(ask: Asking, number: int, each: dict[str, str]) -> None:
    try:
        said = str(ask("whole", stdin=each["stdin"]))
    except Exception as error:  # noqa: BLE001 (whatever it raised)
        raise Failed(f"Run {number} raised {error}") from None
    if _lines(said) != _lines(each["stdout"]):
        raise Failed(f"Run {number} printed {said[:120]!r}, and not {each['stdout'][:120]!r}.")


def _lines(text: str) -> list[str]:
    """Without white space at the ends of lines and of the whole."""
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _where(error: BaseException) -> str:
    """The line of the test."""
    place, found = error.__traceback__, 0
    while place is not None:
        if place.tb_frame.f_code.co_filename == "<test>":
            found = place.tb_lineno
        place = place.tb_next
    return f" (line {found} of the test)" if found else ""


def answer(said: dict[str, str], writes: int) -> None:
    with contextlib.suppress(wire.Gone):
        wire.send(writes, said)
