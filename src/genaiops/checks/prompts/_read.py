"""A prompt as its rules read it: texts with their places, and what is put into them where."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.domain import MessageRole, PromptManifest, PromptVariable

TAG: Final = re.compile(r"(\\?)\{\{\s*([#/>!]?)\s*([^{}]*?)\s*\}\}")
_WORDS: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_FROM_OUTSIDE: Final = frozenset(
    re.findall(
        r"\w+",
        "answer answers article articles body chat chunk chunks comment comments complaint content contents "
        "context contexts conversation data description doc docs document documents email emails excerpt fact "
        "facts feedback file files history html input inputs issue mail message messages note notes page "
        "pages paragraph passage passages post prompt query question questions reply request result results "
        "review reviews search snippet snippets source sources text texts thread ticket tickets transcript "
        "user utterance ",
    )
)
"""Words in names of what people, or pages, wrote."""


class Text(msgspec.Struct, frozen=True):
    """One text of a message. `whole`: it is all that the message says."""

    place: str
    role: MessageRole
    text: str
    whole: bool = True

    def line(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1


class Put(msgspec.Struct, frozen=True):
    """A value that is put into a text; `name` is the variable's, or that of the list that a loop goes through."""

    text: Text
    name: str
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.text.line(self.start)


class Prompt(msgspec.Struct, frozen=True):
    """`window`: tokens that the model takes in and gives out together (None: nobody knows)."""

    manifest: PromptManifest
    texts: Sequence[Text]
    puts: Sequence[Put]
    variables: Mapping[str, PromptVariable]
    used: frozenset[str]
    window: int | None = None

    @property
    def words(self) -> str:
        """Everything that it says, tags left out, in lower case."""
        return "\n".join(TAG.sub(" ", text.text) for text in self.texts).casefold()


def read_prompt(manifest: PromptManifest, window: int | None = None) -> Prompt:
    texts = [
        text
        for number, message in enumerate(manifest.messages)
        for text in _texts(message.content, f"messages[{number}].content", message.role, whole=True)
    ]
    puts: list[Put] = []
    used: set[str] = set()
    for text in texts:
        for put, name in _tags(text):
            used.add(name)
            if put is not None:
                puts.append(put)
    variables = {variable.name: variable for variable in manifest.variables}
    return Prompt(manifest, texts, puts, variables, frozenset(used), window)


def from_outside(variable: PromptVariable) -> bool:
    """Whether its value is likely written by somebody else, as its name tells: a text (or a list of texts) whose name
    has a word such as question, document or context."""
    if variable.type not in ("string", "list", "object"):
        return False
    return not _FROM_OUTSIDE.isdisjoint(word.casefold() for word in _WORDS.split(variable.name))


def _texts(content: Any, place: str, role: MessageRole, *, whole: bool) -> Iterator[Text]:
    if isinstance(content, str):
        yield Text(place, role, content, whole)
    elif isinstance(content, list):
        for number, part in enumerate(cast("list[Any]", content)):
            text = cast("dict[str, Any]", part).get("text") if isinstance(part, dict) else None
            if isinstance(text, str):
                yield Text(f"{place}[{number}].text", role, text, whole=False)


def _tags(text: Text) -> Iterator[tuple[Put | None, str]]:
    """(where a value is put in, the variable's name), blocks too; `{{this}}` is of the list of its loop."""
    loops: list[str] = []
    blocks: list[bool] = []
    for tag in TAG.finditer(text.text):
        escaped, kind, inner = tag.groups()
        if escaped or kind in (">", "!") or inner in ("", "else"):
            continue
        if kind == "/":
            if blocks and blocks.pop():
                loops.pop()
            continue
        word, _, rest = inner.partition(" ")
        path = rest.strip() if kind == "#" else inner
        name = path.partition(".")[0]
        if name == "this" and loops:
            name = loops[-1]
        if kind == "#":
            blocks.append(word == "each")
            if word == "each":
                loops.append(name)
            yield None, name
        else:
            yield Put(text, name, tag.start(), tag.end()), name
