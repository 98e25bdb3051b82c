"""`genaiops policy`: which changes need another person's consent."""

import difflib
from typing import Any

import click

from genaiops.cli._described import read_yaml, to_yaml
from genaiops.cli._guard_figures import add_verbs
from genaiops.cli._noun import noun
from genaiops.cli._session import Session, connected, consenting
from genaiops.core.errors import NotFound

command = noun("policy", "The policy of consent: which changes another person has to approve.")

_PLACE = "/api/policies/approvals"


@command.verb("show", example="genaiops policy show")
@click.option("--version", help="A version other than the one in force: its id, or how its digest begins.")
@connected
def show(session: Session, version: str | None) -> None:
    """Show the policy in force, in the form that push reads."""
    found = session.client.get(_PLACE)
    policy = found["policy"] if version is None else _version(found, version)
    if session.output.as_json:
        session.output.json(found if version is None else policy)
    else:
        session.output.line(to_yaml(policy).rstrip())


@command.verb("push", example="genaiops policy push policy.yaml --reason 'staging is protected too'")
@click.argument("file")
@consenting
@connected
def push(session: Session, file: str, **why: str | None) -> None:
    """Keep a version of the policy; it is in force once another person consents."""
    body = {"policy": read_yaml(file).document, **why}
    made = session.write("PUT", _PLACE, body)
    session.output.result(made, f"In force: {made['version']}.")


@command.verb("diff", example="genaiops policy diff policy.yaml")
@click.argument("file")
@connected
def diff(session: Session, file: str) -> int:
    """Show how a file differs from the policy in force; status 1 when it does."""
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
    raise NotFound(f"The policy has no version {wanted!r}.", remedy="See genaiops policy show --json.", param="version")


add_verbs(command)
