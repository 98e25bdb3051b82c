"""Guard policies on the command line: what push, show, diff and their like say of them."""

from pathlib import Path
from typing import Any

import msgspec

from genaiops.cli._described import read_texts, to_yaml
from genaiops.cli._output import Column
from genaiops.cli._people import with_names
from genaiops.cli._policy_of_consent import APPROVALS
from genaiops.cli._session import Session
from genaiops.cli._values import short_time
from genaiops.core.errors import NotFound, UsageError
from genaiops.sdk import path_of

_FORMS = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}

_COLUMNS = (
    Column("NAME", "name"),
    Column("IN FORCE", lambda row: _short(row["digest"]) + (" (as it came)" if row["builtin"] else "")),
    Column("RULES", "rules", right=True),
    Column("DO", lambda row: [f"{action} {count}" for action, count in row["actions"].items()]),
    Column("ALIASES", lambda row: sorted(row["aliases"]), rank=1),
    Column("DESCRIPTION", "description", rank=2, elastic=True),
)
_USES = (
    Column("GUARDS", "kind"),
    Column("NAME", "name"),
    Column("AS", "reference"),
)


def source_of(text: str, form: str | None) -> dict[str, Any]:
    """What a request says of a policy: a file's text where there is such a file, else a name."""
    if text != "-" and not Path(text).is_file():
        if Path(text).suffix in _FORMS:
            raise UsageError(f"There is no file {text}.", remedy="Name a file, or a policy.", param="file")
        return {"guard": text}
    ((_, content),) = read_texts(text)
    return {"text": content, "form": form or _FORMS.get(Path(text).suffix)}


def list_guards(session: Session) -> None:
    rows = session.items("/api/guards")
    session.output.rows(rows, _COLUMNS, empty="There is no guard policy.")
    session.output.note(f"The policy of consent: genaiops policy show {APPROVALS}.")


def show_guard(session: Session, reference: str, version: str | None) -> None:
    """The policy as push reads it; what comes with it goes to standard error."""
    name, _, tail = reference.partition("@")
    found = session.client.get(path_of("/api/guards", name), {"version": version or tail or "current"})
    if session.output.as_json:
        session.output.json(found)
        return
    text: str = found["text"] or to_yaml(found["policy"])
    session.output.line(text.rstrip())
    named: dict[str, list[str]] = {}
    for alias, digest in found["aliases"].items():
        named.setdefault(digest, []).append(alias)
    session.output.note(f"{name}@{_short(found['digest'])}" + (", as it came" if found["builtin"] else ""))
    for row in with_names(session, reversed(found["versions"]), "created_by"):
        aliases = ", ".join(sorted(named.get(row["digest"], ()))) or "-"
        when = short_time(row["created_at"])
        session.output.note(f"version {_short(row['digest'])} ({aliases}), {when} by {row['created_by_name']}")
    for use in found["uses"]:
        session.output.note(f"guards the {use['kind']} {use['name']} as {use['reference']}")


def push_guard(session: Session, name: str, source: dict[str, Any], more: dict[str, Any]) -> None:
    if "guard" in source:
        raise NotFound(f"There is no file {source['guard']}.", remedy="Write NAME FILE.", param="file")
    alias = None if more["alias"] == "none" else more["alias"]
    made = session.write("PUT", path_of("/api/guards", name), {**source, **more, "alias": alias})
    named = f", and {name}@{alias} names it" if alias else ""
    session.output.result(made, f"{name}@{_short(made['digest'])} is kept{named}.")


def diff_guards(session: Session, before: str, after: str, form: str | None, *, lines: bool) -> int:
    """Status 1 when they differ; with `lines` in their texts."""
    body = {"before": source_of(before, form), "after": source_of(after, form)}
    found = session.client.post("/api/guards/diff", body)
    differences: list[dict[str, Any]] = found["differences"]
    if session.output.as_json:
        session.output.json(found)
    elif lines:
        if found["text"] is None:
            raise UsageError(
                "One of them was not pushed as a text.", remedy="Leave --text out.", param="text", code="no_text"
            )
        for line in found["text"] or ["They are written in the same way."]:
            session.output.line(line)
    elif not differences:
        session.output.line("They say the same.")
    else:
        for one in differences:
            _tell_difference(session, one)
    return 1 if (found["text"] if lines else differences) else 0


def move_alias(session: Session, alias: str, version: str | None, *, remove: bool, why: dict[str, str | None]) -> None:
    name, _, tail = alias.partition("@")
    if not tail:
        raise UsageError(f"{alias!r} names no alias.", remedy="Write NAME@ALIAS.", param="alias")
    if name == APPROVALS:
        raise UsageError(
            "The policy of consent is moved by pushing it.",
            remedy=f"Use genaiops policy push {APPROVALS} FILE.",
            param="alias",
        )
    path = path_of("/api/guards", name, "aliases", tail)
    if remove:
        session.write("DELETE", path)
        session.output.result({"alias": alias, "removed": True}, f"{alias} is removed.")
        return
    wanted = {"undo": True} if version is None else {"version": version.removeprefix(f"{name}@")}
    moved = session.write("PUT", path, {**wanted, **why})
    session.output.result(moved, f"{alias} names {_short(moved['version_id'].rpartition('@')[2])}.")


def check_file(session: Session, source: dict[str, Any], file: str) -> int:
    """Status 1 when something is wrong."""
    if "guard" in source:
        raise UsageError(f"There is no file {file}.", remedy="Name a file.", param="file")
    found = session.client.post("/api/guards/check", source)
    if session.output.as_json:
        session.output.json(found)
    else:
        for fault in found["faults"]:
            place = file if fault["line"] is None else f"{file}:{fault['line']}"
            about = f"{fault['path']}: " if fault["path"] else ""
            session.output.line(f"{place}: {about}{fault['message']} {fault['remedy']}")
        if not found["faults"]:
            session.output.line(f"{file} is a guard policy of {len(found['policy'].get('rules', ()))} rules.")
    return 1 if found["faults"] else 0


def _tell_difference(session: Session, one: dict[str, Any]) -> None:
    what = {"": "the policy", "tools": "tools"}.get(one["rule"], f"rule {one['rule']}")
    word = {"moved": "the order of the rules is another"}.get(one["change"], f"{what} is {one['change']}")
    weight = {"strictly": "  (stricter)", "mildly": "  (milder)"}.get(one["weight"], "")
    session.output.line(f"{word}{weight}")
    for field in one["fields"]:
        session.output.line(f"  {field['field']}: {_text(field['before'])} -> {_text(field['after'])}")


def _text(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _short(digest: str | None) -> str:
    """Enough of a digest to know it by, where people read."""
    return "-" if digest is None else digest[:19]
