"""The process of a program: it runs what it is sent, answers calls of it with plain values, and says no verdict."""

import builtins
import contextlib
import io
import sys
from collections.abc import Callable, Generator
from typing import Any

from . import wire

_MOST_SHOWN = 300


class Full(OSError):
    """More was printed than is read."""


class Printed(io.BytesIO):
    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > self._most:
            raise Full("Too much output.")
        return super().write(data)


class Program:
    """What a program defined, and the values that its callers hold on to by number."""

    def __init__(self, source: str, most: int) -> None:
        self._source = source
        self._most = most
        self._held: dict[int, Any] = {}
        self._names: dict[str, Any] = {}

    def load(self, _: Any) -> Any:
        """Run it as a module; the names that it defines."""
        space: dict[str, Any] = {"__name__": "solution"}
        with _quiet(self._most):
            exec(compile(self._source, "<program>", "exec"), space)  # noqa: S102 (this is what the sandbox is for)
        self._names = {name: each for name, each in space.items() if not name.startswith("__")}
        said: dict[str, Any] = {}
        for name, each in self._names.items():
            with contextlib.suppress(Exception):
                said[name] = self._sent(each)
        return said

    def call(self, asked: Any) -> Any:
        """Call a held value. Arguments that it changed are sent back."""
        args, kwargs = self._got(asked["args"]), self._got(asked["kwargs"])
        before = asked["args"]
        with _quiet(self._most):
            result = self._sent(self._held[asked["of"]](*args, **kwargs))
        try:
            after = wire.plain(args, self._hold)
        except Exception:  # noqa: BLE001 (what a program made of them cannot be sent)
            after = before
        return {"is": result, "args": None if after == before else after}

    def part(self, asked: Any) -> Any:
        with _quiet(self._most):
            return self._sent(getattr(self._held[asked["of"]], asked["name"]))

    def item(self, asked: Any) -> Any:
        with _quiet(self._most):
            return self._sent(self._held[asked["of"]][self._got(asked["key"])])

    def size(self, asked: Any) -> Any:
        with _quiet(self._most):
            return len(self._held[asked["of"]])

    def begin(self, asked: Any) -> Any:
        with _quiet(self._most):
            return self._hold(iter(self._held[asked["of"]]))

    def next(self, asked: Any) -> Any:
        with _quiet(self._most):
            for each in self._held[asked["of"]]:
                return [self._sent(each)]
        return []

    def whole(self, asked: Any) -> Any:
        """Run it as a program that reads and prints; what it printed."""
        reads = io.TextIOWrapper(io.BytesIO(asked["stdin"].encode("utf-8", "surrogateescape")), encoding="utf-8")
        raw = Printed(self._most)
        prints = io.TextIOWrapper(raw, encoding="utf-8", errors="replace", write_through=True)
        sys.stdin, sys.stdout = reads, prints
        try:
            exec(compile(self._source, "<program>", "exec"), {"__name__": "__main__"})  # noqa: S102
        except SystemExit:
            pass
        with contextlib.suppress(ValueError):
            prints.flush()
        return raw.getvalue().decode("utf-8", "replace")

    def _sent(self, value: Any) -> Any:
        return wire.plain(value, self._hold)

    def _hold(self, value: Any) -> Any:
        number = len(self._held)
        self._held[number] = value
        return {"h": number}

    def _got(self, said: Any) -> Any:
        return wire.valued(said, self._held.__getitem__)


@contextlib.contextmanager
def _quiet(most: int) -> Generator[None]:
    """What functions print is let go."""
    sys.stdin, sys.stdout = io.StringIO(), io.TextIOWrapper(Printed(most), encoding="utf-8", write_through=True)
    yield


def serve(job: dict[str, Any], reads: int, writes: int) -> None:
    program = Program(job["program"], job["output"])
    does: dict[str, Callable[[Any], Any]] = {
        name: getattr(program, name) for name in ("load", "call", "part", "item", "size", "begin", "next", "whole")
    }
    while True:
        asked = wire.receive(reads)
        try:
            said = {"ok": does[asked["do"]](asked)}
        except MemoryError:
            said = {"raised": "MemoryError", "message": "It took more memory than it may."}
        except BaseException as error:  # noqa: BLE001 (whatever a program raises is what its caller is told)
            said = {"raised": _name(error), "message": _message(error)}
        wire.send(writes, said)


def _name(error: BaseException) -> str:
    """The nearest exception that Python itself has."""
    for kind in type(error).__mro__:
        if getattr(builtins, kind.__name__, None) is kind:
            return kind.__name__
    return "Exception"


def _message(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:_MOST_SHOWN] if str(error) else type(error).__name__
    except BaseException:  # noqa: BLE001 (a program's own __str__)
        return "an exception"
