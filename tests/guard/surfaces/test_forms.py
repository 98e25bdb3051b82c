"""Forms: their text fields are texts, their files are not."""

import pytest

from genaiops.core.errors import UsageError
from genaiops.core.multipart import boundary_of, parts_of
from genaiops.guard.surfaces import asked
from genaiops.ports.providers import Form

KIND = b"multipart/form-data; boundary=xyz"


def form(*fields: tuple[str, str | None, bytes]) -> bytes:
    made = b""
    for name, filename, data in fields:
        named = f'; filename="{filename}"' if filename is not None else ""
        made += f'--xyz\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"
    return made + b"--xyz--\r\n"


def read(raw: bytes) -> Form:
    return Form(KIND, tuple(parts_of(raw, boundary_of(KIND))))


RAW = form(
    ("model", None, b"openai/whisper-1"),
    ("file", "of jane.wav", b"RIFF\x00\xff"),
    ("prompt", None, "Grüße an Jane".encode()),
    ("response_format", None, b"verbose_json"),
    ("temperature", None, b"0.25"),
    ("language", None, b"not a language"),
    ("tomorrow", None, b"word"),
    ("timestamp_granularities[]", None, b"word"),
)


def test_text_fields_and_names_of_files() -> None:
    found = asked("transcription", "openai", RAW, read(RAW))
    told = {part.place: (part.text, part.provenance) for part in found.parts}
    assert told == {
        "file.filename (name)": ("of jane.wav", "other"),
        "prompt": ("Grüße an Jane", "user"),
        "language": ("not a language", "other"),
        "tomorrow": ("word", "other"),
    }
    assert [one.path for one in found.unread] == [("file",)]


def test_fields_are_replaced_where_they_stand() -> None:
    found = asked("transcription", "openai", RAW, read(RAW))
    assert found.replaced({}) is RAW
    where = {part.place: at for at, part in enumerate(found.parts)}
    out = found.replaced({where["prompt"]: "an X", where["file.filename (name)"]: 'a"b\r\nc\\.wav'})
    made = {part.name: part for part in read(out).parts}
    assert made["prompt"].text(out) == "an X"
    assert made["file"].filename == 'a"b c\\.wav'
    assert out[made["file"].start : made["file"].end] == b"RIFF\x00\xff"
    assert made["tomorrow"].text(out) == "word"


def test_a_new_text_cannot_end_the_form() -> None:
    found = asked("transcription", "openai", RAW, read(RAW))
    with pytest.raises(UsageError, match="boundary"):
        found.replaced({0: "x\r\n--xyz--\r\n"})


def test_a_field_that_is_not_utf8_is_refused() -> None:
    raw = form(("prompt", None, b"\xff"), ("file", "a.wav", b""))
    with pytest.raises(UsageError):
        asked("transcription", "openai", raw, read(raw))
