"""Documents as people write them (TOML, YAML, JSON), read strictly into structs; faults are told with their lines."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.written._lines import toml_lines, yaml_lines
from genaiops.core.errors import UsageError
from genaiops.core.suggesting import suggestion

WrittenForm = Literal["toml", "yaml", "json"]
LARGEST: Final = 1_000_000
"""Characters of a document's text."""

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_FIELD = re.compile(r"(unknown|required) field `([^`]+)`")
_TOML_LINE = re.compile(r"at line (\d+)")
_LOOKS_LIKE_TOML = re.compile(r"(?m)\A(?:[ \t]*(?:#.*)?\n)*[ \t]*(?:\[|[A-Za-z0-9_.-]+[ \t]*=)")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a document. `path`: `rules[2].action`; `line` from 1 (None: it was given without a text, or
    the text says nothing of it)."""

    message: str
    path: str = ""
    line: int | None = None
    remedy: str = "Mend that place."

    def __str__(self) -> str:
        line = "" if self.line is None else f"line {self.line}: "
        path = f"{self.path}: " if self.path else ""
        return f"{line}{path}{self.message}"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """`lines`: on which line each place stands (`rules[2].action` -> 14). With a `fault` there is no value."""

    value: Any = None
    lines: Mapping[str, int] = {}
    fault: Fault | None = None


def read_document(
    text: str, form: WrittenForm | None = None, *, what: str = "document", most: int = LARGEST
) -> Document:
    """What a text says. `form` None: what it looks like."""
    if len(text) > most:
        return Document(fault=Fault(message=f"The text has more than {most} characters.", remedy="Shorten it."))
    form = form or form_of(text)
    try:
        value, lines = _READERS[form](text, what)
        return Document(value=value, lines=lines)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found is not None else text.count("\n") + 1
        return Document(fault=Fault(message=f"This is no TOML: {error}.", line=line))
    except json.JSONDecodeError as error:
        return Document(fault=Fault(message=f"This is no JSON: {error.msg}.", line=error.lineno))
    except UsageError as error:
        return Document(fault=_told(error))
    except (RecursionError, ValueError):
        return Document(fault=Fault(message=f"This cannot be read as {form.upper()}."))


def converted(raw: Any, kind: Any, path: str) -> tuple[Any, Fault | None]:
    """`raw` as that struct, or what is wrong with it. `path`: where it stands in the document."""
    try:
        return msgspec.convert(raw, kind), None
    except msgspec.ValidationError as error:
        message = str(error)
    place, field = _PLACE.search(message), _FIELD.search(message)
    inner = "" if place is None else place[1].replace("[...]", "")
    what, remedy = message.partition(" - at `")[0], "Mend that place."
    at_root = not inner
    if field is not None and field[1] == "unknown":
        inner = f"{inner}.{field[2]}".lstrip(".")
        remedy = suggestion(field[2], kind.__struct_fields__) if at_root else remedy
    elif what.startswith("Invalid enum value"):
        remedy = _allowed(kind, inner) or remedy
    at = ".".join(each for each in (path, inner) if each).replace(".[", "[")
    return None, Fault(message=f"{what}.", path=at, remedy=remedy)


def _allowed(kind: Any, field: str) -> str | None:
    """`There are: flag, redact, ...` for a field of literals."""
    name = field.partition("[")[0]
    found = next((each.type for each in msgspec.structs.fields(kind) if each.name == name), None)
    words = re.findall(r"'([a-z_]+)'", str(found))
    return f"There are: {', '.join(words)}." if words else None


def form_of(text: str) -> WrittenForm:
    """What a text looks like."""
    if text.lstrip().startswith("{"):
        return "json"
    return "toml" if _LOOKS_LIKE_TOML.match(text) is not None else "yaml"


def _read_toml(text: str, _: str) -> tuple[Any, Mapping[str, int]]:
    return tomllib.loads(text), toml_lines(text)


def _read_json(text: str, what: str) -> tuple[Any, Mapping[str, int]]:
    document = json.loads(text)
    try:
        return document, _read_yaml(text.replace("\t", " "), what)[1]
    except UsageError as error:
        if error.param is not None:
            raise
        return document, {}  # some JSON is no YAML


def _read_yaml(text: str, what: str) -> tuple[Any, Mapping[str, int]]:
    import yaml

    loader: Any = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        lines = yaml_lines(node, what)
        return loader.construct_document(node), lines
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        place = "" if mark is None else f"line {mark.line + 1}: "
        what = getattr(error, "problem", None) or str(error)
        raise UsageError(f"{place}This is no YAML: {what}.", remedy="Mend that place.") from error
    finally:
        if loader is not None:
            loader.dispose()


_READERS = {"toml": _read_toml, "yaml": _read_yaml, "json": _read_json}


def _told(error: UsageError) -> Fault:
    found = re.match(r"line (\d+): ", error.message)
    message = error.message if found is None else error.message[found.end() :]
    line = None if found is None else int(found[1])
    return Fault(message=message, path=error.param or "", line=line, remedy=error.remedy or "Mend that place.")


def on_line(fault: Fault, lines: Mapping[str, int]) -> Fault:
    """With the line of what is at fault, or of what it belongs to."""
    path = fault.path
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    line = lines.get(path)
    return fault if line is None else msgspec.structs.replace(fault, line=line)
