"""Asking another process line by line, over pipes, with a limit of time on each step in both directions."""

import os
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from time import monotonic
from typing import Final

_LONGEST: Final = 1 << 16


class Lines:
    """`write` and `read` are descriptors of pipes, and stay their owner's; `longest`: of all that is said to one
    question, in bytes. Not for two threads at once."""

    def __init__(self, write: int, read: int, longest: int = _LONGEST) -> None:
        self._longest = longest
        self._write = write
        self._read = read
        self._got = b""
        os.set_blocking(write, False)
        os.set_blocking(read, False)

    def ask(self, line: str, answers: int, until: float) -> list[str]:
        """Send `line`, and read so many lines. TimeoutError when `until`, of the monotonic clock, is past; EOFError or
        OSError when the other end is closed; ValueError when it says more than it was asked."""
        left = memoryview(f"{line}\n".encode("utf-8", "replace"))
        with DefaultSelector() as ready:
            ready.register(self._read, EVENT_READ)
            ready.register(self._write, EVENT_WRITE)
            while left or self._got.count(b"\n") < answers:
                left_s = until - monotonic()
                if left_s <= 0:
                    raise TimeoutError
                for key, _ in ready.select(left_s):
                    if key.fd == self._read:
                        self._more()
                    else:
                        left = left[os.write(self._write, left[:_LONGEST]) :]
                        if not left:
                            ready.unregister(self._write)
        *lines, rest = self._got.split(b"\n")
        if len(lines) > answers or rest:
            raise ValueError("said more than it was asked.")
        self._got = b""
        return [each.decode("utf-8", "replace") for each in lines]

    def _more(self) -> None:
        chunk = os.read(self._read, _LONGEST)
        if not chunk:
            raise EOFError
        self._got += chunk
        if len(self._got) > self._longest:
            raise ValueError("said more than it was asked.")
