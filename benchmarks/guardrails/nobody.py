"""Texts in which no person's data is."""

import random
import string
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

NUMBER_WORDS: Final = ("Order", "Invoice", "Tracking", "Ticket", "Batch", "Item", "Case", "Part", "Row", "Total")


def nobodys(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Names of kinds of text, and texts."""
    for _ in range(300):
        digits = "".join(chance.choices(string.digits, k=chance.randint(6, 20)))
        pieces = chance.randint(1, 99)
        yield "numbers in sentences", f"{chance.choice(NUMBER_WORDS)} {digits} was sent on 3 May, {pieces} pieces."
        yield "as long as cards, random", f"Reference {chance.randint(10**15, 10**16 - 1)} is closed."
        hashes = f"{chance.getrandbits(160):040x} {chance.getrandbits(256):064x}"
        yield "UUIDs and hashes", f"{uuid.UUID(int=chance.getrandbits(128))} {hashes}"
        yield "floats", f"loss={chance.random()!r}, {chance.uniform(-1e6, 1e6)!r}, {chance.random() * 1e-9!r}"
        seconds = chance.randint(10**9, 2 * 10**9)
        clock = f"1{chance.randint(0, 9)}:22:33.{chance.randint(0, 999999):06d}"
        yield "times", f"2026-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}T{clock}Z {seconds} {seconds * 1000 + 7}"
        version = ".".join(str(chance.randint(0, 30)) for _ in range(chance.randint(2, 4)))
        yield "versions", f"upgrade to {version} from 2.{chance.randint(0, 9)}.1rc{chance.randint(1, 9)}"
        yield "ISBNs", f"See ISBN {isbn(chance)}, page {chance.randint(1, 900)}."
        number, count, price = chance.randint(10**8, 10**12), chance.randint(1, 10**6), chance.randint(1, 10**5) / 100
        yield "JSON", f'{{"id": {number}, "count": {count}, "price": {price}}}'
    for file in chance.sample(sorted(Path(random.__file__).parent.glob("*.py")), 25):
        text = file.read_text(encoding="utf-8", errors="replace")
        for start in range(0, len(text), 1024):
            yield "sources of Python's library, each KB", text[start : start + 1024]


def isbn(chance: random.Random) -> str:
    body = "978" + "".join(chance.choices(string.digits, k=9))
    check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body)) % 10
    return f"{body}{check}"
