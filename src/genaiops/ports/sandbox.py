"""Programs and statements that a model wrote, run where they can harm nobody."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta

Ended = Literal["passed", "failed", "error"]
"""`error`: it says nothing of the program (the test itself is broken, or there is no sandbox)."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Of one program: `seconds` of the clock for all of its tests, and of a processor; `memory` in MiB of address
    space; `output` in bytes of what it prints for one test."""

    seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
    memory: Annotated[int, Meta(ge=64, le=16_384)] = 512
    output: Annotated[int, Meta(ge=1, le=1 << 24)] = 1 << 20


class InputOutput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a whole program reads, and what it has to print."""

    stdin: str = ""
    stdout: str


class CodeTask(msgspec.Struct, frozen=True, kw_only=True):
    """A program in Python and what is tested of it: `test` is Python that calls what the program defines (and may hold
    a function `check(candidate)`, as HumanEval's; `entry_point` is then its argument); `io`: whole runs of it."""

    program: str
    test: str = ""
    setup: str = ""
    entry_point: str = ""
    io: tuple[InputOutput, ...] = ()
    bounds: Bounds = Bounds()


class QueryTask(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that reads, over a database of its own: `schema` is a script of SQLite, `rows` fills its tables (name
    -> rows, each as a list or as an object). `most`: rows of a result that are read at most."""

    query: str
    schema: str = ""
    rows: Mapping[str, Sequence[Any]] = {}
    most: int = 100_000
    bounds: Bounds = Bounds()


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """`reason`: what did not hold, in a line."""

    ended: Ended
    reason: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A result: values are numbers, texts, bytes and None. `fault`: why there is none; `broken`: that is a fault of the
    schema or the rows, and not of the statement."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[int | float | str | bytes | None, ...], ...] = ()
    fault: str = ""
    broken: bool = False


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine offers. `lacking`: what a program could do here that it must not (empty: nothing)."""

    in_force: tuple[str, ...]
    lacking: tuple[str, ...] = ()


class Sandbox(Protocol):
    """Slow: not for an event loop; from any thread."""

    @property
    def isolation(self) -> Isolation: ...

    def check(self) -> None:
        """UsageError when this machine cannot confine programs, and nobody allowed it to do without."""
        ...

    def code(self, task: CodeTask) -> Ran:
        """What the tests say. The verdict never comes from the process of the program."""
        ...

    def query(self, task: QueryTask) -> Table: ...
