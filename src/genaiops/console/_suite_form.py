"""The form that writes a suite: what people filled in as TOML, and faults beside their fields."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast, get_args

import msgspec

from genaiops.arena import Proposal, cases_of, cases_of_text, proposal, read_suite, written_suite
from genaiops.checks.metrics import metric
from genaiops.checks.written import Fault
from genaiops.console._forms import decimal_of, typed, whole_of
from genaiops.console._visit import Form
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import MetricCard, Suite, SuiteTask

TASKS: Final[tuple[str, ...]] = get_args(SuiteTask)
INLINE: Final = 200
"""So many cases stand in the suite itself; more become a dataset."""
WANTS: Final[Mapping[str, str]] = {
    "": "nothing of its own",
    "floor": "at least",
    "margin": "worse than the baseline by less than",
    "improves": "better than the baseline",
    "tolerance": "share that fails at most",
}
"""What a check wants, as fields of a suite have it."""
SOURCES: Final[Mapping[str, str]] = {
    "examples": "Examples of the task, to begin with",
    "text": "Pasted, or out of a file",
    "dataset": "A dataset of the Hub",
    "traces": "Calls that were recorded",
}
WAYS: Final = ("model", "prompt", "application", "release", "recorded")
_COUNTED: Final = frozenset({"code", "sql"})
"""Tasks of which a case counts when one of several tries passes."""
Keep = Callable[[str, Sequence[Mapping[str, Any]]], str]
"""(name of a dataset, rows) -> the version that has them, as a suite names it."""


class CheckRow(msgspec.Struct, frozen=True):
    """A metric that may be a check. `proposed`: it is ticked to begin with."""

    card: MetricCard
    proposed: bool


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """`values` as they were typed; `faults`: field -> what is wrong; `wrong`: what is wrong with the text, by line.
    `suite` None: there is a fault, or no text yet."""

    values: Mapping[str, str]
    faults: Mapping[str, str] = {}
    wrong: Sequence[Fault] = ()
    suite: Suite | None = None

    @property
    def text(self) -> str:
        return self.values.get("text", "")


def check_rows(task: str) -> Sequence[CheckRow]:
    """Those that are proposed for the task first, then its others."""
    start = proposal(cast("SuiteTask", task))
    named = [(each["metric"], True) for each in start.checks] + [(name, False) for name in start.others]
    return [CheckRow(metric(name).card, chosen) for name, chosen in named]


def begun(task: str, model: str) -> dict[str, str]:
    """The fields to begin with: what `genaiops suite new --task` writes. UsageError for a task that is none."""
    if task not in TASKS:
        raise UsageError(f"There is no task {task[:40]!r}.", remedy=f"There are: {', '.join(TASKS)}.", param="task")
    start = proposal(cast("SuiteTask", task))
    candidate = "recorded:" if start.recorded or not model else f"model:{model}"
    values = {"task": task, "source": "examples", "candidate": candidate, "system": start.ask, "alpha": "0.05"}
    values |= {"errors": "0.05", "repeats": str(start.tries), "since": "7d", "most": "200"}
    for check in start.checks:
        name = check["metric"]
        values[f"check:{name}"] = "yes"
        values[f"threshold:{name}"] = typed(check.get("threshold"))
        values[f"options:{name}"] = "" if "options" not in check else _inline(check["options"])
    return values


def made(form: Form, keep: Keep) -> Draft:
    """The text that the fields say. Whatever is wrong with single fields is found at once."""
    faults: dict[str, str] = {}
    document = _document(form, faults, keep)
    if faults:
        return Draft(values=form, faults=faults)
    return looked_at({**form, "text": written_suite(document)})


def looked_at(form: Form) -> Draft:
    """The same, with what is wrong with the text as `genaiops suite check` tells it."""
    text = form.get("text", "").replace("\r\n", "\n")
    values = {**form, "text": text}
    read = read_suite(text)
    if read.suite is None:
        return Draft(values=values, wrong=read.faults)
    try:
        if not read.suite.cases:
            cases_of(msgspec.structs.replace(read.suite, shots=None, target=()), folder=None)
    except UsageError as error:
        return Draft(values=values, wrong=(Fault(message=error.message, remedy=error.remedy or "", path="case"),))
    return Draft(values=values, suite=read.suite)


def _document(form: Form, faults: dict[str, str], keep: Keep) -> dict[str, Any]:
    task = form.get("task", "")
    start = proposal(cast("SuiteTask", task))
    targets = _targets(form, start, faults)
    asked = not any(target.get("recorded") for target in targets[:1])
    repeats = _tried(whole_of, form, "repeats", 1, faults) if asked else 1
    document: dict[str, Any] = {"task": task, "description": form.get("description", "").strip() or None}
    protects = [each for each in form.get("protects", "").replace(",", " ").split() if each]
    document |= {"protects": protects or None, "target": targets}
    document |= _cases(form, start, faults, keep)
    document["check"] = _checks(form, task, faults, pass_at=repeats if task in _COUNTED and repeats > 1 else None)
    run: dict[str, Any] = {"repeats": repeats} if repeats > 1 else {}
    if form.get("spend", "").strip():
        run["spend"] = form["spend"].strip()
    gate: dict[str, Any] = {"baseline": targets[1]["name"]} if len(targets) > 1 else {}
    for name, usual in (("alpha", 0.05), ("errors", 0.05)):
        value = _tried(decimal_of, form, name, usual, faults)
        gate |= {name: value} if value != usual else {}
    return {**document, "run": run, "gate": gate}


def _targets(form: Form, start: Proposal, faults: dict[str, str]) -> list[dict[str, Any]]:
    targets = [_target(form, "candidate", start)]
    if targets[0] is None:
        faults["candidate"] = "Choose what answers."
    if form.get("baseline"):
        targets.append(_target(form, "baseline", start))
    found = [each for each in targets if each is not None]
    if len(found) == 2 and found[0] == found[1]:
        faults["baseline"] = "That is the candidate itself. Choose another, or none."
    if len(found) == 2 and found[0]["name"] == found[1]["name"]:
        found[1]["name"] = "baseline"
    return found


def _target(form: Form, field: str, start: Proposal) -> dict[str, Any] | None:
    way, _, name = form.get(field, "").partition(":")
    if way not in WAYS or (not name and way != "recorded"):
        return None
    if way == "recorded":
        return {"name": "recorded", "recorded": True}
    target: dict[str, Any] = {"name": name.partition("@sha256:")[0], way: name}
    if way == "prompt" and form.get("prompt_model"):
        target["model"] = form["prompt_model"]
    if way == "model" and form.get("system", "").strip():
        target["system"] = form["system"].strip()
    if way == "model" and start.tries > 1:
        target["parameters"] = {"temperature": 0.8, "max_tokens": 300}
    return target


def _cases(form: Form, start: Proposal, faults: dict[str, str], keep: Keep) -> dict[str, Any]:
    source = form.get("source", "")
    recorded = form.get("candidate") == "recorded:"
    if source == "examples":
        left = () if recorded else ("output",)
        return {"case": [{name: each for name, each in case.items() if name not in left} for case in start.cases]}
    if source == "text":
        return _pasted(form, faults, keep)
    most = _tried(whole_of, form, "most", None, faults)
    if source == "dataset":
        if not form.get("dataset", "").strip():
            faults["dataset"] = "Choose a dataset. Keep one: genaiops dataset push NAME FILE"
        fields = _fields(form)
        return {"cases": [{"dataset": form.get("dataset", "").strip(), "fields": fields or None, "limit": most}]}
    if source == "traces":
        names = ("application", "model", "since", "score", "q")
        found = {name: form.get(name, "").strip() for name in names}
        traces: dict[str, Any] = {name: said for name, said in found.items() if said}
        if "score" in traces:
            traces["score"] = [traces["score"]]
        fields = {"expected": "output"} if form.get("answered") else None
        return {"cases": [{"traces": traces or {"since": "7d"}, "fields": fields, "limit": most}]}
    faults["source"] = "Choose where the cases come from."
    return {}


def _pasted(form: Form, faults: dict[str, str], keep: Keep) -> dict[str, Any]:
    try:
        cases = cases_of_text(form.get("rows", ""), _fields(form))
    except UsageError as error:
        place = {"input": "input_from", "expected": "expected_from"}.get(error.param or "", "rows")
        faults[place] = str(error)
        return {}
    if form.get("candidate") == "recorded:" and not any("output" in case for case in cases):
        faults["candidate"] = "No case brings an output. Choose who is asked."
    if len(cases) <= INLINE:
        return {"case": cases}
    if not form.get("name", "").strip():
        faults["name"] = f"{len(cases):,} cases become a dataset, which is called after the suite: give it a name."
        return {}
    return {"cases": [{"dataset": keep(f"{form['name'].strip()}/cases", cases)}]}


def _fields(form: Form) -> dict[str, str]:
    found = {name: form.get(f"{name}_from", "").strip() for name in ("input", "expected")}
    return {name: column for name, column in found.items() if column}


def _checks(form: Form, task: str, faults: dict[str, str], *, pass_at: int | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in (row.card.name for row in check_rows(task)):
        if not form.get(f"check:{name}"):
            continue
        check: dict[str, Any] = {"metric": name, "options": _options(form, f"options:{name}", faults)}
        check["threshold"] = _tried(decimal_of, form, f"threshold:{name}", None, faults)
        wants, bound = form.get(f"wants:{name}", ""), f"bound:{name}"
        if wants == "improves":
            check["improves"] = True
        elif wants in WANTS and wants:
            check[wants] = _tried(decimal_of, form, bound, None, faults)
            if check[wants] is None:
                faults.setdefault(bound, f"How much is {WANTS[wants]}?")
        elif form.get(bound, "").strip():
            faults[bound] = "What does it bound? Choose what the gate wants."
        if pass_at is not None and not wants:
            check |= {"pass_at": pass_at, "floor": 0.1}
        found.append({field: value for field, value in check.items() if value is not None})
    if not found:
        faults["checks"] = "Tick one check at least."
    lost = [] if form.get("source") != "traces" or form.get("answered") else [each for each in found if _needs(each)]
    if lost:
        named = ", ".join(each["metric"] for each in lost)
        faults["checks"] = (
            f"Recorded calls do not bring what is expected, which these need: {named}. "
            "Tick others, or say that what was answered then is right."
        )
    return found


def _needs(check: Mapping[str, Any]) -> bool:
    """Whether it needs what is expected. What is wrong with its options is told with the text."""
    try:
        return "expected" in metric(check["metric"], check.get("options") or {}).card.needs
    except UsageError:
        return False


def _options(form: Form, field: str, faults: dict[str, str]) -> dict[str, Any] | None:
    text = form.get(field, "").strip()
    if not text:
        return None
    try:
        found = tomllib.loads(f"options = {text}")["options"]
    except tomllib.TOMLDecodeError:
        found = None
    if not isinstance(found, dict):
        faults[field] = 'Write options as { name = value }, such as { labels = ["spam", "ham"] }.'
        return None
    return cast("dict[str, Any]", found)


def _inline(options: Mapping[str, Any]) -> str:
    return written_suite({"options": options}).strip().removeprefix("options = ")


def _tried(read: Callable[[Form, str, Any], Any], form: Form, name: str, missing: Any, faults: dict[str, str]) -> Any:
    try:
        return read(form, name, missing)
    except GenaiopsError as error:
        faults[name] = str(error)
        return missing
