"""The tokenizer of a GGUF file, read out of its head: what the embedded chat model counts with, without loading it.

The form is ggml's (docs/gguf.md, version 3): magic, version, counts, then key-value pairs of typed values. Only
byte-pair vocabularies of the GPT-2 kind are read, with SmolLM's way of cutting a text; others are unknown, not guessed.
"""

import struct
from pathlib import Path
from typing import Any, BinaryIO, Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from genaiops.core.errors import UsageError

_MAGIC: Final = b"GGUF"
_STRING, _ARRAY = 8, 9
_PLAIN: Final = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_LONGEST: Final = 1 << 24
_MOST: Final = 4_000_000
_KINDS: Final = ("smollm",)
"""Values of `tokenizer.ggml.pre` whose cutting is known here."""


class GgufTokens:
    """Counts the tokens of a text as the model does, without its chat template."""

    exact = True

    def __init__(self, file: Path, name: str) -> None:
        """`name`: of the model. UsageError when the file is no GGUF, or has a vocabulary of another kind."""
        try:
            with file.open("rb") as opened:
                fields = _fields(opened)
        except (OSError, struct.error, UnicodeDecodeError) as error:
            raise _refused(file, str(error)) from error
        kind, pre = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre")
        if kind != "gpt2" or pre not in _KINDS:
            raise _refused(file, f"its vocabulary is {kind}, cut as {pre}")
        vocabulary = {token: place for place, token in enumerate(fields["tokenizer.ggml.tokens"])}
        merges = [tuple(each.split(" ", 1)) for each in fields["tokenizer.ggml.merges"]]
        self.name = f"the tokenizer of {name}"
        self._tokenizer: Any = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
        self._tokenizer.decoder = decoders.ByteLevel()

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


def _refused(file: Path, why: str) -> UsageError:
    return UsageError(f"{file} has no tokenizer that is known here: {why}.", remedy="Take the estimate.")


def _fields(opened: BinaryIO) -> dict[str, Any]:
    """The key-value pairs of its head."""
    if opened.read(4) != _MAGIC:
        raise struct.error("it is no GGUF file")
    version, _, pairs = struct.unpack("<IQQ", _exactly(opened, 20))
    if version not in (2, 3) or pairs > _MOST:
        raise struct.error(f"it is of version {version}")
    return {_text(opened): _value(opened, _number(opened, "<I")) for _ in range(pairs)}


def _value(opened: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _text(opened)
    if kind == _ARRAY:
        inner, length = _number(opened, "<I"), _number(opened, "<Q")
        if length > _MOST or inner == _ARRAY:
            raise struct.error("it has a list that is too long")
        return [_value(opened, inner) for _ in range(length)]
    if kind not in _PLAIN:
        raise struct.error(f"it has a value of the kind {kind}")
    return _number(opened, _PLAIN[kind])


def _text(opened: BinaryIO) -> str:
    length = _number(opened, "<Q")
    if length > _LONGEST:
        raise struct.error("it has a text that is too long")
    return _exactly(opened, length).decode("utf-8")


def _number(opened: BinaryIO, form: str) -> Any:
    return struct.unpack(form, _exactly(opened, struct.calcsize(form)))[0]


def _exactly(opened: BinaryIO, length: int) -> bytes:
    data = opened.read(length)
    if len(data) != length:
        raise struct.error("it ends too soon")
    return data
