"""A promptfoo configuration as a suite: prompts times providers are targets, tests are cases, assertions are checks."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from genaiops.arena._scripts import MADE
from genaiops.arena._suite_text import read_suite_document, suite_manifest
from genaiops.arena.promptfoo._assertions import Asserted, asserted, combined, filled_in, suited
from genaiops.arena.promptfoo._code import Near, script_at, transforms, with_transforms
from genaiops.arena.promptfoo._files import Folder, Refused, load_yaml, mapping, resolved
from genaiops.arena.promptfoo._given import Grading
from genaiops.arena.promptfoo._prompts import Asked, Prompt, for_case, own_template, read_prompts
from genaiops.arena.promptfoo._providers import Provider, providers_of
from genaiops.arena.promptfoo._sharing import Test, shared
from genaiops.arena.promptfoo._templates import nunjucks_of
from genaiops.arena.promptfoo._tests import refuse_rest, scenarios_of, tests_of, variables_of
from genaiops.checks.written import Fault, on_line, read_document
from genaiops.domain import Case, Suite, SuiteRunning, SuiteTarget
from genaiops.ports.scripts import Scripts

T = TypeVar("T")

_LEFT_OUT: Final = frozenset(
    {
        *("outputPath", "tags", "writeLatestResults", "commandLineOptions", "sharing", "derivedMetrics", "tracing"),
        *("env", "metadata", "assertionTemplates"),
    }
)
_QUIET: Final = frozenset({"assertionTemplates", "metadata", "env"})
_KNOWN: Final = frozenset(
    {
        *("description", "prompts", "providers", "targets", "tests", "defaultTest", "scenarios", "nunjucksFilters"),
        *("evaluateOptions", "extensions", "redteam"),
    }
)
_FILTER_TAKES: Final = ("value", "one", "two", "three", "four")


class Imported(msgspec.Struct, frozen=True):
    """`suite` None: there are faults. `notes`: what was left out, and changes nothing that is judged."""

    suite: Suite | None
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def is_promptfoo(text: str) -> bool:
    """Whether a text of YAML has at its first level what such a configuration has, and nothing of a suite."""
    names = set(re.findall(r"(?m)^([A-Za-z]+):", text))
    return "prompts" in names and bool({"providers", "targets"} & names) and not {"check", "target"} & names


def read_promptfoo(text: str, folder: Path, judge: str = "", scripts: Scripts | None = None) -> Imported:
    """The suite of a `promptfooconfig.yaml` with its files in `folder`. `judge`: the model that grades where no
    provider is named; `scripts`: who calls its code (None: nobody)."""
    document = read_document(text, "yaml", what="configuration", most=20_000_000)
    if document.fault is not None:
        return Imported(None, (document.fault,))
    reader = _Reader(load_yaml(text), Folder(folder), judge, scripts)
    suite = reader.suite()
    if suite is None:
        return Imported(None, tuple(on_line(fault, document.lines) for fault in dict.fromkeys(reader.faults))[:50])
    read = read_suite_document(suite_manifest(suited(suite)))
    return Imported(read.suite, read.faults, tuple(reader.notes))


class _Reader:
    def __init__(self, document: Any, folder: Folder, judge: str, scripts: Scripts | None) -> None:
        self._grading = Grading(judge)
        self._fields = cast("dict[str, Any]", document if isinstance(document, dict) else {})
        self._near = Near(folder, nunjucks_of(self._fields.get("env"), {}), scripts)
        self._around: dict[int, tuple[str, str]] = {}
        self.faults: list[Fault] = []
        self.notes: list[str] = []

    def suite(self) -> Suite | None:
        """None: there are faults."""
        fields = self._fields
        self._look_at_names()
        filters = self._tried(self._filters) or {}
        if filters:
            self._near = msgspec.structs.replace(self._near, nunjucks=nunjucks_of(fields.get("env"), filters))
        prompts = list(self._prompts())
        raw: Any = fields.get("providers", fields.get("targets", ()))
        providers = self._tried(lambda: list(providers_of(raw, self._near, self.faults))) or []
        default = self._tried(self._default) or {}
        tests = [test for each in self._tests() for test in self._of_test(*each, default)]
        running = self._tried(self._running) or SuiteRunning()
        if self.faults:
            return None
        if not prompts or not providers:
            self.faults.append(Fault(message="There are no prompts, or no providers.", remedy="Write both."))
            return None
        targets, tests = self._tried(self._targets, providers, prompts, tests) or ((), tests)
        if self.faults:
            return None
        cases, checks = shared(tests)
        self.notes += self._grading.notes
        return Suite(
            description=str(fields.get("description") or "")[:4000],
            case=cases,
            target=tuple(targets),
            check=checks,
            run=running,
        )

    def _look_at_names(self) -> None:
        fields = self._fields
        for name in fields:
            if name in _LEFT_OUT:
                self.notes += [] if name in _QUIET else [f"{name} is left out."]
            elif name not in _KNOWN and not name.startswith("$"):
                near = get_close_matches(name, _KNOWN | _LEFT_OUT, 1, 0.8)
                if near:
                    self.faults.append(Refused(name, f"There is no {name}.", f"Did you mean {near[0]}?").fault)
                else:
                    self.notes.append(f"{name} is no field of promptfoo, and is left out.")
        if fields.get("redteam"):
            what = "The attacks of promptfoo are written by its servers, and nothing here calls them."
            if fields.get("tests") or fields.get("scenarios"):
                self.notes.append(f"redteam is left out. {what}")
            else:
                self.faults.append(Refused("redteam", what, "Take redteam out, or write tests.").fault)
        if fields.get("extensions"):
            what = "Extensions change what promptfoo itself does, and are not called here."
            self.faults.append(Refused("extensions", what, "Take them out.").fault)

    def _tried(self, make: Callable[..., T], *given: Any) -> T | None:
        try:
            return make(*given)
        except Refused as refused:
            self.faults.append(refused.fault)
            return None

    def _filters(self) -> dict[str, Callable[..., Any]]:
        made: dict[str, Callable[..., Any]] = {}
        for name, reference in mapping(self._fields.get("nunjucksFilters"), "nunjucksFilters").items():
            path = f"nunjucksFilters.{name}"
            script = script_at(str(reference), path, self._near.folder, name, _FILTER_TAKES)

            def called(*given: Any, script: Any = script, path: str = path) -> Any:
                return self._near.called(script, dict(zip(_FILTER_TAKES, given, strict=False)), path)

            made[name] = called
        return made

    def _prompts(self) -> Iterator[Prompt]:
        raw = self._fields.get("prompts", ())
        for number, each in enumerate(cast("list[Any]", raw) if isinstance(raw, list) else [raw]):
            yield from self._tried(read_prompts, each, f"prompts[{number}]", self._near) or ()

    def _running(self) -> SuiteRunning:
        fields = mapping(self._fields.get("evaluateOptions"), "evaluateOptions")
        made: dict[str, Any] = {}
        for theirs, ours in (("repeat", "repeats"), ("maxConcurrency", "concurrency")):
            if fields.get(theirs) is not None:
                made[ours] = fields[theirs]
        if fields.get("timeoutMs"):
            made["timeout_s"] = fields["timeoutMs"] / 1000
        if fields.get("cache") is False:
            made["cache"] = False
        if fields.get("delay"):
            made["concurrency"] = 1
            self.notes.append("evaluateOptions.delay is left out: cases are asked one after the other.")
        try:
            return msgspec.convert(made, SuiteRunning)
        except msgspec.ValidationError as error:
            raise Refused("evaluateOptions", f"{error}.", "Mend it.") from None

    def _default(self) -> dict[str, Any]:
        raw: Any = self._fields.get("defaultTest")
        if isinstance(raw, str):
            raw = self._near.folder.data(raw, "defaultTest")
        fields = mapping(raw, "defaultTest")
        refuse_rest(fields, "defaultTest")
        return fields

    def _tests(self) -> Iterator[tuple[dict[str, Any], str]]:
        raw: Any = self._fields.get("tests")
        scenarios = self._fields.get("scenarios")
        if not raw and not scenarios:
            raw = [{}]
        for number, each in enumerate(cast("list[Any]", raw) if isinstance(raw, list) else [raw] if raw else []):
            path = f"tests[{number}]" if isinstance(raw, list) else "tests"
            yield from self._tried(self._listed, each, path) or ()
        if scenarios:
            yield from self._tried(lambda: list(scenarios_of(scenarios, self._near))) or ()

    def _listed(self, raw: Any, path: str) -> list[tuple[dict[str, Any], str]]:
        return list(tests_of(raw, path, self._near))

    def _of_test(self, raw: dict[str, Any], path: str, default: Mapping[str, Any]) -> Sequence[Test]:
        return self._tried(self._made_of_test, raw, path, default) or ()

    def _made_of_test(self, raw: dict[str, Any], path: str, default: Mapping[str, Any]) -> list[Test]:
        fields = mapping(resolved(self._fields, raw, path), path)
        refuse_rest(fields, path)
        own = fields.get("vars")
        own = self._near.folder.data(own, f"{path}.vars") if isinstance(own, str) else own
        given = {**mapping(default.get("vars"), "defaultTest.vars"), **mapping(own, f"{path}.vars")}
        options = mapping(default.get("options"), "defaultTest.options") | mapping(
            fields.get("options"), f"{path}.options"
        )
        changing = transforms(
            options.get("transform") or options.get("postprocess"), f"{path}.options.transform", self._near.folder
        )
        made: list[Test] = []
        for variables in variables_of(given, options, path, self._near):
            sources: list[tuple[Mapping[str, Any], str]] = [(default, "defaultTest"), (fields, path)]
            each = [
                msgspec.structs.replace(one, check=with_transforms(one.check, changing))
                for source, place in sources[bool(options.get("disableDefaultAsserts")) :]
                for one in self._asserted(source, place, variables, options)
            ]
            checks = combined(each, fields.get("threshold", default.get("threshold")), path)
            metadata = mapping(default.get("metadata"), "defaultTest.metadata")
            metadata |= mapping(fields.get("metadata"), f"{path}.metadata")
            name = str(fields.get("description") or "")
            test = Test(Case(id=name[:150], variables=variables, metadata=metadata), checks)
            self._around[id(test)] = (str(options.get("prefix") or ""), str(options.get("suffix") or ""))
            made.append(test)
        return made

    def _asserted(
        self, fields: Mapping[str, Any], path: str, variables: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Iterator[Asserted]:
        raw: Any = fields.get("assert") or []
        if not isinstance(raw, list):
            raise Refused(f"{path}.assert", "Assertions are a list.", "Write - type: contains.")
        for number, each in enumerate(cast("list[Any]", raw)):
            at = f"{path}.assert[{number}]"
            given = self._tried(filled_in, resolved(self._fields, each, at), variables, at, self._near.nunjucks)
            made = (
                None if given is None else self._tried(asserted, given, at, self._near.folder, self._grading, options)
            )
            if made is not None:
                yield made

    def _targets(
        self, providers: Sequence[Provider], prompts: Sequence[Prompt], tests: list[Test]
    ) -> tuple[list[SuiteTarget], list[Test]]:
        """Every provider with each of its prompts. What no template of ours can say is put into the cases."""
        names: set[str] = set()
        targets: list[SuiteTarget] = []
        put: list[dict[str, Any]] = [{} for _ in tests]
        plain = not any(any(around) for around in self._around.values())
        for provider in providers:
            for number, prompt in enumerate(prompts, start=1):
                if not provider.takes(prompt.label, number):
                    continue
                own = own_template(prompt, [test.case.variables for test in tests]) if plain else None
                if own is None:
                    name = f"{MADE}{number}{provider.key if prompt.script is not None else provider.form}"
                    asked = Asked(provider.id, provider.target.name, provider.chat)
                    for test, values in zip(tests, put, strict=True):
                        if name not in values:
                            around = self._around[id(test)]
                            values[name] = for_case(prompt, test.case.variables, asked, self._near, around)
                    own = f"{{{{{name}}}}}"
                told = re.sub(r"[^A-Za-z0-9_.:/@ -]", "-", prompt.label) or f"prompt {number}"
                wanted = f"{provider.target.name} {told}" if len(prompts) > 1 else provider.target.name
                targets.append(msgspec.structs.replace(provider.target, name=_free(wanted, names), template=own))
        if not targets:
            raise Refused("providers", "No provider takes any of the prompts.", "Check the labels of the prompts.")
        return targets, [_with(test, values) for test, values in zip(tests, put, strict=True)]


def _with(test: Test, values: Mapping[str, Any]) -> Test:
    case = msgspec.structs.replace(test.case, variables={**test.case.variables, **values})
    return msgspec.structs.replace(test, case=case)


def _free(wanted: str, names: set[str]) -> str:
    base = name = wanted[:115].rstrip()
    again = 2
    while name in names:
        name, again = f"{base} {again}", again + 1
    names.add(name)
    return name
