"""Runs of a suite for the pages of the Arena: asked of functions in this process, kept as the command keeps them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec

from genaiops.app.evaluating import Wanted, evaluate
from genaiops.app.home import Home
from genaiops.app.kept_suites import keep_suite
from genaiops.arena import cases_of, read_suite, suite_manifest
from genaiops.core.clock import now_us
from genaiops.core.digest import digest_value
from genaiops.domain import Case, Run, Suite
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.runs import Runs

CASES = 120
RUNS = ("run_seed_before", "run_seed_after", "run_seed_old")
_SUITE = """
description = "Answers of the shop's assistant"
check = [
  {name = "right", metric = "equals", margin = 0.05},
  {name = "exact", metric = "equals", floor = 0.8},
]
target = [
  {name = "prod", python = "tests.console.run_seed:before"},
  {name = "candidate", python = "tests.console.run_seed:after"},
]
[gate]
baseline = "prod"
"""


def _number(case: dict[str, object]) -> int:
    return int(str(case["input"]).rpartition(" ")[2])


def before(case: dict[str, object]) -> str:
    return f"Order {_number(case)} is on its way."


def after(case: dict[str, object]) -> str:
    """Every ninth is wrong, and one fails."""
    number = _number(case)
    if number == 7:
        raise ValueError("no such order")
    return f"Order {number} is lost, please wait." if number % 9 == 4 else before(case)


def a_suite() -> Suite:
    suite = read_suite(_SUITE, "toml").checked()
    cases = tuple(
        Case(
            id=f"order-{number}",
            input=f"Where is order {number}",
            expected=f"Order {number} is on its way.",
            slices=("odd" if number % 2 else "even",),
        )
        for number in range(CASES)
    )
    return msgspec.structs.replace(suite, case=cases)


def evaluated(home: Home) -> list[Run]:
    """Three: one that is compared with, one whose candidate is worse, and one of a suite that was not kept."""
    store = open_runs(f"sqlite:///{home.runs}")
    suite = a_suite()
    alone = msgspec.structs.replace(
        suite,
        target=(msgspec.structs.replace(suite.target[1], name="candidate"),),
        check=(msgspec.structs.replace(suite.check[0], margin=None),),
        gate=msgspec.structs.replace(suite.gate, baseline=""),
    )
    runs: list[Run] = []
    try:
        for number, (name, each) in enumerate((("orders", suite), ("orders", suite), ("old", alone))):
            if name != "old":
                keep_suite(home, each)
            run = Run(
                id=RUNS[number],
                kind="evaluation",
                subject=f"suite/{name}@{digest_value(suite_manifest(each))}",
                name=name,
                environment={"commit": f"{number}eedbeef0123", "branch": "main"},
                created_us=now_us() + number,
            )
            runs.append(_done(store, run, Wanted(suite=each, name=name)))
    finally:
        store.close()
    return runs


def _done(store: Runs, run: Run, wanted: Wanted) -> Run:
    """In a thread of its own: a browser's loop may be running in this one."""
    store.create(run, cases_of(wanted.suite, folder=None))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(evaluate(store, run, wanted))).result().run
