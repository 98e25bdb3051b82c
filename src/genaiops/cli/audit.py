"""`genaiops audit`: what happened to the records, and that nobody altered it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import click
import msgspec

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Output, cell
from genaiops.cli._people import with_names
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.core.counting import counted
from genaiops.core.errors import Unavailable, UsageError
from genaiops.sdk import Client, Witness, path_of

command = noun("audit", "The audit log: who changed what, signed, and verified.")

_COLUMNS = (
    Column("SEQ", "seq", right=True),
    Column("AT", lambda row: short_time(row["at"])),
    Column("ACTOR", "actor_name", rank=1),
    Column("ACTION", "action"),
    Column("COLLECTION", "collection"),
    Column("ENTITY", "entity_id", elastic=True),
)


@command.verb("list", example="genaiops audit list --since 24h --collection keys")
@click.option("--actor", "actor_id", help="By the id of who did it.")
@click.option("--action", help="add, replace, remove, sign_in, refused, export, ...")
@click.option("--collection", help="keys, routes, prices, ...; sessions for sign-ins.")
@click.option("--entity", "entity_id", help="The id of what was changed.")
@click.option("--since", help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many.")
@connected
def list_(session: Session, limit: int, **where: str | None) -> None:
    """List what happened, the newest first."""
    rows = list(session.client.pages("/api/audit/events", where, most=limit))
    session.output.rows(with_names(session, rows, "actor_id"), _COLUMNS, empty="Nothing of that kind happened.")


@command.verb("show", example="genaiops audit show 12")
@click.argument("seq", type=click.IntRange(1))
@connected
def show(session: Session, seq: int) -> None:
    """Show one event, and what it changed."""
    (event,) = with_names(session, [session.client.get(path_of("/api/audit/events", str(seq)))], "actor_id")
    names = ("seq", "at", "actor_name", "actor_id", "action", "collection", "entity_id", "change", "former", "leaf")
    session.output.facts(event, [(name, event[name]) for name in names])
    if session.output.as_json:
        return
    if event["erased"]:
        session.output.line("what it was about was erased; the chain holds without it")
    for each in event["differences"]:
        name = each["field"] or "value"
        if each["before"] is not None:
            session.output.line(f"- {name}: {_plain(each['before'])}")
        if each["after"] is not None:
            session.output.line(f"+ {name}: {_plain(each['after'])}")


def _plain(value: object) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else cell(value)


@command.verb("prove", example="genaiops audit prove 12")
@click.argument("seq", type=click.IntRange(1))
@connected
def prove(session: Session, seq: int) -> None:
    """Prove that an event is in the log that was signed: its leaf, the hashes up to the root, the checkpoint."""
    proof = session.client.get(f"/api/audit/events/{seq}/proof")
    if session.output.as_json:
        session.output.json(proof)
        return
    session.output.line(f"event {seq}, leaf {proof['leaf']}")
    for each in proof["path"]:
        session.output.line(f"  {each}")
    session.output.line(f"root {proof['checkpoint']['root']} of {proof['checkpoint']['size']} events\n")
    session.output.line(proof["checkpoint"]["note"].rstrip("\n"))


@command.verb("checkpoint", example="genaiops audit checkpoint")
@connected
def checkpoint(session: Session) -> None:
    """Sign the log as it is now, and print the checkpoint and the key that verifies it."""
    made = session.client.post("/api/audit/checkpoint")
    if session.output.as_json:
        session.output.json(made)
        return
    session.output.line(made["note"].rstrip("\n"))
    session.output.line(f"\nkey: {made['key']}")


@command.verb("export", example="genaiops audit export audit.jsonl --payloads")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--payloads", is_flag=True, help="Also what the events were about, with the salts.")
@connected
def export(session: Session, file: Path, payloads: bool) -> None:
    """Write the whole log into FILE, signed; `genaiops audit verify --bundle FILE` checks it anywhere."""
    answer = session.client.request("GET", "/api/audit/export", query={"payloads": payloads})
    partial = file.with_name(f"{file.name}.partial")
    try:
        partial.write_bytes(answer.body)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"{file} cannot be written: {error.strerror}.", remedy="Name another file.") from error
    events = answer.body.count(b"\n") - 1
    session.output.result({"file": str(file), "events": events}, f"{file}: {counted(events, 'event')}, signed.")


@command.verb("accept", example="genaiops audit accept")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
@click.option("--url", help="The address of the installation. [GENAIOPS_URL; what runs in the home]")
@click.option("--key", "api_key", help="A key for it. [GENAIOPS_API_KEY, which other users do not see; admin.key]")
def accept(as_json: bool, home: str | None, url: str | None, api_key: str | None) -> None:
    """Forget what was seen of an installation's log: after a backup was restored on purpose."""
    client = Client(url, api_key, home)
    origin = client.get("/api/audit/checkpoint")["origin"]
    forgotten = Witness().forget(origin)
    said = "is forgotten; its log counts as it is now." if forgotten else "was not remembered."
    Output(as_json=as_json).result({"origin": origin, "forgotten": forgotten}, f"What was seen of {origin} {said}")


@command.verb("verify", example="genaiops audit verify")
@click.option("--bundle", type=click.Path(path_type=Path), help="An export to verify, instead of an installation.")
@click.option("--public-key", "keys", multiple=True, help="With --bundle: a key to trust; repeatable. [the file's]")
@click.option("--home", help="The data directory. [GENAIOPS_HOME; ~/.local/share/genaiops]")
@click.option("--config", help="The settings' file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(bundle: Path | None, keys: tuple[str, ...], home: str | None, config: str | None, as_json: bool) -> int:
    """Verify the whole log against the records and all checkpoints, while the installation runs or not. Exit status 1
    when something was altered; the first thing that was is named first."""
    output = Output(as_json=as_json)
    if bundle is not None:
        from genaiops.app.auditing import verify_file

        return _told(output, verify_file(bundle, keys))
    if keys:
        raise UsageError("--public-key is for --bundle.", remedy="Leave it out, or name an export.", param="public-key")
    from genaiops.app import config as configuration
    from genaiops.app.auditing import verify_home

    settings = configuration.read({"home": home}, file=config).settings
    with _Progress(output) as progress:
        report = verify_home(settings, remembered=Witness().all(), progress=progress.at)
    return _told(output, report)


@command.verb("image", example="genaiops audit image poster.png")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--root", "roots", multiple=True, type=click.Path(path_type=Path), help="A certificate to trust (PEM).")
@click.option("--home", help="The data directory whose own certificate is trusted. [GENAIOPS_HOME]")
@click.option("--config", help="The settings' file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def image(file: Path, roots: tuple[Path, ...], home: str | None, config: str | None, as_json: bool) -> int:
    """Verify what an image says of its origin (C2PA). Exit status 0: it is as somebody trusted signed it; 1: changed
    since, or without a manifest; 4: as it was signed, by somebody unknown. Needs the extra c2pa."""
    from genaiops.app.image_proof import prove_image

    proof = prove_image(file, roots, home, config)
    output = Output(as_json=as_json)
    if as_json:
        output.json(msgspec.to_builtins(proof))
    else:
        output.line(proof.said)
        for name, value in proof.facts:
            output.line(f"  {name}: {value}")
    return {"pass": 0, "warn": 4}.get(proof.outcome, 1)


@command.verb("certificate", example="genaiops audit certificate")
@connected
def certificate(session: Session) -> None:
    """Print the root certificate of the images that are marked here, for those who are to verify them."""
    state = session.client.get("/api/provenance")
    if session.output.as_json:
        session.output.json(state)
        return
    if not state["active"]:
        raise Unavailable(f"Generated images are not marked here: {state['problem']}", remedy=state["remedy"])
    if not state["root"]:
        raise Unavailable(
            "No root is set beside the certificate for images.",
            remedy="Whoever verifies takes the root of the authority that gave it out, or set provenance.root.",
        )
    session.output.line(state["root"].rstrip("\n"))


def _told(output: Output, report: Any) -> int:
    if output.as_json:
        output.json({"holds": report.holds, **msgspec.structs.asdict(report)})
        return int(not report.holds)
    for finding in report.findings:
        output.line(f"{click.style('fail', fg='red') if output.interactive else 'fail'}  {finding.message}")
    if report.found > len(report.findings):
        output.line(f"      and {report.found - len(report.findings):,} more")
    if not report.holds:
        output.line(
            f"The audit log does not hold: {counted(report.found, 'finding')} in {counted(report.size, 'event')}."
        )
        return 1
    output.line(f"The audit log holds: {counted(report.size, 'event')}, root {report.root}.")
    for text in _further(report):
        output.line(f"  {text}")
    return 0


def _further(report: Any) -> list[str]:
    if hasattr(report, "payloads"):
        trusted = "the key that you gave" if report.pinned else "the file's own key; --public-key names one to trust"
        return [f"signed by {report.origin} ({trusted})", f"{counted(report.payloads, 'payload')} compared"]
    found = [f"{counted(report.records, 'record')} compared with their last changes"]
    found.append(f"{counted(report.checkpoints, 'checkpoint')} compared; signed up to event {report.signed:,}")
    if report.sealed:
        found.append(
            f"the first {report.sealed:,} were sealed when the log was introduced: before that nothing is known"
        )
    if report.erased:
        found.append(f"{report.erased:,} had what they were about erased")
    return found


class _Progress:
    """How far it is, on a terminal and not elsewhere."""

    def __init__(self, output: Output) -> None:
        self._shown = output.interactive
        self.at: Callable[[int, int], None] | None = self._at if output.interactive else None

    def _at(self, done: int, total: int) -> None:
        click.echo(f"\r{done:,} of {total:,} events", nl=False, err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
