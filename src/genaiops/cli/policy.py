"""`genaiops policy`: what guards calls, and which changes need another person's consent."""

from typing import Any

import click

from genaiops.cli._fingerprints import fingerprint, list_documents, show_documents, undo_documents
from genaiops.cli._guard_detectors import list_detectors, show_detector
from genaiops.cli._guard_figures import add_verbs
from genaiops.cli._guard_policies import (
    check_file,
    diff_guards,
    list_guards,
    move_alias,
    push_guard,
    show_guard,
    source_of,
)
from genaiops.cli._guard_trials import list_replays, one_replay, replay_policy, test_policy
from genaiops.cli._noun import noun
from genaiops.cli._policy_of_consent import APPROVALS, diff_approvals, push_approvals, show_approvals
from genaiops.cli._session import Session, connected, consenting
from genaiops.core.errors import UsageError

command = noun("policy", "Policies: what guards calls, and which changes need another person's consent.")

_FORM = click.option("--form", type=click.Choice(["toml", "yaml", "json"]), help="What the file is. [by its name]")


@command.verb("list", example="genaiops policy list")
@connected
def list_(session: Session) -> None:
    """List the guard policies, and the policy of consent."""
    list_guards(session)


@command.verb("show", example="genaiops policy show default")
@click.argument("name", default=APPROVALS)
@click.option("--version", help="A version other than the one in force: an alias, its digest, or how that begins.")
@connected
def show(session: Session, name: str, version: str | None) -> None:
    """Show a policy in the form that push reads. The name approvals: which changes need consent."""
    if name == APPROVALS:
        show_approvals(session, version)
    else:
        show_guard(session, name, version)


@command.verb("push", example="genaiops policy push support support.toml")
@click.argument("name")
@click.argument("file", required=False)
@click.option("--alias", default="current", show_default=True, help="The alias that names the version; none: no alias.")
@click.option("--title", help="A line for people.")
@_FORM
@consenting
@connected
def push(
    session: Session,
    name: str,
    file: str | None,
    alias: str,
    title: str | None,
    form: str | None,
    **why: str | None,
) -> None:
    """Keep a version of a policy and bring it into force: TOML, YAML or JSON, - is standard input."""
    if file is None:  # as long as there was only one policy, it had no name here
        name, file = APPROVALS, name
        session.output.note(f"Taken as {APPROVALS} {file}: the name comes first, then the file.")
    if name == APPROVALS:
        push_approvals(session, file, why)
    else:
        push_guard(session, name, source_of(file, form), {"alias": alias, "title": title, **why})


@command.verb("diff", example="genaiops policy diff default support.toml")
@click.argument("before")
@click.argument("after", required=False)
@click.option("--text", "lines", is_flag=True, help="Their texts line by line, comments included.")
@_FORM
@connected
def diff(session: Session, before: str, after: str | None, form: str | None, lines: bool) -> int:
    """Say what the second policy has in another way than the first: names, NAME@ALIAS, or files. Exit status 1 when
    they differ. With one file: against the policy of consent."""
    if after is None or before == APPROVALS:
        return diff_approvals(session, after or before)
    return diff_guards(session, before, after, form, lines=lines)


@command.verb("alias", example="genaiops policy alias support@current sha256:0123456789ab")
@click.argument("alias")
@click.argument("version", required=False)
@click.option("--undo", is_flag=True, help="What it named before its last move.")
@click.option("--remove", is_flag=True, help="Take the alias away.")
@consenting
@connected
def alias_(session: Session, alias: str, version: str | None, undo: bool, remove: bool, **why: str | None) -> None:
    """Let NAME@ALIAS name another VERSION: its digest, how that begins, or another alias."""
    if (version is not None) + undo + remove != 1:
        raise UsageError("Where is the alias to point?", remedy="Give a VERSION, --undo or --remove.", param="version")
    move_alias(session, alias, version, remove=remove, why=why)


@command.verb("check", example="genaiops policy check support.toml")
@click.argument("file")
@_FORM
@connected
def check(session: Session, file: str, form: str | None) -> int:
    """Say what is wrong with a guard policy, with lines. Exit status 1 when something is."""
    return check_file(session, source_of(file, form), file)


@command.verb("schema", example="genaiops policy schema")
@connected
def schema(session: Session) -> None:
    """Print the JSON Schema of guard policies."""
    session.output.json(session.client.get("/api/guards/schema"))


@command.verb("test", example="genaiops policy test support.toml cases.jsonl")
@click.argument("policy")
@click.argument("cases")
@click.option("--all", "everything", is_flag=True, help="Show the cases that passed as well.")
@_FORM
@connected
def test(session: Session, policy: str, cases: str, everything: bool, form: str | None) -> int:
    """Try a policy (a name or a file) on CASES: a file with one JSON object a line, or a dataset. Exit status 1 when a
    case fails."""
    return test_policy(session, policy, cases, form, everything=everything)


@command.verb("replay", example="genaiops policy replay support.toml --since 24h --instead-of default")
@click.argument("candidate")
@click.option("--since", default="24h", show_default=True, help="Calls since then: 24h, 7d, an ISO time.")
@click.option("--until", help="Calls until then. [now]")
@click.option(
    "--instead-of", help="The policy whose place it takes: NAME or NAME@ALIAS. [its own name; of a file: default]"
)
@click.option("--against", help="Hold it against this policy alone, whatever else held for the calls.")
@click.option("--env", "environment_id", help="Only calls of this environment.")
@click.option("--key-id", help="Only calls of this key.")
@click.option("--app", "application", help="Only calls of this application.")
@click.option("--model", help="Only calls of this model.")
@click.option("--limit", type=int, default=1000, show_default=True, help="At most so many calls, newest first.")
@click.option("--examples", type=int, default=10, show_default=True, help="So many calls that differ are shown.")
@_FORM
@connected
def replay(session: Session, candidate: str, against: str | None, form: str | None, **where: Any) -> int:
    """Say what changes if a CANDIDATE (a name, NAME@ALIAS or a file) goes live, by recorded calls: it takes the place
    of its predecessor among all policies that held for each. Exit status 1 when something would be different, 4 when no
    call could be judged."""
    return replay_policy(session, candidate, against, form, where)


@command.verb("replays", example="genaiops policy replays")
@click.argument("run_id", required=False)
@click.option("--stop", "verb", flag_value="stop", help="Stop it; what it found stays.")
@click.option("--resume", "verb", flag_value="resume", help="Go on with it, after a stop or a restart.")
@click.option("--delete", "verb", flag_value="delete", help="Forget it.")
@connected
def replays(session: Session, run_id: str | None, verb: str | None) -> int:
    """List your replays, or show one. Exit status as of replay."""
    if run_id is None:
        if verb is not None:
            raise UsageError("Which replay?", remedy="Give its id; without one they are listed.", param="run_id")
        list_replays(session)
        return 0
    return one_replay(session, run_id, verb)


@command.verb("detectors", example="genaiops policy detectors pii")
@click.argument("name", required=False)
@connected
def detectors(session: Session, name: str | None) -> None:
    """List what guard policies can look with; or show one: what it finds, its options, how good it is."""
    if name is None:
        list_detectors(session)
    else:
        show_detector(session, name)


@command.verb("fingerprint", example="genaiops policy fingerprint secrets contracts/ minutes.docx")
@click.argument("name")
@click.argument("files", nargs=-1)
@click.option("--from-dataset", "dataset", help="The rows of a dataset, each a document.")
@click.option("--field", help="The field of the rows that is their text. [all texts of a row]")
@click.option("--remove", multiple=True, help="Take this document out; repeatable.")
@click.option("--anew", is_flag=True, help="These documents only. [beside those of the version in force]")
@click.option("--skip", is_flag=True, help="Leave files out that cannot be read.")
@click.option("--undo", is_flag=True, help="Bring back what current named before its last move.")
@click.option("--alias", default="current", show_default=True, help="The alias that names the version; none: no alias.")
@click.option("--title", default="", help="A line for people; kept with the first version.")
@consenting
@connected
def fingerprint_(session: Session, name: str, files: tuple[str, ...], undo: bool, **wanted: Any) -> None:
    """Register documents (FILES, folders, patterns) that the detector verbatim looks for. Only fingerprints are sent
    and kept, no text. A policy names them with options = { documents = ["NAME"] }, and pins the version."""
    if undo:
        if files or wanted["dataset"] or wanted["remove"]:
            raise UsageError("--undo goes with no documents.", remedy="Run it by itself.", param="undo")
        undo_documents(session, name, {"reason": wanted["reason"], "emergency": wanted["emergency"]})
    else:
        fingerprint(session, name, files, wanted)


@command.verb("fingerprints", example="genaiops policy fingerprints secrets")
@click.argument("name", required=False)
@connected
def fingerprints(session: Session, name: str | None) -> None:
    """List registered documents; or show those of a NAME, NAME@ALIAS or NAME@sha256:DIGEST, and which policies pin
    them."""
    if name is None:
        list_documents(session)
    else:
        show_documents(session, name)


add_verbs(command)
