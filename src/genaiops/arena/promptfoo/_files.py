"""What a promptfoo configuration refers to: `file://` beside it, `$ref` within it, YAML as JavaScript reads it."""

import base64
import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import yaml

from genaiops.checks.written import Fault

FILE: Final = "file://"
LARGEST: Final = 20_000_000
_IMAGES: Final[Mapping[str, str]] = {
    **{f".{name}": f"image/{name}" for name in ("png", "gif", "webp", "bmp", "avif", "heic")},
    **dict.fromkeys((".jpg", ".jpeg"), "image/jpeg"),
    ".svg": "image/svg+xml",
}
_SOUNDS: Final = frozenset({".mp3", ".wav", ".ogg", ".flac", ".m4a", ".mp4", ".webm", ".mov"})
_CODE: Final = (".js", ".cjs", ".mjs", ".ts", ".py", ".rb", ".sh")


class Refused(Exception):
    """Something that cannot be taken over. `fault` has no line yet."""

    def __init__(self, path: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.fault = Fault(message=message, path=path, remedy=remedy)


class _Loader(yaml.SafeLoader):
    """YAML 1.2, as promptfoo has it: `Yes` and `2026-01-01` are texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if not tag.endswith((":bool", ":timestamp"))]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _first in "tTfF":
    _Loader.yaml_implicit_resolvers.setdefault(_first, []).append(
        ("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"))
    )


def load_yaml(text: str) -> Any:
    """Of a text that was read without a fault before."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (it is a SafeLoader)


class Folder:
    """The folder of the configuration. Nothing outside it is read: a suite of somebody else would choose what is sent
    to a model."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def text(self, reference: str, path: str) -> str:
        """Of one file."""
        place = self._place(reference, path)
        try:
            if place.stat().st_size > LARGEST:
                raise Refused(path, f"{reference} is larger than {LARGEST:,} bytes.", "Split it.")
            return place.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise Refused(path, f"{reference} cannot be read: {error.strerror}.", "Check the path.") from None
        except UnicodeDecodeError:
            raise Refused(path, f"{reference} is no text in UTF-8.", "Save it as UTF-8.") from None

    def matching(self, reference: str, path: str) -> list[str]:
        """Files that a reference with `*` names, in order; itself, where it has none."""
        if "*" not in reference:
            return [reference]
        pattern = reference.removeprefix(FILE)
        if ".." in pattern.split("/") or pattern.startswith("/"):
            raise Refused(path, f"{reference} leads out of the folder.", "Move the files beside the configuration.")
        found = sorted(str(each.relative_to(self.path)) for each in self.path.glob(pattern) if each.is_file())
        if not found:
            raise Refused(path, f"No file is named {reference}.", "Check the path.")
        return found

    def data(self, reference: str, path: str) -> Any:
        """What a JSON, YAML, JSONL or CSV file holds; of any other its text."""
        text = self.text(reference, path)
        suffix = Path(reference).suffix.lower()
        try:
            if suffix in (".yaml", ".yml"):
                return load_yaml(text)
            if suffix == ".json":
                return json.loads(text)
            if suffix == ".jsonl":
                return [json.loads(line) for line in text.splitlines() if line.strip()]
            if suffix == ".csv":
                return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except (ValueError, yaml.YAMLError, csv.Error, RecursionError) as error:
            what = str(error).replace("\n", " ")
            raise Refused(path, f"{reference} cannot be read as {suffix[1:].upper()}: {what}.", "Mend it.") from None
        return text

    def code(self, reference: str, path: str) -> str:
        """Of a file of code, where it is in the folder. Refused when it is not there."""
        place = (self.path / reference.removeprefix(FILE)).resolve()
        if not place.is_relative_to(self.path):
            raise Refused(path, f"{reference} leads out of the folder.", "Move it beside the configuration.")
        if not place.is_file():
            raise Refused(path, f"There is no file {reference}.", "Check the path.")
        return str(place.relative_to(self.path))

    def variable(self, reference: str, path: str) -> str:
        """What a variable is that names a file: its text, objects as JSON, images as data URLs."""
        suffix = Path(reference).suffix.lower()
        if suffix in (".yaml", ".yml"):
            return json.dumps(self.data(reference, path), ensure_ascii=False, separators=(",", ":"))
        if suffix in _IMAGES or suffix in _SOUNDS:
            coded = base64.b64encode(self._bytes(reference, path)).decode()
            return f"data:{_IMAGES[suffix]};base64,{coded}" if suffix in _IMAGES else coded
        if suffix == ".pdf":
            return self._of_pdf(reference, path)
        return self.text(reference, path).strip()

    def _bytes(self, reference: str, path: str) -> bytes:
        place = self._place(reference, path)
        try:
            if place.stat().st_size > LARGEST:
                raise Refused(path, f"{reference} is larger than {LARGEST:,} bytes.", "Split it.")
            return place.read_bytes()
        except OSError as error:
            raise Refused(path, f"{reference} cannot be read: {error.strerror}.", "Check the path.") from None

    def _of_pdf(self, reference: str, path: str) -> str:
        from pypdf import PdfReader

        try:
            pages = PdfReader(io.BytesIO(self._bytes(reference, path))).pages
            return "\n\n".join(page.extract_text() for page in pages).strip()
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 (a broken PDF raises anything)
            raise Refused(path, f"{reference} cannot be read as PDF: {error}.", "Mend it.") from None

    def _place(self, reference: str, path: str) -> Path:
        name = reference.removeprefix(FILE)
        if Path(name.partition(":")[0]).suffix in _CODE:
            raise Refused(
                path, f"{reference} is code, and what it would give is not known here.", "Write its values into a file."
            )
        place = (self.path / name).resolve()
        if not place.is_relative_to(self.path):
            raise Refused(path, f"{reference} leads out of the folder.", "Move it beside the configuration.")
        return place


def mapping(value: Any, path: str) -> dict[str, Any]:
    """A copy; nothing is an empty one. Refused when it is something else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(path, "It is no object.", "Write names and values.")
    return {str(name): each for name, each in cast("dict[Any, Any]", value).items()}


def resolved(document: Mapping[str, Any], value: Any, path: str) -> Any:
    """`value`, or what its `$ref: '#/...'` names, with the fields beside it."""
    if not isinstance(value, dict) or "$ref" not in value:
        return cast("Any", value)
    fields = mapping(value, path)
    target: Any = document
    for part in str(fields["$ref"]).removeprefix("#/").split("/"):
        target = cast("dict[str, Any]", target).get(part) if isinstance(target, dict) else None
    if not isinstance(target, dict):
        raise Refused(f"{path}.$ref", f"{fields['$ref']} names nothing here.", "Check the name.")
    return {**mapping(target, path), **{name: each for name, each in fields.items() if name != "$ref"}}
