"""Functions of a suite in Python, called one after the other. Runs with the standard library alone, in the interpreter
that the suite's own code is for.

A line of JSON on standard input is a call, a line on the descriptor that is the first argument its answer.
"""

import asyncio
import importlib.util
import inspect
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

_modules: dict[str, Any] = {}
_bodies: dict[tuple[str, tuple[str, ...]], Callable[..., Any]] = {}


def _module(place: str) -> Any:
    if place not in _modules:
        folder, name = str(Path(place).parent), Path(place).stem
        if folder not in sys.path:
            sys.path.insert(0, folder)
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(name, module)
        spec.loader.exec_module(module)
        _modules[place] = module
    return _modules[place]


def _function(asked: dict[str, Any]) -> Callable[..., Any]:
    if not asked["file"]:
        key = (asked["code"], tuple(asked["takes"]))
        if key not in _bodies:
            _bodies[key] = _body(*key)
        return _bodies[key]
    found: Any = _module(asked["file"])
    for part in asked["function"].split("."):
        if not hasattr(found, part):
            names = [each for each in dir(found) if inspect.isfunction(getattr(found, each)) and each[0] != "_"]
            there = ", ".join(names) or "none"
            raise NameError(f"it has no function {asked['function']}; there are: {there}")
        found = getattr(found, part)
    return found


def _body(code: str, takes: tuple[str, ...]) -> Callable[..., Any]:
    head = f"def main({', '.join(takes)}):\n"
    if "\n" in code:
        indent = re.search(r"^(?!\s*$)[ \t]+", code, re.MULTILINE)
        space = indent[0] if indent else "    "
        text = head + "\n".join(space + line for line in code.split("\n")) + "\n"
    else:
        text = f"{head}    return {code.strip()}\n"
    names: dict[str, Any] = {"json": json, "__name__": "inline"}
    exec(compile(text, "<inline>", "exec"), names)  # noqa: S102 (the suite's own code)
    return names["main"]


def _why(error: BaseException) -> str:
    said, line, place = f"{type(error).__name__}: {error}", "", error.__traceback__
    while place is not None:
        name = place.tb_frame.f_code.co_filename
        if name == "<inline>":
            line = f"line {place.tb_lineno - 1}"
        elif name != __file__ and Path(name).is_file() and str(Path(name).parent) in map(_folder, _modules):
            line = f"{Path(name).name}, line {place.tb_lineno}"
        place = place.tb_next
    return f"{said} ({line})" if line and not isinstance(error, SyntaxError) else said


def _folder(place: str) -> str:
    return str(Path(place).parent)


def _answered(asked: dict[str, Any]) -> Any:
    function = _function(asked)
    if asked["check"]:
        return None
    said = function(*asked["arguments"])
    return asyncio.run(_awaited(said)) if inspect.isawaitable(said) else said


async def _awaited(said: Awaitable[Any]) -> Any:
    return await said


def main() -> None:
    writes = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
    reads, sys.stdin = sys.stdin, os.fdopen(os.open(os.devnull, os.O_RDONLY))
    for line in reads:
        try:
            text = json.dumps({"value": _answered(json.loads(line))}, allow_nan=False)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (whatever it raised, and SystemExit, is its answer)
            text = json.dumps({"error": _why(error)[:2000]})
        writes.write(text + "\n")
        writes.flush()


main()
