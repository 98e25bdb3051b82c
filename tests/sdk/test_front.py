"""`import genaiops`: what it costs, and that what type checkers see is what there is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genaiops
from genaiops import sdk


def modules(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_importing_it_loads_nothing() -> None:
    assert modules("import genaiops") - modules("import typing") == {"genaiops"}


def test_using_it_loads_little() -> None:
    heavy = {"asyncio", "click", "httpx", "openai", "opentelemetry", "requests", "sqlalchemy", "yaml"}
    assert not heavy & modules("import genaiops; genaiops.trace, genaiops.Client")


def test_every_name_is_there() -> None:
    for name in set(genaiops.__all__) - {"__version__"}:
        assert getattr(genaiops, name) is getattr(sdk, name)
        assert name in dir(genaiops)
    with pytest.raises(AttributeError, match="no attribute 'traces'"):
        getattr(genaiops, "traces")  # noqa: B009
    tree = ast.parse(Path(genaiops.__file__).read_text(encoding="utf-8"))
    (typed,) = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "genaiops.sdk"]
    assert {alias.name for alias in typed.names} == set(genaiops.__all__) - {"__version__"}
