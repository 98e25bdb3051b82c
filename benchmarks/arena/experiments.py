"""Experiments by simulation: how often a candidate that is no different is called better or worse at any of all looks,
one after every user, and how often one that is different is found, and after how many users.

The intervals are those of `genaiops.checks.statistics.sequence`, over all looks of many repetitions at a time.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.guardrails.report import Cell, Report, Table
from genaiops.checks.statistics import upper_share, width
from genaiops.checks.statistics.balance import PRIOR

ALPHA: Final = 0.05
LEAST: Final = 100
BALANCE: Final = 0.001
USERS: Final[Mapping[float, int]] = {0.5: 2000, 0.1: 5000}
"""Share of the candidate -> users of an experiment."""
_PIECE: Final = 40

Array = np.ndarray[Any, np.dtype[Any]]
Draw = Callable[[np.random.Generator, tuple[int, int], Array], tuple[Array, Array]]
"""Shape, and the effect of each user -> values, and what was known before."""


class Values(NamedTuple):
    """`bounds`: of the metric; `effect`: what is looked for where power is measured."""

    draw: Draw
    bounds: tuple[float, float] | None
    effect: float


def _nothing(shape: tuple[int, int]) -> Array:
    return np.zeros(shape)


def _share(of: float) -> Draw:
    def draw(chance: np.random.Generator, shape: tuple[int, int], effect: Array) -> tuple[Array, Array]:
        return (chance.random(shape) < of + effect).astype(float), _nothing(shape)

    return draw


def _calls(chance: np.random.Generator, shape: tuple[int, int], effect: Array) -> tuple[Array, Array]:
    """One to eight calls of a user with a failure rate of its own, 5 % on average: their mean."""
    rate = np.clip(chance.beta(0.5, 9.5, shape) + effect, 0, 1)
    calls = chance.integers(1, 9, shape)
    return chance.binomial(calls, rate) / calls, _nothing(shape)


def _normal(chance: np.random.Generator, shape: tuple[int, int], effect: Array) -> tuple[Array, Array]:
    return chance.normal(size=shape) + effect, _nothing(shape)


def _known(chance: np.random.Generator, shape: tuple[int, int], effect: Array) -> tuple[Array, Array]:
    """Half of the variance was known before."""
    before = chance.normal(size=shape)
    return before * np.sqrt(0.5) + chance.normal(size=shape) * np.sqrt(0.5) + effect, before


def _latency(chance: np.random.Generator, shape: tuple[int, int], effect: Array) -> tuple[Array, Array]:
    return np.exp(0.6 * chance.normal(size=shape)) + effect, _nothing(shape)


def _tail(chance: np.random.Generator, shape: tuple[int, int], effect: Array) -> tuple[Array, Array]:
    return np.exp(1.0 * chance.normal(size=shape)) + effect, _nothing(shape)


VALUES: Final[Mapping[str, Values]] = {
    "share, 1 %": Values(_share(0.01), (0.0, 1.0), 0.04),
    "share, 5 %": Values(_share(0.05), (0.0, 1.0), 0.06),
    "share, 50 %": Values(_share(0.5), (0.0, 1.0), 0.12),
    "failures of 1 to 8 calls": Values(_calls, (0.0, 1.0), 0.05),
    "normal": Values(_normal, None, 0.25),
    "normal, half known before (CUPED)": Values(_known, None, 0.25),
    "log-normal, sigma 0.6": Values(_latency, None, 0.2),
    "log-normal, sigma 1": Values(_tail, None, 0.5),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repetitions", type=int, default=20_000, help="of each line [20000]")
    parser.add_argument("--seed", type=int, default=1)


def measure(given: argparse.Namespace) -> Report:
    began = time.process_time()
    times: int = given.repetitions
    chance = np.random.default_rng(given.seed)
    lines = [_line(chance, times, share, name) for share in USERS for name in VALUES]
    balance = [_balance(chance, times, *which) for which in ((0.5, 0.5), (0.1, 0.1), (0.5, 0.46), (0.1, 0.08))]
    taken = time.process_time() - began
    return Report(
        name="experiments",
        tables=[
            Table(
                "A look after every user, from the 100th of the smaller arm on",
                (
                    "candidate's share",
                    "users",
                    "values",
                    "false claim",
                    "its bound",
                    "t test: false claim",
                    "effect",
                    "power",
                    "users until found, median",
                ),
                lines,
            ),
            Table(
                "Shares of users, a look after every user, alarm below 0.001",
                ("set", "true", "users", "alarm", "its bound", "chi-square: alarm"),
                balance,
            ),
        ],
        notes=[
            (
                f"{times} repetitions a line ({_fewer(times)} for power), {taken:.0f} s of CPU. Nominal: {ALPHA:.0%} "
                f"for better and worse together, over all looks; {BALANCE:.1%} for shares. Its bound: 95 %, Clopper "
                "and Pearson."
            ),
            "t test: the usual interval of 95 % at every look, which is what the sequence is there to replace.",
        ],
    )


def _line(chance: np.random.Generator, times: int, share: float, name: str) -> tuple[Cell, ...]:
    values, users = VALUES[name], USERS[share]
    false, naive, _ = _ever(chance, times, share, users, values, 0.0)
    fewer = _fewer(times)
    found, _, when = _ever(chance, fewer, share, users, values, values.effect)
    middle = int(np.median(when)) if found > fewer / 2 else None
    return (
        f"{share:.0%}",
        users,
        name,
        f"{false / times:.2%}",
        f"{upper_share(false, times):.2%}",
        f"{naive / times:.1%}",
        values.effect,
        f"{found / fewer:.1%}",
        "more" if middle is None else middle,
    )


def _fewer(times: int) -> int:
    """Repetitions for power, which need not be known as well."""
    return max(1, times // 5)


def _ever(
    chance: np.random.Generator, times: int, share: float, users: int, values: Values, effect: float
) -> tuple[int, int, Array]:
    """How often a difference was claimed at any look, how often by the usual interval, and when first (inf: never)."""
    from scipy.special import ndtri

    n = np.arange(1, users + 1)
    wide = np.array([width(int(each), alpha=ALPHA, tuned=max(2, users // 4)) for each in n])
    usual = float(-ndtri(ALPHA / 2))
    claims = naive = 0
    when: list[Array] = []
    for at in range(0, times, _PIECE):
        shape = (min(_PIECE, times - at), users)
        arm = (chance.random(shape) < share).astype(float)
        y, x = values.draw(chance, shape, arm * effect)
        difference, error, least = looked(arm, y, x, values.bounds)
        ready = least >= LEAST
        with np.errstate(invalid="ignore"):
            seen = ready & (np.abs(difference) > wide * error)
            naive += int((ready & (np.abs(difference) > usual * error)).any(1).sum())
        some = seen.any(1)
        claims += int(some.sum())
        when.append(np.where(some, seen.argmax(1) + 1, np.inf))
    return claims, naive, np.concatenate(when)


def looked(arm: Array, y: Array, x: Array, bounds: tuple[float, float] | None) -> tuple[Array, Array, Array]:
    """After each user: the difference of means, its standard error, and the users of the smaller arm."""
    sums = {
        side: [np.cumsum(part * here, 1) for part in (np.ones_like(y), y, y * y, x, x * x, x * y)]
        for side, here in ((1, arm), (0, 1 - arm))
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        xx = sum(s[4] - s[3] ** 2 / s[0] for s in sums.values())
        xy = sum(s[5] - s[3] * s[1] / s[0] for s in sums.values())
        slope = np.where(xx > 0, xy / np.where(xx > 0, xx, 1), 0.0)
        total: Any = 0.0
        for n, ys, yy, xs, squares, product in sums.values():
            spread = yy - ys**2 / n - 2 * slope * (product - xs * ys / n) + slope**2 * (squares - xs**2 / n)
            mean = ys / n
            if bounds is None:
                total = total + np.maximum(spread, 0) / (n - 1) / n
            else:
                low, high = bounds
                total = total + (np.maximum(spread, 0) + (mean - low) ** 2 + (high - mean) ** 2) / (n + 1) / n
        means = [s[1] / s[0] - slope * s[3] / s[0] for s in (sums[1], sums[0])]
    return means[0] - means[1], np.sqrt(total), np.minimum(sums[1][0], sums[0][0])


def _balance(chance: np.random.Generator, times: int, share: float, true: float) -> tuple[Cell, ...]:
    from scipy.special import gammaln

    users = USERS[share] * 2
    n = np.arange(1, users + 1)
    a, b = PRIOR * share, PRIOR * (1 - share)
    tables = [gammaln(c + np.arange(users + 1)) - gammaln(c) - np.arange(users + 1) * np.log(c / PRIOR) for c in (a, b)]
    whole = gammaln(PRIOR + np.arange(users + 1)) - gammaln(PRIOR)
    alarms = usual = 0
    for at in range(0, times, _PIECE):
        first = np.cumsum(chance.random((min(_PIECE, times - at), users)) < true, 1)
        second = n - first
        evidence = tables[0][first] + tables[1][second] - whole[n]
        alarms += int((evidence > -np.log(BALANCE)).any(1).sum())
        pearson = (first - n * share) ** 2 / (n * share * (1 - share))
        usual += int((pearson[:, LEAST:] > 10.828).any(1).sum())
    bound = f"{upper_share(alarms, times):.2%}" if share == true else ""
    return f"{share:.0%}", f"{true:.0%}", users, f"{alarms / times:.2%}", bound, f"{usual / times:.2%}"
