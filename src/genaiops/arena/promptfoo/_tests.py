"""Tests of promptfoo: written, in files, made by functions, and as scenarios; and the variables of each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from typing import Any, Final, cast

from genaiops.arena.promptfoo._assertions import compact
from genaiops.arena.promptfoo._code import Near, is_code, script_at, transforms
from genaiops.arena.promptfoo._files import FILE, Refused, mapping
from genaiops.arena.promptfoo._templates import mentions_unknown, rendered

MOST_TESTS: Final = 10_000
_OF_TEST: Final = frozenset({"description", "vars", "assert", "threshold", "metadata", "options", "$ref"})
_OPTIONS: Final = frozenset(
    {
        *("transform", "postprocess", "transformVars", "prefix", "suffix", "disableVarExpansion"),
        *("disableDefaultAsserts", "provider", "rubricPrompt", "factuality", "runSerially", "disableConversationVar"),
    }
)
_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "options.storeOutputAs": ("Answers are no variables of other tests: each case stands alone.", "Write one test."),
    "options.repeat": ("One test alone is not repeated.", "Write evaluateOptions: {repeat: ...}."),
    "prompts": ("Every test goes to all prompts.", "Write a configuration for each prompt."),
    "providers": ("Every test goes to all providers.", "Write a configuration for each provider."),
    "provider": ("Every test goes to all providers.", "Write a configuration for each provider."),
}
_NEVER: Final = frozenset({"assertScoringFunction", "providerOutput", "scenario"})
_ELSEWHERE: Final = ("huggingface://", "https://", "http://", "az://", "s3://", "gs://")

Placed = tuple[dict[str, Any], str]


def tests_of(raw: Any, path: str, near: Near) -> Iterator[Placed]:
    """Of `tests`, each with its place. Refused says what is none."""
    if isinstance(raw, str):
        yield from _in_file(raw, path, near)
    elif isinstance(raw, dict) and isinstance(cast("dict[str, Any]", raw).get("path"), str):
        fields = cast("dict[str, Any]", raw)
        yield from _in_file(fields["path"], path, near, fields.get("config"))
    elif isinstance(raw, dict):
        yield cast("dict[str, Any]", raw), path
    else:
        raise Refused(path, "A test is an object.", "Write vars and assert.")


def _in_file(reference: str, path: str, near: Near, config: Any = None) -> Iterator[Placed]:
    if reference.startswith(_ELSEWHERE):
        raise Refused(path, f"{reference} is not fetched.", "Save it as CSV or JSONL beside the configuration.")
    if is_code(reference):
        takes = ("config",) if config else ()
        script = script_at(reference, path, near.folder, "generate_tests", takes)
        rows = near.called(script, {"config": config}, path)
        yield from _rows(rows, reference, path)
        return
    for file in near.folder.matching(reference, path):
        if file.lower().endswith((".xlsx", ".xls", ".ods")):
            raise Refused(path, f"{file} is a spreadsheet, which is not read.", "Save it as CSV.")
        yield from _rows(near.folder.data(file, path), file, path)


def _rows(rows: Any, file: str, path: str) -> Iterator[Placed]:
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list):
        raise Refused(path, f"{file} is no list of tests.", "Write tests as CSV, YAML, JSON or JSONL.")
    for row in cast("list[Any]", rows):
        if not isinstance(row, dict) or None in row:
            raise Refused(path, f"{file} has a row that is no test.", "Mend it.")
        fields = cast("dict[str, Any]", row)
        yield (_of_row(fields, path) if file.lower().endswith(".csv") else fields), path


def scenarios_of(raw: Any, near: Near) -> Iterator[Placed]:
    """The tests of each scenario with the variables of each of its configurations."""
    if not isinstance(raw, list):
        raise Refused("scenarios", "Scenarios are no list.", "Write - config: ... and tests: ...")
    for number, each in enumerate(cast("list[Any]", raw)):
        path = f"scenarios[{number}]"
        if isinstance(each, str):
            each = near.folder.data(each, path)
        fields = mapping(each, path)
        configs = list(_listed(fields.get("config") or [{}], f"{path}.config", near))
        tests = list(_listed(fields.get("tests") or [{}], f"{path}.tests", near))
        for (config, _), (test, place) in product(configs, tests):
            both = mapping(config.get("vars"), path) | mapping(test.get("vars"), place)
            asserted = [*(config.get("assert") or ()), *(test.get("assert") or ())]
            metadata = mapping(config.get("metadata"), path) | mapping(test.get("metadata"), place)
            options = mapping(config.get("options"), path) | mapping(test.get("options"), place)
            made = {**config, **test, "vars": both, "assert": asserted, "metadata": metadata, "options": options}
            yield {name: value for name, value in made.items() if value}, place


def _listed(raw: Any, path: str, near: Near) -> Iterator[Placed]:
    for number, each in enumerate(cast("list[Any]", raw) if isinstance(raw, list) else [raw]):
        yield from tests_of(each, f"{path}[{number}]", near)


def refuse_rest(fields: Mapping[str, Any], path: str) -> None:
    """Refused for what a test here has not."""
    options = mapping(fields.get("options"), f"{path}.options")
    names = [name for name in fields if fields[name] and name not in _OF_TEST]
    names += [f"options.{name}" for name in options if options[name] and name not in _OPTIONS]
    named = _OF_TEST | _REFUSED.keys() | _NEVER
    for name in sorted(names):
        if not name.startswith("options.") and name not in named and not get_close_matches(name, named, 1, 0.8):
            continue  # promptfoo does not look at it, either
        what, remedy = _REFUSED.get(name, (f"{name} of a test is not taken over.", "Take it out."))
        raise Refused(f"{path}.{name}", what, remedy)


def variables_of(
    given: Mapping[str, Any], options: Mapping[str, Any], path: str, near: Near
) -> Iterator[dict[str, Any]]:
    """Each combination of its lists, with what files and functions give, rendered with each other. What changes them
    comes before all that."""
    given = _changed(dict(given), options, path, near)
    values = {name: [each] for name, each in given.items()}
    if not options.get("disableVarExpansion"):
        values = {name: _several(each, f"{path}.vars.{name}", near) for name, each in given.items()}
    for number, chosen in enumerate(product(*values.values()), start=1):
        if number > MOST_TESTS:
            raise Refused(path, f"It makes more than {MOST_TESTS:,} tests.", "Shorten the lists of variables.")
        variables = dict(zip(values, chosen, strict=True))
        for name, each in variables.items():
            variables[name] = _read(name, each, variables, f"{path}.vars.{name}", near)
        yield {name: _with_others(each, variables, f"{path}.vars.{name}", near) for name, each in variables.items()}


def _several(value: Any, path: str, near: Near) -> list[Any]:
    if isinstance(value, str) and value.startswith(FILE) and "*" in value:
        return near.folder.matching(value, path)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return items if items and isinstance(items[0], str) else [items]
    return [value]


def _read(name: str, value: Any, variables: Mapping[str, Any], path: str, near: Near) -> Any:
    if not isinstance(value, str) or not value.startswith(FILE):
        return value.removesuffix("\n") if isinstance(value, str) else value
    if not is_code(value):
        return near.folder.variable(value, path)
    script = script_at(value, path, near.folder, "get_var", ("name", "prompt", "vars"))
    said = near.called(script, {"name": name, "prompt": "", "vars": dict(variables)}, path)
    fields = cast("dict[str, Any]", said if isinstance(said, dict) else {})
    if fields.get("error") or not fields.get("output"):
        what = fields.get("error") or "it returned no object with output"
        raise Refused(path, f"{script.called} gives no variable: {what}.", "Return {output: ...}.")
    return fields["output"]


def _with_others(value: Any, variables: Mapping[str, Any], path: str, near: Near) -> Any:
    if isinstance(value, str):
        return value if mentions_unknown(value, variables) else rendered(value, variables, path, near.nunjucks)
    if isinstance(value, list):
        return [_with_others(each, variables, path, near) for each in cast("Sequence[Any]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _with_others(each, variables, path, near) for name, each in fields.items()}
    return value


def _changed(variables: dict[str, Any], options: Mapping[str, Any], path: str, near: Near) -> dict[str, Any]:
    place = f"{path}.options.transformVars"
    for script in transforms(options.get("transformVars"), place, near.folder, ("vars", "context")):
        said = near.called(script, {"vars": variables, "context": {"uuid": "", "prompt": {}}}, place)
        if not isinstance(said, dict):
            raise Refused(place, f"{script.called} returned no object of variables.", "Return an object.")
        variables = {**variables, **cast("dict[str, Any]", said)}
    return variables


def _of_row(row: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Columns that begin with two underscores are promptfoo's, all others variables."""
    asserted = [compact(str(each), path) for name, each in row.items() if re.fullmatch(r"__expected\d*", name) and each]
    made: dict[str, Any] = {
        "vars": {name: each for name, each in row.items() if not name.startswith("__")},
        "assert": asserted,
    }
    known = {"__description": "description", "__threshold": "threshold", "__metric": "metric"}
    for name, value in row.items():
        if name.startswith("__metadata:"):
            made.setdefault("metadata", {})[name.partition(":")[2]] = value
        elif name == "__metric" and value:
            made["assert"] = [{**each, "metric": value} for each in asserted]
        elif name == "__threshold" and value:
            made["threshold"] = float(value)
        elif name == "__description":
            made["description"] = value
        elif name in ("__prefix", "__suffix") and value:
            made.setdefault("options", {})[name[2:]] = value
        elif name.startswith("__") and name not in known and not name.startswith("__expected"):
            raise Refused(path, f"The column {name} is not taken over.", "Take it out.")
    return made
