"""Channels that judge nothing, but change or hold what they are given."""

from collections.abc import Callable

from genaiops.guard.surfaces import Channel, NewChannel, Provenance


class Same:
    def feed(self, text: str) -> str:
        return text

    def end(self) -> str:
        return ""


class Shouts:
    """Holds the last `held` characters back, and says the rest loudly."""

    def __init__(self, held: int = 0) -> None:
        self._held = held
        self._rest = ""

    def feed(self, text: str) -> str:
        text = self._rest + text
        cut = len(text) - self._held if self._held < len(text) else 0
        self._rest = text[cut:]
        return text[:cut].upper()

    def end(self) -> str:
        rest, self._rest = self._rest, ""
        return rest.upper() + "!"


class Hides:
    """Holds everything until its end, and then hides one word in it."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._text = ""

    def feed(self, text: str) -> str:
        self._text += text
        return ""

    def end(self) -> str:
        return self._text.replace(self._word, "[HIDDEN]")


def always(make: Callable[[], Channel]) -> NewChannel:
    def channel(provenance: Provenance, tool: str, key: str) -> Channel:
        return make()

    return channel


class Heard:
    """Notes every text with its provenance and its tool, and changes nothing."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str, str]] = []

    def __call__(self, provenance: Provenance, tool: str, key: str) -> Channel:
        return _Note(self, provenance, tool)


class _Note(Same):
    def __init__(self, heard: Heard, provenance: str, tool: str) -> None:
        self._heard = heard
        self._about = (provenance, tool)
        self._text = ""

    def feed(self, text: str) -> str:
        self._text += text
        return text

    def end(self) -> str:
        self._heard.texts.append((self._text, *self._about))
        return ""
