"""The sandbox against programs that mean harm, and against those that want a verdict that is not theirs."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from genaiops.core.errors import UsageError
from genaiops.engines.sandbox import Processes, _processes, probe
from genaiops.ports.sandbox import Bounds, CodeTask, InputOutput, Isolation, QueryTask, Ran, Table

SQUARE = "assert f(2) == 4"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux confines")


def ran(program: str, test: str = SQUARE, *, seconds: float = 10.0, **fields: Any) -> Ran:
    bounds = Bounds(seconds=seconds)
    return Processes().code(CodeTask(program=program, test=test, bounds=bounds, **fields))


RIGHT = {
    "a function": ("def f(x): return x * x", SQUARE),
    "an argument changed in its place": ("def f(x): x.sort()", "a = [3, 1]\nf(a)\nassert a == [1, 3]"),
    "an object with methods": (
        "class S:\n def __init__(s): s.a = []\n def push(s, x): s.a.append(x)\n def pop(s): return s.a.pop()",
        "s = S()\ns.push((1, 'a'))\nassert s.pop() == (1, 'a')\nassert s.a == []",
    ),
    "an exception of its kind": (
        "def f(x): raise ValueError('no')",
        "try:\n    f(2)\nexcept ValueError as error:\n    assert 'no' in str(error)\nelse:\n    assert False",
    ),
    "a generator, and an import of it": (
        "def f(n): yield from range(n)",
        "from solution import f\nassert list(f(3)) == [0, 1, 2]",
    ),
    "values of all kinds": (
        "def f(x): return [x, {1.5: (b'a', {2}, None)}, 1j, 10**40, float('inf'), '\\ud800']",
        "assert f(True) == [True, {1.5: (b'a', {2}, None)}, 1j, 10**40, float('inf'), '\\ud800']",
    ),
    "a thread and the standard library": (
        """
import collections, datetime, decimal, hashlib, random, re, sqlite3, statistics, threading
def f(x):
    found = []
    thread = threading.Thread(target=lambda: found.append(x * x))
    thread.start()
    thread.join()
    return found[0]
""",
        SQUARE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_passes(name: str) -> None:
    assert ran(*RIGHT[name]) == Ran(ended="passed")


def test_a_check_of_humaneval_and_whole_runs() -> None:
    check = "def check(candidate):\n    assert candidate(1, 2) == 3"
    assert ran("def add(a, b): return a + b", check, entry_point="add").ended == "passed"
    assert "defines no add" in ran("def sub(a, b): return a - b", check, entry_point="add").reason
    twice = "print(2 * int(input()))"
    runs = (InputOutput(stdin="1", stdout="2"), InputOutput(stdin="2\n", stdout="4 \n"))
    assert ran(twice, "", io=runs).ended == "passed"
    wrong = ran(twice, "", io=(InputOutput(stdin="1", stdout="3"),))
    assert (wrong.ended, wrong.reason) == ("failed", "Run 1 printed '2\\n', and not '3'.")


FORGED = {
    "wrong": "def f(x): return x",
    "it says so itself": "print('PASSED')\ndef f(x): return 5",
    "it ends before": "import sys\nsys.exit(0)",
    "it ends hard": "import os\ndef f(x): os._exit(0)",
    "its answer equals everything": "class A:\n def __eq__(s, o): return True\ndef f(x): return A()",
    "it patches the checker": (
        "import builtins, sys\nbuiltins.AssertionError = ZeroDivisionError\n"
        "sys.modules['inside.wire'].send = lambda *_: None\ndef f(x): return 5"
    ),
    "it writes a verdict wherever it can": (
        "import os\ndef f(x):\n for fd in range(32):\n"
        "  try: os.write(fd, b'\\0\\0\\0\\x16{\"ended\": \"passed\"}    ')\n"
        "  except OSError: pass\n return 5"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_no_program_makes_its_own_verdict(name: str) -> None:
    assert ran(FORGED[name], seconds=3).ended == "failed"


def test_a_test_that_catches_everything_does_not_pass_for_a_program_that_ended() -> None:
    assert ran("import os\ndef f(x): os._exit(0)", "try:\n    f(1)\nexcept:\n    pass").ended == "failed"


HARM = {
    "forks": ("import os\ndef f(x): return os.fork()", "not permitted"),
    "runs a command": ("import subprocess\ndef f(x): return subprocess.run(['true'])", "not permitted"),
    "opens a socket": ("import socket\ndef f(x): return socket.socket()", "not permitted"),
    "kills its parent": ("import os\ndef f(x): os.kill(os.getppid(), 9)", "not permitted"),
    "kills everybody": ("import os\ndef f(x): os.kill(-1, 9)", "not permitted"),
    "bounds its parent": (
        "import os, resource\ndef f(x): resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
        "not permitted",
    ),
    "reads a file": ("def f(x): return open(PLACE + '/secret').read()", "denied"),
    "lists a folder": ("import os\ndef f(x): return os.listdir(PLACE)", "denied"),
    "writes a file": ("def f(x): return open(PLACE + '/made', 'w')", "denied"),
    "removes a file": ("import os\ndef f(x): os.unlink(PLACE + '/secret')", "not permitted"),
    "reads another's environment": ("import os\ndef f(x): return open(f'/proc/{os.getppid()}/environ')", "denied"),
    "raises its limits": (
        "import resource\ndef f(x): resource.setrlimit(resource.RLIMIT_CPU, (9999, 9999))",
        "not allowed to raise",
    ),
    "takes all memory": ("def f(x): return [b'x' * 10**8 for _ in range(100)]", "memory"),
    "prints without an end": ("def f(x):\n while True: print('x' * 10**6)", "Too much output"),
}


@linux
@pytest.mark.parametrize("name", HARM)
def test_harm_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    program, said = HARM[name]
    found = ran(f"PLACE = {str(tmp_path)!r}\n{program}")
    assert found.ended == "failed"
    assert said in found.reason
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_a_program_that_does_not_end_is_ended() -> None:
    for endless in ("def f(x):\n while True: pass", "import time\ndef f(x): time.sleep(9999)"):
        assert ran(endless, seconds=0.5).reason == "It ran longer than 0.5 s."


def test_it_has_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_TEST_SECRET", "secret")
    test = "assert not set(f(1)) - {'LC_CTYPE'}, f(1)"
    assert ran("import os\ndef f(x): return dict(os.environ)", test) == Ran(ended="passed")
    assert os.environ["GENAIOPS_TEST_SECRET"]


def test_a_broken_test_is_an_error_and_no_fail() -> None:
    assert ran("def f(x): return 1", "assert f(").ended == "error"
    handed = ran("def f(x): return x(1)", "assert f(lambda a: a) == 1")
    assert (handed.ended, "no plain value" in handed.reason) == ("error", True)


def test_without_what_confines_nothing_runs_unless_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_processes, "probe", lambda: Isolation(in_force=(), lacking=("network", "files")))
    with pytest.raises(UsageError, match="network and files"):
        Processes().code(CodeTask(program="", test="pass"))
    assert Processes(weak=True).code(CodeTask(program="", test="pass")).ended == "passed"


@linux
def test_what_is_in_force_is_told() -> None:
    found = probe()
    assert found.lacking == ()
    assert "seccomp" in found.in_force


def asked(query: str, **fields: Any) -> Table:
    schema = "CREATE TABLE t (a, b)"
    given: dict[str, Any] = {"schema": schema, "rows": {"t": [[1, "x"], {"b": None, "a": 2.5}]}, **fields}
    return Processes().query(QueryTask(query=query, **given))


def test_a_statement_reads_what_there_is() -> None:
    found = asked("SELECT b, a FROM t ORDER BY a DESC;")
    assert (found.columns, found.rows) == (("b", "a"), ((None, 2.5), ("x", 1)))


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
REFUSED = {
    "DELETE FROM t": "only read",
    "CREATE TABLE u (a)": "only read",
    "PRAGMA table_info(t)": "only read",
    "ATTACH '/tmp/x' AS y": "only read",
    "SELECT load_extension('x')": "not authorized",
    "SELECT 1; DROP TABLE t": "one statement",
    "SELECT zeroblob(100000000)": "too big",
    "SELECT missing FROM t": "no such column",
    "": "no result",
    f"{ENDLESS} SELECT count(*) FROM c": "too many steps",
    f"{ENDLESS} SELECT x FROM c LIMIT 200000": "more than 100000 rows",
}


@pytest.mark.parametrize("query", REFUSED)
def test_a_statement_that_may_not_is_refused(query: str) -> None:
    found = asked(query)
    assert REFUSED[query] in found.fault
    assert not found.broken


def test_a_broken_schema_is_no_fault_of_the_statement() -> None:
    assert asked("SELECT 1", schema="CREATE TABLE").broken
    assert asked("SELECT 1", schema="ATTACH '/tmp/x.db' AS y").broken
    assert asked("SELECT 1", rows={"missing": [[1]]}).broken
