"""A text that comes piece by piece: held back only while its tail may yet become a finding.

What is released, and what is found in it, is the same wherever the text was cut: a place from which nothing can begin
any more that reaches beyond the tail is settled by what is there, for a match depends on its own characters, on some
before it, which are kept, and on one behind it.
"""

from genaiops.checks.scanning._fold import fold, visible
from genaiops.checks.scanning._scanner import Raw, Scanner, Wanted
from genaiops.domain import Finding


class Stream:
    """`feed` pieces, then `end`. Each answers with what is released and the findings in it, by its own characters."""

    __slots__ = ("_before", "_held", "_scanner", "_wanted")

    def __init__(self, scanner: Scanner, wanted: Wanted = None) -> None:
        self._scanner = scanner
        self._wanted = wanted
        self._before = ""
        self._held = ""

    @property
    def held(self) -> int:
        """How many characters are held back."""
        return len(self._held)

    def feed(self, text: str) -> tuple[str, list[Finding]]:
        return self._step(text, last=False)

    def end(self) -> tuple[str, list[Finding]]:
        return self._step("", last=True)

    def _step(self, text: str, *, last: bool) -> tuple[str, list[Finding]]:
        before, scanner = self._before, self._scanner
        text = before + self._held + text
        kept = len(before)
        if len(text) == kept:
            return "", []
        data, positions = fold(text)
        begin = kept if positions is None else _first(positions, kept)
        told = scanner.told(data, text)
        places = scanner.places(data, begin, told)
        raw = scanner.raw(data, begin, places) if places else []
        safe = len(data) if last else scanner.open_from(data, begin, places, told)
        if not last:
            safe = _settled(raw, safe, positions)
            raw = [each for each in raw if each.start < safe]
        cut = len(text) if last or safe == len(data) else safe if positions is None else positions[safe]
        found = scanner.judge(text, data, positions, raw, self._wanted) if raw else []
        released = text[kept:cut]
        self._held = text[cut:]
        self._before = visible(text[:cut])[-scanner.context :]
        if kept:
            found = [
                Finding(each.start - kept, each.end - kept, each.kind, each.family, each.checked) for each in found
            ]
        return released, found


def _settled(raw: list[Raw], safe: int, positions: list[int] | None) -> int:
    """As far as no match and no character reaches beyond it."""
    while True:
        before = safe
        for each in reversed(raw):  # by their beginnings, so that one step back may lead to another
            if each.start < safe < each.end:
                safe = each.start
        if positions is not None and safe < len(positions):
            while safe and positions[safe - 1] == positions[safe]:
                safe -= 1
        if safe == before:
            return safe


def _first(positions: list[int], character: int) -> int:
    """The first folded byte of that character or one behind it."""
    low, high = 0, len(positions)
    while low < high:
        middle = (low + high) // 2
        if positions[middle] < character:
            low = middle + 1
        else:
            high = middle
    return low
