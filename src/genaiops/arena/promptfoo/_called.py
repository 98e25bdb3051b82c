"""Assertions of tools, skills, form and endpoints as checks."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from genaiops.arena.promptfoo._files import mapping
from genaiops.arena.promptfoo._given import Given, Maker
from genaiops.domain import SuiteCheck

_DIALECTS: Final = {
    "athena": "athena",
    "bigquery": "bigquery",
    "hive": "hive",
    "mariadb": "mysql",
    "mysql": "mysql",
    "postgresql": "postgres",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "sqlite": "sqlite",
    "transactsql": "tsql",
    "trino": "trino",
}


def _wildcards(raw: Any, given: Given) -> str:
    """The name of a step, as a text or in an object."""
    fields = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {"name": raw}
    kinds: Any = fields.get("type", "tool")
    if "tool" not in (kinds if isinstance(kinds, list) else [kinds]):
        raise given.refused(
            "value", f"Steps of the type {kinds} are not known here: only calls of tools are.", "Take it out."
        )
    name = fields.get("pattern") or fields.get("name")
    if not isinstance(name, str) or not name.strip():
        raise given.refused("value", "A tool has no name, and no pattern.", "Write name: ...")
    return name


def _bounds(fields: Mapping[str, Any], given: Given) -> dict[str, int]:
    found: dict[str, int] = {}
    for theirs, ours in (("min", "least"), ("max", "most")):
        value = fields.get(theirs)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise given.refused(f"value.{theirs}", f"{theirs} is a whole number from 0 on.")
        found[ours] = value
    if found.get("most", 0) < found.get("least", 0) and "most" in found:
        raise given.refused("value", "min is greater than max.")
    return found


def _used(given: Given) -> SuiteCheck:
    metric = "skill_used" if given.base == "skill-used" else "tool_path"
    value = given.value
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        bounds = _bounds(fields, given)
        if "least" not in bounds and not (metric == "skill_used" and "most" in bounds):
            bounds["least"] = 1
        if given.negate and metric == "skill_used" and fields.get("max") == 0:
            bounds = {"least": 1}  # not used at all, there
        name = (
            _wildcards({key: each for key, each in fields.items() if key != "type"}, given)
            if metric == "skill_used"
            else _wildcards(fields, given)
        )
        return SuiteCheck(metric=metric, options={"asks": "count", "names": [name], **bounds})
    listed = cast("list[Any]", value) if isinstance(value, list) else [value]
    names = [_wildcards(each, given) for each in listed]
    if not names:
        raise given.refused("value", f"{given.base} names nothing.", "Write a name.")
    asks = "none" if given.negate else "all"
    return SuiteCheck(metric=metric, options={"asks": asks, "names": names}, negate=given.negate)


def _steps(given: Given) -> SuiteCheck:
    fields = mapping(given.value, f"{given.path}.value")
    bounds = _bounds(fields, given)
    if not bounds:
        raise given.refused("value", "A count of steps has neither min nor max.", "Write one.")
    name = _wildcards({"name": "*", **fields}, given)
    given.grading.note("trajectory:step-count counts calls of tools, which are the steps that answers bring.")
    return SuiteCheck(metric="tool_path", options={"asks": "count", "names": [name], **bounds})


def _sequence(given: Given) -> SuiteCheck:
    value: Any = given.value
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {"steps": value}
    steps = fields.get("steps")
    mode = fields.get("mode", "in_order")
    if not isinstance(steps, list) or not steps or mode not in ("in_order", "exact"):
        raise given.refused("value", "A sequence has steps, and the mode in_order or exact.")
    names = [_wildcards(each, given) for each in cast("list[Any]", steps)]
    return SuiteCheck(metric="tool_path", options={"asks": "sequence", "names": names, "exact": mode == "exact"})


def _arguments(given: Given) -> SuiteCheck:
    fields = mapping(given.value, f"{given.path}.value")
    expected = fields.get("args", fields.get("arguments"))
    mode, ignore = fields.get("mode", "partial"), fields.get("ignore", [])
    listed = cast("list[Any]", ignore) if isinstance(ignore, list) else [ignore]
    if expected is None or mode not in ("partial", "exact") or not all(isinstance(each, str) for each in listed):
        raise given.refused("value", "It takes args, mode (partial or exact), defaults, and ignore: names.")
    options: dict[str, Any] = {
        "asks": "arguments",
        "names": [_wildcards(fields, given)],
        "arguments": expected,
        "exact": mode == "exact",
    }
    if listed:
        options["ignore"] = listed
    if fields.get("defaults"):
        options["defaults"] = mapping(fields["defaults"], f"{given.path}.value.defaults")
    return SuiteCheck(metric="tool_path", options=options)


def _f1(given: Given) -> SuiteCheck:
    value: Any = given.value
    names = [each.strip() for each in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        raise given.refused("value", "tool-call-f1 takes names of tools.", "Write value: [name, ...].")
    listed = [str(each) for each in cast("list[Any]", names)]
    threshold = 1.0 if given.threshold is None else given.threshold
    return SuiteCheck(metric="tool_call_f1", options={"tools": listed}, threshold=threshold)


def _sql(given: Given) -> SuiteCheck:
    fields = mapping(given.value, f"{given.path}.value")
    named = str(fields.get("databaseType") or "MySQL")
    dialect = _DIALECTS.get(named.casefold())
    if dialect is None:
        raise given.refused(
            "value.databaseType", f"{named} is no dialect that is known here.", f"There are: {', '.join(_DIALECTS)}."
        )
    options: dict[str, Any] = {"dialect": dialect}
    for theirs, ours in (("allowedTables", "tables"), ("allowedColumns", "columns")):
        if fields.get(theirs):
            options[ours] = fields[theirs]
    if given.base == "contains-sql":
        options["around"] = True
    return SuiteCheck(metric="is_sql", options=options)


def _xml(given: Given) -> SuiteCheck:
    value: Any = given.value
    if isinstance(value, dict):
        value = cast("dict[str, Any]", value).get("requiredElements")
    listed = [each.strip() for each in value.split(",")] if isinstance(value, str) else value
    if listed is not None and not isinstance(listed, list):
        raise given.refused("value", "Elements are a list, or a text with commas between them.")
    elements = [str(each) for each in cast("list[Any]", listed or [])]
    if given.base == "is-xml" and not elements:
        return SuiteCheck(metric="is_xml")
    around = {"around": True} if given.base == "contains-xml" else {}
    return SuiteCheck(metric="xml_elements", options={**({"elements": elements} if elements else {}), **around})


def _guardrails(given: Given) -> SuiteCheck:
    config = mapping(given.fields.get("config"), f"{given.path}.config")
    if config.get("purpose") == "redteam":
        raise given.refused(
            "config.purpose",
            "A guardrail of a red team passes the whole test there, which is not done here.",
            "Take it out.",
        )
    return SuiteCheck(metric="guarded")


def _perplexity(given: Given) -> SuiteCheck:
    return SuiteCheck(metric=given.base.replace("-", "_"), threshold=given.threshold)


def _webhook(given: Given) -> SuiteCheck:
    if not isinstance(given.value, str) or not given.value.startswith(("http://", "https://")):
        raise given.refused("value", "webhook takes an address.", "Write value: https://...")
    return SuiteCheck(metric="webhook", options={"url": given.value})


def checked(check: SuiteCheck, negate: bool) -> SuiteCheck:
    """`asks = none` is already what `not-` means: no name of the list was called."""
    if check.negate:
        return msgspec.structs.replace(check, negate=False)
    return msgspec.structs.replace(check, negate=negate)


CALLED: Final[Mapping[str, Maker]] = {
    "trajectory:tool-used": _used,
    "trajectory:tool-args-match": _arguments,
    "trajectory:tool-sequence": _sequence,
    "trajectory:step-count": _steps,
    "skill-used": _used,
    "tool-call-f1": _f1,
    "is-sql": _sql,
    "contains-sql": _sql,
    "is-xml": _xml,
    "contains-xml": _xml,
    "guardrails": _guardrails,
    "perplexity": _perplexity,
    "perplexity-score": _perplexity,
    "webhook": _webhook,
}
