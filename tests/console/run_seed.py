"""Runs of a suite for the pages of the Arena: asked of functions in this process, kept as the command keeps them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from genaiops.app.evaluating import Wanted, evaluate
from genaiops.app.home import Home
from genaiops.app.kept_suites import keep_suite
from genaiops.arena import SweepAsked, cases_of, read_suite, suite_manifest, sweep_suite
from genaiops.core.clock import now_us
from genaiops.core.digest import digest_value
from genaiops.domain import Case, Run, Shot, Suite
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.runs import Runs

CASES = 120
SWEEP = "run_seed_sweep"
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


def shown(case: dict[str, Any]) -> dict[str, Any]:
    """Right more often with one example, no more often with two; passages help nobody."""
    number, shots = _number(case), len(case.get("shots", ()))
    said = before(case) if number % 10 < (4, 9, 9)[shots] else "I do not know."
    tokens = 30 + 12 * shots + 8 * len(case.get("context", ()))
    return {"output": said, "input_tokens": tokens, "output_tokens": 6, "seconds": 0.01 * tokens}


def swept(home: Home) -> Run:
    """A sweep of examples and passages."""
    suite = a_suite()
    asked = SweepAsked(shots=(0, 1, 2), context=(0, 1), target="prod", file="solved.jsonl")
    suite = sweep_suite(suite, asked)
    functions = tuple(msgspec.structs.replace(each, python="tests.console.run_seed:shown") for each in suite.target)
    shots = tuple(Shot(input=f"Where is order {n}", output="It is on its way.") for n in (900, 901))
    cases = tuple(msgspec.structs.replace(each, shots=shots, context=("We ship at once.",)) for each in suite.case)
    suite = msgspec.structs.replace(suite, target=functions, case=cases, shots=None)
    keep_suite(home, suite)
    run = Run(
        id=SWEEP,
        kind="evaluation",
        subject=f"suite/orders-sweep@{digest_value(suite_manifest(suite))}",
        name="orders-sweep",
        created_us=now_us(),
    )
    store = open_runs(f"sqlite:///{home.runs}")
    try:
        return _done(store, run, Wanted(suite=suite, name=run.name))
    finally:
        store.close()


def _done(store: Runs, run: Run, wanted: Wanted) -> Run:
    """In a thread of its own: a browser's loop may be running in this one."""
    store.create(run, cases_of(wanted.suite, folder=None))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(evaluate(store, run, wanted))).result().run


def duelled(home: Home) -> str:
    """The id of a run whose answers were held against the baseline's by a judge of pairs."""
    judge = '{template = "pairwise", rubric = "Shorter.", panel = [{python = "tests.console.run_seed:shorter"}]}'
    text = f'check = [{{name = "duel", metric = "judge", options = {{against = "baseline", judge = {judge}}}}}]\n'
    suite = read_suite(text + _SUITE.partition("]\n")[2], "toml").checked()
    suite = msgspec.structs.replace(suite, case=a_suite().case[10:20])
    run = Run(
        id="run_seed_duel",
        kind="evaluation",
        subject=f"suite/duel@{digest_value(suite_manifest(suite))}",
        name="duel",
        created_us=now_us() - 1_000_000,
    )
    store = open_runs(f"sqlite:///{home.runs}")
    try:
        keep_suite(home, suite)
        _done(store, run, Wanted(suite=suite, name="duel"))
    finally:
        store.close()
    return run.id


def shorter(case: dict[str, list[dict[str, str]]]) -> str:
    """A judge of pairs: for the shorter one, and for the first of two as long."""
    text = case["messages"][-1]["content"]
    first, second = (text.partition(f"<{name}-")[2].split("\n")[1] for name in ("first", "second"))
    return f"Verdict: {'1' if len(first) <= len(second) else '2'}"
