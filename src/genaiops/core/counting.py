"""Numbers in sentences."""


def counted(number: int, word: str) -> str:
    """`1 worker`, `2 workers`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
