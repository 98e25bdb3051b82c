"""What scanning costs, and how much of a stream it holds back, for each table of patterns that exists.

Processor's time of one thread, the least of several rounds for each piece of a KB (what is more is other work on the
machine), and then the mean over the pieces.
"""

import argparse
import importlib
import random
import string
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.guardrails.report import Cell, Report, Table
from genaiops.checks.scanning import Pattern, Scanner, Stream

TABLES: Final = {
    "pii": "genaiops.checks.pii",
    "secrets": "genaiops.checks.secrets",
    "markup": "genaiops.checks.markup",
}
"""Modules that have a table PATTERNS."""
PIECE: Final = 1024
PAGES: Final = Path(__file__).parents[2] / "docs"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pieces", type=int, default=60, help="KBs of each text [60]")
    parser.add_argument("--step", type=int, default=4, help="characters of a piece of a stream [4]")


def measure(given: argparse.Namespace) -> Report:
    prose = _prose()
    chance = random.Random(given.seed)
    texts = {
        "prose": _cut(prose, given.pieces),
        "prose with 1 value a KB": _cut(_sown(prose, chance, 1), given.pieces),
        "prose with 4 values a KB": _cut(_sown(prose, chance, 4), given.pieces),
        "prose with 4 secrets a KB": _cut(_sown(prose, chance, 4, _secret), given.pieces),
    }
    tables = _tables()
    costs: list[tuple[Cell, ...]] = []
    held: list[tuple[Cell, ...]] = []
    for name, patterns in tables.items():
        began = time.process_time()
        scanner = Scanner(patterns)
        made = time.process_time() - began
        spent = (cost(scanner.find, pieces, given.rounds) for pieces in texts.values())
        costs.append((name, len(patterns), made * 1e3, *spent))
        for text, pieces in texts.items():
            held.append((name, text, *_held(scanner, "".join(pieces), given.step)))
    return Report(
        name="latency",
        tables=[
            Table("scanning whole texts, ms of CPU a KB", ("table", "patterns", "to make, ms", *texts), costs),
            Table(
                f"streams in pieces of {given.step} characters: characters held back, and CPU",
                ("table", "text", "mean", "p95", "p99", "most", "us a character", "met before"),
                held,
            ),
        ],
        notes=["Prose: the documentation of this project, without its code. Values: e-mail, card, telephone, network."],
    )


def cost(find: Callable[[str], Any], pieces: Sequence[str], rounds: int) -> float:
    """ms of CPU a piece."""
    least = [float("inf")] * len(pieces)
    for _ in range(rounds):
        for number, piece in enumerate(pieces):
            began = time.process_time()
            find(piece)
            least[number] = min(least[number], time.process_time() - began)
    return sum(least) / len(least) * 1e3


def _held(scanner: Scanner, text: str, step: int) -> tuple[Cell, ...]:
    """Twice: RE2 makes its automata as it meets what they are for."""
    held: list[int] = []
    spent: list[float] = []
    for _ in range(2):
        stream, held = Stream(scanner), []
        began = time.process_time()
        for at in range(0, len(text), step):
            stream.feed(text[at : at + step])
            held.append(stream.held)
        spent.append((time.process_time() - began) / len(text) * 1e6)
    held.sort()
    share = [held[int(len(held) * part)] for part in (0.95, 0.99)]
    return sum(held) / len(held), *share, held[-1], *spent


def _tables() -> dict[str, Sequence[Pattern]]:
    found: dict[str, Sequence[Pattern]] = {}
    for name, module in TABLES.items():
        try:
            found[name] = importlib.import_module(module).PATTERNS
        except ModuleNotFoundError as error:
            if not module.startswith(str(error.name)):
                raise
    if len(found) > 1:
        found["all together"] = [each for patterns in list(found.values()) for each in patterns]
    return found


def _prose() -> str:
    lines: list[str] = []
    for page in sorted(PAGES.glob("*.md")):
        fenced = False
        for line in page.read_text(encoding="utf-8").splitlines():
            fenced ^= line.startswith("```")
            if line[:1].isalpha() and not fenced:
                lines.append(line)
    return " ".join(lines)


def _sown(
    prose: str, chance: random.Random, density: int, value: "Callable[[random.Random], str] | None" = None
) -> str:
    words = prose.split(" ")
    gap = PIECE // density // 6
    for at in range(len(words) - gap, 0, -gap):
        words.insert(at, (value or _value)(chance))
    return " ".join(words)


def _value(chance: random.Random) -> str:
    def digits(number: int) -> str:
        return "".join(chance.choices("0123456789", k=number))

    match chance.randrange(4):
        case 0:
            return f"write to ann.{digits(3)}@example.org"
        case 1:
            body = "4" + digits(14)
            doubled = sum(sum(divmod(2 * int(each), 10)) for each in body[::2]) + sum(map(int, body[1::2]))
            return f"my card {body}{-doubled % 10}"
        case 2:
            return f"call (212) 555-{digits(4)}"
        case _:
            return f"from 10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(10, 256)}"


def _secret(chance: random.Random) -> str:
    mixed = "".join(chance.choices(string.ascii_letters + string.digits, k=36))
    small = chance.randbytes(20).hex()
    match chance.randrange(4):
        case 0:
            return f"OPENAI_API_KEY=sk-proj-{mixed}{mixed}"
        case 1:
            return f'"client_secret": "{mixed}"'
        case 2:
            return f"curl -H 'Authorization: Bearer {mixed}'"
        case _:
            return f"my access token is {small}"


def _cut(text: str, pieces: int) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, min(len(text) - PIECE, pieces * PIECE), PIECE)]
