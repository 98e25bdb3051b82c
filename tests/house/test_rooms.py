"""Which room may import which: the table of docs/architecture.md, and what every package has to have.

import-linter checks the order of the layers, that parts are independent, and that a worker stays light. This table is
tighter where the order alone allows too much: `sdk` and `http1` stand low, `cli` sees only `app` and `sdk`.
"""

import ast
import tomllib

import grimp
import pytest

from tests.house.tree import ROOT, named, relative

CHECKS_AND_BELOW = frozenset({"checks", "ports", "domain", "core"})
PARTS = frozenset({"gateway", "guard", "hub", "arena", "knowledge", "watch", "govern", "data", "tune", "deploy"})
MAY_IMPORT: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "domain": frozenset({"core"}),
    "ports": frozenset({"domain", "core"}),
    "checks": frozenset({"ports", "domain", "core"}),
    "http1": frozenset({"core"}),
    "dialects": frozenset({"ports", "domain", "core"}),
    "engines": CHECKS_AND_BELOW,
    "providers": CHECKS_AND_BELOW | {"dialects"},
    **dict.fromkeys(PARTS, CHECKS_AND_BELOW),
    "gateway": frozenset({"ports", "domain", "core", "http1", "dialects"}),
    "sdk": frozenset({"domain", "core"}),
    "api": PARTS | CHECKS_AND_BELOW,
    "console": PARTS | CHECKS_AND_BELOW,
}
MAY_IMPORT["app"] = frozenset(MAY_IMPORT)
MAY_IMPORT["cli"] = frozenset({"app", "sdk"})
MAY_IMPORT["__main__"] = frozenset({"cli"})

# The errors, clocks and formats of core belong to every room; the one word every room knows is the version.
ALWAYS = frozenset({"core"})
UNWANTED_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "shared", "stuff"}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("genaiops", cache_dir=None)


def test_rooms_import_only_what_the_table_allows(graph: grimp.ImportGraph) -> None:
    wrong: list[str] = []
    for module in sorted(graph.modules):
        here = room(module)
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            there = room(imported)
            if here == "" or there in {"", here} or there in ALWAYS | MAY_IMPORT.get(here, frozenset()):
                continue
            line = graph.get_import_details(importer=module, imported=imported)[0]["line_number"]
            wrong.append(
                f"{module}:{line} imports {imported}; {here or 'the root'} may import {sorted(MAY_IMPORT[here])}"
            )
    assert not wrong, "\n".join(wrong)


def test_every_room_is_in_the_table_and_in_the_layers(graph: grimp.ImportGraph) -> None:
    rooms = {room(module) for module in graph.modules} - {""}
    assert rooms <= set(MAY_IMPORT), f"a room without rules: {sorted(rooms - set(MAY_IMPORT))}"
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    declared = {name.strip(" ()") for layer in layers for name in layer.split("|")}
    assert declared == set(MAY_IMPORT)


def test_the_root_package_imports_nothing() -> None:
    """What programs find there is loaded when it is first used; type checkers are told of it."""
    graph = grimp.build_graph("genaiops", cache_dir=None, exclude_type_checking_imports=True)
    assert not graph.find_modules_directly_imported_by("genaiops"), "importing genaiops must cost nothing"


def test_no_room_for_leftovers() -> None:
    for path in named(".py"):
        parts = {part.strip("_") for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}
        assert not parts & UNWANTED_NAMES, f"{relative(path)}: name it after what it does"


def test_every_package_says_what_it_is() -> None:
    fronts = [path for path in named(".py", under="src/") if path.name == "__init__.py"]
    silent = [relative(path) for path in fronts if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert fronts
    assert not silent, f"packages without a docstring: {silent}"


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in named(".py", under="src/genaiops/")}
    assert not [relative(folder) for folder in folders if not (folder / "__init__.py").is_file()]
