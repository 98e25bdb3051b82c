"""Size caps. What has to be larger says why in the file, `# size: reason`, and is listed here."""

import ast
import functools
import re
from collections.abc import Iterator

from tests.house.tree import ROOT, named, relative

FILE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 8

# paths, or path::function
LARGER: frozenset[str] = frozenset({"src/genaiops/domain/__init__.py", "src/genaiops/gateway/gateway.py::__init__"})

REASON = re.compile(r"# size: \S.{10,}")


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All of them, at any depth: a twelfth of the nodes, for no function stands inside an expression."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, field, ())
            todo += inner if isinstance(inner, list) else ()


def oversized(name: str, source: str) -> Iterator[tuple[str, str]]:
    """(what, by how much) for everything in one file that is over a cap."""
    lines = source.count("\n") + (not source.endswith("\n"))
    if lines > FILE_LINES:
        yield name, f"{lines} lines; the cap is {FILE_LINES}: split it by subject"
    for node in statements(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        where = f"{name}::{node.name}"
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield where, f"{length} lines; the cap is {FUNCTION_LINES}: name its steps"
        arguments = node.args
        count = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
        first = next(iter([*arguments.posonlyargs, *arguments.args]), None)
        count -= first is not None and first.arg in {"self", "cls"}
        if count > PARAMETERS:
            yield where, f"{count} parameters; the cap is {PARAMETERS}: group them in a struct"


@functools.cache
def excesses() -> dict[str, str]:
    """Of all files."""
    paths = list(named(".py"))
    return {
        where: excess for path in paths for where, excess in oversized(relative(path), path.read_text(encoding="utf-8"))
    }


def test_the_rule_sees_each_kind_of_excess() -> None:
    long_body = "def f() -> None:\n" + "    x = 1\n" * FUNCTION_LINES
    many = "class A:\n    def g(self, " + ", ".join(f"a{i}: int" for i in range(PARAMETERS + 1)) + ") -> None: ...\n"
    just = "class A:\n    def h(self, " + ", ".join(f"a{i}: int" for i in range(PARAMETERS)) + ") -> None: ...\n"
    assert [where for where, _ in oversized("m.py", long_body)] == ["m.py::f"]
    assert [where for where, _ in oversized("m.py", many)] == ["m.py::g"]
    assert not list(oversized("m.py", just))
    assert not list(oversized("m.py", "x = 1\n" * FILE_LINES))
    assert [where for where, _ in oversized("m.py", "x = 1\n" * (FILE_LINES + 1))] == ["m.py"]


def test_sizes() -> None:
    found = {where: excess for where, excess in excesses().items() if where not in LARGER}
    assert not found, "\n".join(f"{where}: {excess}" for where, excess in found.items())


def test_what_is_larger_says_why() -> None:
    for where in LARGER:
        source = (ROOT / where.partition("::")[0]).read_text(encoding="utf-8")
        assert REASON.search(source), f"{where} is listed as larger, but the file has no `# size: reason`"


def test_no_exception_outlives_its_need() -> None:
    over = set(excesses())
    assert over >= LARGER, f"no longer over a cap; take them from the list: {sorted(LARGER - over)}"
