"""A promptfoo configuration as a suite: prompts times providers are targets, tests are cases, assertions are checks."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from genaiops.arena._suite_text import read_suite_document, suite_manifest
from genaiops.arena.promptfoo._assertions import Asserted, asserted, combined, compact, filled_in, suited
from genaiops.arena.promptfoo._files import FILE, Folder, Refused, load_yaml, mapping, resolved
from genaiops.arena.promptfoo._given import Grading
from genaiops.arena.promptfoo._providers import target_of
from genaiops.arena.promptfoo._sharing import Test, shared
from genaiops.arena.promptfoo._templates import rendered, template
from genaiops.checks.written import Fault, on_line, read_document
from genaiops.domain import Case, Suite, SuiteTarget

T = TypeVar("T")

MOST_TESTS: Final = 10_000
_LEFT_OUT: Final = frozenset(
    {"outputPath", "tags", "writeLatestResults", "commandLineOptions", "sharing", "evaluateOptions"}
)
_QUIET: Final = frozenset({"assertionTemplates", "metadata"})
_KNOWN: Final = frozenset({"description", "prompts", "providers", "targets", "tests", "defaultTest"})
_OF_TEST: Final = frozenset({"description", "vars", "assert", "threshold", "metadata", "options", "$ref"})
_OF_OPTIONS: Final = frozenset({"provider", "rubricPrompt", "factuality"})
_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "redteam": (
        "The attacks of promptfoo are written by its servers, and nothing here calls them.",
        "Take redteam out.",
    ),
    "scenarios": ("Scenarios are not taken over.", "Write them as tests."),
    "env": ("Variables of the environment are not set by a suite.", "Set them before the command, and take env out."),
    "nunjucksFilters": ("Filters are code, which is not run here.", "Take them out."),
    "extensions": ("Extensions are code, which is not run here.", "Take them out."),
    "derivedMetrics": ("Derived metrics are not taken over.", "Take them out."),
    "tracing": ("Traces of promptfoo's own are not taken over.", "Take tracing out."),
}


class Imported(msgspec.Struct, frozen=True):
    """`suite` None: there are faults. `notes`: what was left out, and changes nothing that is judged."""

    suite: Suite | None
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def is_promptfoo(text: str) -> bool:
    """Whether a text of YAML has at its first level what such a configuration has, and nothing of a suite."""
    names = set(re.findall(r"(?m)^([A-Za-z]+):", text))
    return "prompts" in names and bool({"providers", "targets"} & names) and not {"check", "target"} & names


def read_promptfoo(text: str, folder: Path, judge: str = "") -> Imported:
    """The suite of a `promptfooconfig.yaml` whose files are in `folder`. `judge`: the model that grades where no
    provider is named."""
    document = read_document(text, "yaml", what="configuration", most=20_000_000)
    if document.fault is not None:
        return Imported(None, (document.fault,))
    reader = _Reader(load_yaml(text), Folder(folder), judge)
    suite = reader.suite()
    if suite is None:
        return Imported(None, tuple(on_line(fault, document.lines) for fault in dict.fromkeys(reader.faults))[:50])
    read = read_suite_document(suite_manifest(suited(suite)))
    return Imported(read.suite, read.faults, tuple(reader.notes))


class _Reader:
    def __init__(self, document: Any, folder: Folder, judge: str) -> None:
        self._grading = Grading(judge)
        self._fields = cast("dict[str, Any]", document if isinstance(document, dict) else {})
        self._folder = folder
        self.faults: list[Fault] = []
        self.notes: list[str] = []

    def suite(self) -> Suite | None:
        """None: there are faults."""
        fields = self._fields
        for name in fields:
            if name in _REFUSED:
                self.faults.append(Refused(name, *_REFUSED[name]).fault)
            elif name in _LEFT_OUT:
                self.notes.append(f"{name} is left out.")
            elif name not in _KNOWN | _QUIET and not name.startswith("$"):
                self.faults.append(Refused(name, f"{name} is not taken over.", "Take it out.").fault)
        prompts = list(self._prompts())
        raw: Any = fields.get("providers", fields.get("targets", ()))
        providers = [
            self._tried(target_of, each, f"providers[{number}]")
            for number, each in enumerate(cast("list[Any]", raw) if isinstance(raw, list) else [raw])
        ]
        default = self._tried(self._default) or {}
        tests = [test for each in self._tests() for test in self._of_test(*each, default)]
        if self.faults:
            return None
        if not prompts or not any(providers):
            self.faults.append(Fault(message="There are no prompts, or no providers.", remedy="Write both."))
            return None
        cases, checks = shared(tests)
        self.notes += self._grading.notes
        return Suite(
            description=str(fields.get("description") or ""),
            case=cases,
            target=tuple(_targets([each for each in providers if each is not None], prompts)),
            check=checks,
        )

    def _tried(self, make: Callable[..., T], *given: Any) -> T | None:
        try:
            return make(*given)
        except Refused as refused:
            self.faults.append(refused.fault)
            return None

    def _prompts(self) -> Iterator[tuple[str, str | tuple[dict[str, Any], ...]]]:
        """Label and template of each."""
        raw = self._fields.get("prompts", ())
        for number, each in enumerate(cast("list[Any]", raw) if isinstance(raw, list) else [raw]):
            yield from self._tried(self._prompt, each, f"prompts[{number}]") or ()

    def _prompt(self, raw: Any, path: str) -> list[tuple[str, str | tuple[dict[str, Any], ...]]]:
        label = ""
        if isinstance(raw, dict):
            fields = cast("dict[str, Any]", raw)
            label, raw = str(fields.get("label") or ""), fields.get("raw", fields.get("id"))
        if isinstance(raw, list):
            return [(label, _chat_template(cast("list[Any]", raw), path))]
        if not isinstance(raw, str):
            raise Refused(path, "A prompt is a text, or an object with raw.", "Write it as a text.")
        is_file = raw.startswith(FILE) or (bool(re.fullmatch(r"[\w./*-]+\.(txt|json|ya?ml|md|j2)", raw)))
        if not is_file:
            return [(label, _template(raw, path))]
        found: list[tuple[str, str | tuple[dict[str, Any], ...]]] = []
        for file in self._folder.matching(raw, path):
            text = self._folder.text(file, path)
            parts = re.split(r"(?m)^---\s*$", text) if file.endswith(".txt") else [text]
            found += [(label, _template(part.strip(), path)) for part in parts if part.strip()]
        return found

    def _default(self) -> dict[str, Any]:
        raw: Any = self._fields.get("defaultTest")
        if isinstance(raw, str):
            raw = self._folder.data(raw, "defaultTest")
        fields = mapping(raw, "defaultTest")
        _refuse_test_rest(fields, "defaultTest")
        return fields

    def _tests(self) -> Iterator[tuple[dict[str, Any], str]]:
        raw: Any = self._fields.get("tests") or [{}]
        if isinstance(raw, str):
            yield from self._tried(self._file_tests, raw, "tests") or ()
            return
        if not isinstance(raw, list):
            self.faults.append(Refused("tests", "Tests are no list.", "Write - vars: ... for each.").fault)
            return
        for number, each in enumerate(cast("list[Any]", raw)):
            path = f"tests[{number}]"
            if isinstance(each, str):
                yield from self._tried(self._file_tests, each, path) or ()
            elif isinstance(each, dict):
                yield cast("dict[str, Any]", each), path
            else:
                self.faults.append(Refused(path, "A test is an object.", "Write vars and assert.").fault)

    def _file_tests(self, reference: str, path: str) -> list[tuple[dict[str, Any], str]]:
        found: list[tuple[dict[str, Any], str]] = []
        for file in self._folder.matching(reference, path):
            rows = self._folder.data(file, path)
            if not isinstance(rows, list):
                raise Refused(path, f"{file} is no list of tests.", "Write tests as CSV, YAML, JSON or JSONL.")
            is_csv = file.lower().endswith(".csv")
            for row in cast("list[Any]", rows):
                if not isinstance(row, dict) or None in row:
                    raise Refused(path, f"{file} has a row that is no test.", "Mend it.")
                fields = cast("dict[str, Any]", row)
                found.append((_csv_test(fields, path) if is_csv else fields, path))
        return found

    def _of_test(self, raw: dict[str, Any], path: str, default: Mapping[str, Any]) -> Sequence[Test]:
        return self._tried(self._made_of_test, raw, path, default) or ()

    def _made_of_test(self, raw: dict[str, Any], path: str, default: Mapping[str, Any]) -> list[Test]:
        fields = mapping(resolved(self._fields, raw, path), path)
        _refuse_test_rest(fields, path)
        given = {**mapping(default.get("vars"), "defaultTest.vars"), **mapping(fields.get("vars"), f"{path}.vars")}
        given = {name: self._variable(each, f"{path}.vars.{name}") for name, each in given.items()}
        lists = {name: cast("list[Any]", each) for name, each in given.items() if isinstance(each, list)}
        made: list[Test] = []
        for chosen in product(*lists.values()):
            variables = {**given, **dict(zip(lists, chosen, strict=True))}
            variables = {name: rendered(each, variables, f"{path}.vars.{name}") for name, each in variables.items()}
            options = {**mapping(default.get("options"), "defaultTest.options"), **mapping(fields.get("options"), path)}
            each = [
                *self._asserted(default, "defaultTest", variables, options),
                *self._asserted(fields, path, variables, options),
            ]
            checks = combined(each, fields.get("threshold", default.get("threshold")), path)
            metadata = mapping(default.get("metadata"), "defaultTest.metadata")
            metadata |= mapping(fields.get("metadata"), f"{path}.metadata")
            name = str(fields.get("description") or "")
            made.append(Test(Case(id=name[:150], variables=variables, metadata=metadata), checks))
            if len(made) > MOST_TESTS:
                raise Refused(path, f"It makes more than {MOST_TESTS:,} tests.", "Shorten the lists of variables.")
        return made

    def _variable(self, value: Any, path: str) -> Any:
        if isinstance(value, str) and value.startswith(FILE):
            return self._folder.data(value, path)
        return value

    def _asserted(
        self, fields: Mapping[str, Any], path: str, variables: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Iterator[Asserted]:
        raw: Any = fields.get("assert") or []
        if not isinstance(raw, list):
            raise Refused(f"{path}.assert", "Assertions are a list.", "Write - type: contains.")
        for number, each in enumerate(cast("list[Any]", raw)):
            at = f"{path}.assert[{number}]"
            given = self._tried(filled_in, resolved(self._fields, each, at), variables, at)
            made = None if given is None else self._tried(asserted, given, at, self._folder, self._grading, options)
            if made is not None:
                yield made


def _targets(
    providers: Sequence[SuiteTarget], prompts: Sequence[tuple[str, str | tuple[dict[str, Any], ...]]]
) -> Iterator[SuiteTarget]:
    names: set[str] = set()
    for provider in providers:
        for number, (label, text) in enumerate(prompts, start=1):
            told = re.sub(r"[^A-Za-z0-9_.:/@ -]", "-", label) or f"prompt {number}"
            base = name = f"{provider.name} {told}"[:120].rstrip() if len(prompts) > 1 else provider.name
            again = 2
            while name in names:
                name, again = f"{base} {again}", again + 1
            names.add(name)
            yield msgspec.structs.replace(provider, name=name, template=text)


def _template(text: str, path: str) -> str | tuple[dict[str, Any], ...]:
    """A text; a chat, where it is a list of messages as JSON or YAML."""
    if text.lstrip()[:1] in "[-":
        try:
            raw = json.loads(text) if text.lstrip().startswith("[") else load_yaml(text)
        except Exception:  # noqa: BLE001 (a text that begins so, and is neither)
            raw = None
        if isinstance(raw, list) and raw and all(isinstance(each, dict) and "role" in each for each in raw):  # pyright: ignore[reportUnknownVariableType]
            return _chat_template(cast("list[Any]", raw), path)
    return template(text, path)


def _chat_template(raw: list[Any], path: str) -> tuple[dict[str, Any], ...]:
    messages: list[dict[str, Any]] = []
    for number, each in enumerate(raw):
        if not isinstance(each, dict) or "role" not in each:
            raise Refused(f"{path}[{number}]", "A message has a role and content.", "Mend it.")
        message = cast("dict[str, Any]", each)
        content = message.get("content")
        messages.append({**message, "content": template(content, path) if isinstance(content, str) else content})
    return tuple(messages)


def _csv_test(row: Mapping[str, Any], path: str) -> dict[str, Any]:
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
        elif name.startswith("__") and name not in known and not name.startswith("__expected"):
            raise Refused(path, f"The column {name} is not taken over.", "Take it out.")
    return made


def _refuse_test_rest(fields: Mapping[str, Any], path: str) -> None:
    options = mapping(fields.get("options"), f"{path}.options")
    for name in sorted(name for name, value in options.items() if name not in _OF_OPTIONS and value):
        raise Refused(f"{path}.options.{name}", f"{name} of a test's options is not taken over.", "Take it out.")
    rest = sorted(name for name, value in fields.items() if name not in _OF_TEST and value)
    if rest:
        raise Refused(f"{path}.{rest[0]}", f"{rest[0]} of a test is not taken over.", "Take it out.")
