"""Descriptions in files: YAML, JSON or TOML, read with the place of everything in them, so that an error can name its
line."""

import datetime
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from genaiops.core.errors import UsageError

_SUFFIXES = (".yaml", ".yml", ".json", ".toml")
_LARGEST = 10_000_000
_MOST_PLACES = 1_000_000
_MERGE = "tag:yaml.org,2002:merge"
_TIME = "tag:yaml.org,2002:timestamp"


class Described(msgspec.Struct, frozen=True):
    """What files say. `places`: `targets.mini.base_url` -> `genaiops.yaml:12`."""

    document: Any
    places: Mapping[str, str]

    def place(self, path: str | None) -> str | None:
        """Where that is said, or what it belongs to; None when the files do not speak of it."""
        document: Any = self.document
        if path is None or not isinstance(document, dict) or re.split(r"[.\[]", path)[0] not in document:
            return None
        while path:
            if path in self.places:
                return self.places[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get("")


def located(error: UsageError, described: Described) -> UsageError:
    """The same error with file and line before it, where it is about something in a file."""
    place = described.place(error.param)
    if place is None:
        return error
    # A remedy that came from the server stands in the message already.
    message = f"{place}: {error.param}: {error.message}"
    return type(error)(message, remedy=error.remedy, code=error.code, param=error.param)


def read_descriptions(names: Sequence[str]) -> Described:
    """All files together; `-` is standard input, a folder stands for the files in it. UsageError for a name that is
    said twice, and for what cannot be read."""
    document: dict[str, Any] = {}
    places: dict[str, str] = {}
    for name in names:
        for file, text in read_texts(name):
            for found in _read(file, text):
                _join(document, places, found)
    return Described(document, places)


def read_yaml(name: str) -> Described:
    """One YAML file of any content."""
    ((file, text),) = read_texts(name)
    found = list(_read_yaml(file, text))
    if len(found) != 1:
        raise UsageError(f"{file} holds {len(found)} documents.", remedy="Give a file with one.", param="file")
    return found[0]


def parse_yaml(file: str, text: str) -> Any:
    """What one YAML document (or JSON) says. UsageError names the line."""
    found = list(_read_yaml(file, text))
    if len(found) != 1:
        raise UsageError(f"{file} holds {len(found)} documents.", remedy="Give a file with one.", param="file")
    return found[0].document


def to_yaml(document: Any) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False)


def read_texts(name: str) -> list[tuple[str, str]]:
    """(name, text) of each file."""
    try:
        if name == "-":
            return [("standard input", sys.stdin.read(_LARGEST))]
        path = Path(name)
        if not path.is_dir():
            return [(name, _text(path))]
        files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and file.is_file())
        if not files:
            raise UsageError(
                f"The folder {name} holds no description.", remedy=f"Name a file, or put {_SUFFIXES[0]} files there."
            )
        return [(str(file), _text(file)) for file in files]
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name} is no text in UTF-8: byte {error.start + 1} is none.", remedy="Save it as UTF-8 text."
        ) from error
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {error.strerror}.", remedy="Name a file or a folder of files."
        ) from error


def _text(path: Path) -> str:
    if path.stat().st_size > _LARGEST:
        raise UsageError(f"{path} has more than {_LARGEST // 1_000_000} MB.", remedy="Apply it in parts.")
    return path.read_text(encoding="utf-8")


def _read(file: str, text: str) -> Iterator[Described]:
    if file.endswith(".toml"):
        try:
            yield Described(_plain(tomllib.loads(text)), {"": file})
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{file} is no TOML: {error}.", remedy="Mend that place.") from error
    elif file.endswith(".json"):
        yield _read_json(file, text)
    else:
        yield from _read_yaml(file, text)  # JSON, too


def _read_json(file: str, text: str) -> Described:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{file}{line}: this is no JSON: {error}.", remedy="Mend that place.") from error
    try:
        places = next(_read_yaml(file, text.replace("\t", " "))).places
    except UsageError as error:
        if error.code == "said_twice":
            raise
        places = {"": file}
    return Described(document, places)


def _plain(value: Any) -> Any:
    """TOML's dates and times as text, as YAML and JSON have them."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in cast("list[Any]", value)]
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


class _Loader(yaml.SafeLoader):
    """Dates stay text: the server reads times."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (its base's name and type)
        first: [(tag, form) for tag, form in resolvers if tag != _TIME]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        dumper: Any = self
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (its base's signature)
        return True


_Dumper.add_representer(str, _Dumper.represent_text)


def _read_yaml(file: str, text: str) -> Iterator[Described]:
    loader: Any = _Loader(text)
    try:
        while loader.check_node():
            node: yaml.Node | None = loader.get_node()
            walk = _Walk(file)
            if node is not None:
                walk.read(node, "")
                yield Described(loader.construct_document(node), walk.places)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark: Any = getattr(error, "problem_mark", None)
        place = file if mark is None else f"{file}:{mark.line + 1}"
        what = getattr(error, "problem", None) or str(error)
        raise UsageError(f"{place}: this cannot be read as YAML: {what}.", remedy="Mend that place.") from error
    finally:
        loader.dispose()


class _Walk:
    """Notes where everything stands, and refuses a key that stands twice."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.places: dict[str, str] = {}
        self._steps = 0

    def read(self, node: yaml.Node, path: str) -> None:
        self._steps += 1
        if self._steps > _MOST_PLACES:  # aliases of aliases grow without end
            raise UsageError(f"{self._file} is too large.", remedy="Apply it in parts.")
        self.places.setdefault(path, f"{self._file}:{node.start_mark.line + 1}")
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(cast("list[yaml.Node]", node.value)):
                self.read(item, f"{path}[{number}]")

    def _mapping(self, node: yaml.MappingNode, path: str) -> None:
        seen: set[str] = set()
        merged: list[yaml.Node] = []
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if key.tag == _MERGE:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            name = str(key.value)
            inner = f"{path}.{name}" if path else name
            line = f"{self._file}:{key.start_mark.line + 1}"
            if name in seen:
                raise UsageError(
                    f"{line}: {inner} stands here for the second time; the first is at {self.places[inner]}.",
                    remedy="Keep one of them.",
                    code="said_twice",
                )
            seen.add(name)
            self.places[inner] = line
            self.read(value, inner)
        for each in merged:
            self.read(each, path)


def _join(document: dict[str, Any], places: dict[str, str], found: Described) -> None:
    described: Any = found.document
    if described is None:
        return
    if not isinstance(described, dict):
        raise UsageError(f"{found.places['']}: this is no description.", remedy="Write sections such as targets.")
    moved: dict[str, str] = {}
    sections = cast("dict[Any, Any]", described)
    for section, entries in sections.items():
        there: Any = document.get(section)
        if isinstance(there, list) and isinstance(entries, list):
            both = cast("list[Any]", there), cast("list[Any]", entries)
            moved |= {f"{section}[{n}]": f"{section}[{n + len(both[0])}]" for n in range(len(both[1]))}
            document[section] = [*both[0], *both[1]]
        elif isinstance(there, dict) and isinstance(entries, dict):
            named = cast("dict[Any, Any]", there), cast("dict[Any, Any]", entries)
            document[section] = _joined(str(section), named, places, found)
        elif section in document:
            raise UsageError(
                f"{found.place(str(section))}: {section} is of another kind than at {places.get(str(section))}.",
                remedy="Write it the same way in both.",
            )
        else:
            document[section] = entries
    for path, place in found.places.items():
        start = path[: path.find("]") + 1] if "[" in path and "." not in path[: path.find("[")] else ""
        places.setdefault(moved.get(start, start) + path[len(start) :], place)


def _joined(
    section: str, both: tuple[dict[Any, Any], dict[Any, Any]], places: Mapping[str, str], found: Described
) -> dict[Any, Any]:
    first, second = both
    for name in first.keys() & second.keys():
        path = f"{section}.{name}"
        raise UsageError(
            f"{found.place(path)}: {path} is described at {places.get(path)} already.", remedy="Keep one of them."
        )
    return {**first, **second}
