"""The policy `approvals`: which changes another person has to approve."""

import difflib
from typing import Any

from genaiops.cli._described import read_yaml, to_yaml
from genaiops.cli._session import Session
from genaiops.core.errors import NotFound

APPROVALS = "approvals"
_PLACE = "/api/policies/approvals"


def show_approvals(session: Session, version: str | None) -> None:
    found = session.client.get(_PLACE)
    policy = found["policy"] if version is None else _version(found, version)
    if session.output.as_json:
        session.output.json(found if version is None else policy)
    else:
        session.output.line(to_yaml(policy).rstrip())


def push_approvals(session: Session, file: str, why: dict[str, str | None]) -> None:
    body = {"policy": read_yaml(file).document, **why}
    made = session.write("PUT", _PLACE, body)
    session.output.result(made, f"In force: {made['version']}.")


def diff_approvals(session: Session, file: str) -> int:
    """Status 1 when the file differs from the policy in force."""
    before: dict[str, Any] = session.client.get(_PLACE)["policy"]
    after: dict[str, Any] = {**before, **read_yaml(file).document}
    changes = {name: {"from": before.get(name), "to": after[name]} for name in after if before.get(name) != after[name]}
    if session.output.as_json:
        session.output.json(changes)
    else:
        former, new = to_yaml(before).splitlines(), to_yaml(after).splitlines()
        for line in difflib.unified_diff(former, new, "in force", file, lineterm=""):
            session.output.line(line)
    return 1 if changes else 0


def _version(found: dict[str, Any], wanted: str) -> dict[str, Any]:
    for version in found["versions"]:
        if wanted in (version["id"], version["digest"]) or version["digest"].removeprefix("sha256:").startswith(wanted):
            return version["manifest"]
    raise NotFound(
        f"The policy has no version {wanted!r}.", remedy="See genaiops policy show approvals --json.", param="version"
    )
