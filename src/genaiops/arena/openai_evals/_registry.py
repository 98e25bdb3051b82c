"""Where an eval's parts stand: its YAML, its samples, and the specifications of models that grade."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import yaml

from genaiops.core.errors import NotFound, UsageError

LARGEST: Final = 20_000_000
_LFS: Final = "version https://git-lfs"


class Eval(msgspec.Struct, frozen=True):
    """`kind`: the last part of its class, such as Match. `folder`: where its YAML is."""

    name: str
    kind: str
    args: Mapping[str, Any]
    description: str
    folder: Path


def is_openai_eval(text: str) -> bool:
    """Whether a text of YAML has a class of `evals`."""
    return re.search(r"(?m)^[ \t]+class:[ \t]*evals\.", text) is not None


def eval_names(text: str) -> Sequence[str]:
    """Those that a file has, by the names that people call them."""
    return list(_all(text))


def the_eval(text: str, name: str | None, folder: Path) -> Eval:
    """The one of that name; the only one, without. UsageError says which there are."""
    there = _all(text)
    if name is None and len(there) == 1:
        [name] = there
    if name is None or name not in there:
        said = f"{len(there)} evals" if name is None else f"no eval {name!r}"
        listed = ", ".join(there)
        raise UsageError(f"The file has {said}.", remedy=f"Name one with --eval: {listed[:600]}", param="eval")
    full, description = there[name]
    document: Mapping[str, Any] = _load(text)[full]
    kind = str(document["class"]).rpartition(":")[2]
    args: Any = document.get("args") or {}
    return Eval(name, kind, cast("dict[str, Any]", args) if isinstance(args, dict) else {}, description, folder)


def _all(text: str) -> dict[str, tuple[str, str]]:
    """Name -> (name of what has the class, description). Aliases (`id`) are followed once, as the registry does."""
    document = _load(text)
    if not isinstance(document, dict):
        return {}
    items = cast("dict[Any, Any]", document).items()
    fields = {str(name): cast("dict[str, Any]", each) for name, each in items if isinstance(each, dict)}
    concrete = {name for name, each in fields.items() if "class" in each}
    found: dict[str, tuple[str, str]] = {}
    for name, each in fields.items():
        if each.get("id") in concrete:
            found[name] = (str(each["id"]), str(each.get("description") or ""))
    aliased = {full for full, _ in found.values()}
    found |= {name: (name, str(fields[name].get("description") or "")) for name in fields if name in concrete - aliased}
    return found


def _load(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"The file is no YAML: {error}", remedy="Mend that place.", param="file") from None


def samples(found: Eval, reference: Any) -> list[tuple[str, dict[str, Any]]]:
    """(place, sample) of JSON lines: in the registry's `data`, or beside the YAML."""
    path = _place(found.folder, str(reference))
    rows: list[tuple[str, dict[str, Any]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if number == 1 and line.startswith(_LFS):
            raise UsageError(
                f"{path} is a pointer of Git LFS, and not the samples.",
                remedy="Fetch them: git lfs pull; or take them from the package evals.",
                param="samples_jsonl",
            )
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}, line {number}: this is no JSON ({error}).", remedy="Mend it.") from None
        if not isinstance(row, dict):
            raise UsageError(f"{path}, line {number}: a sample is an object.", remedy="Mend it.")
        rows.append((f"{path.name}, line {number}", cast("dict[str, Any]", row)))
    if not rows:
        raise UsageError(f"{path} has no samples.", remedy="Name another file.", param="samples_jsonl")
    return rows


def _place(folder: Path, reference: str) -> Path:
    """Nothing outside of the registry is read: a suite of somebody else would choose what is sent to a model."""
    if Path(reference).is_absolute() or ".." in Path(reference).parts:
        raise UsageError(f"{reference} lies outside.", remedy="Put it beside the YAML.", param="samples_jsonl")
    places = [base / reference for base in (folder / ".." / "data", folder / "data", folder)]
    path = next((each for each in places if each.is_file()), None)
    if path is None:
        raise NotFound(
            f"There is no file {reference}: neither in {folder.resolve().parent / 'data'} nor in {folder.resolve()}.",
            remedy="Keep the registry's folders evals and data side by side.",
            param="samples_jsonl",
        )
    if path.stat().st_size > LARGEST:
        raise UsageError(f"{reference} is larger than {LARGEST:,} bytes.", remedy="Take a part.", param="samples_jsonl")
    return path


def specification(found: Eval, name: str) -> Mapping[str, Any] | None:
    """Of a model that grades, of the registry's `modelgraded`; None: it is not there."""
    for file in _yaml_files(found.folder):
        document = _load(file.read_text(encoding="utf-8"))
        found_here: Any = cast("dict[str, Any]", document).get(name) if isinstance(document, dict) else None
        if isinstance(found_here, dict):
            return cast("dict[str, Any]", found_here)
    return None


def _yaml_files(folder: Path) -> Iterator[Path]:
    for place in (folder / ".." / "modelgraded", folder / "modelgraded", folder):
        if place.is_dir():
            yield from sorted(place.glob("*.yaml"))
