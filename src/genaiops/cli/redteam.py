"""`genaiops redteam`: packs of attacks, runs of them, and how often they succeed."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from genaiops.cli._ci import run_for
from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Output, one_line
from genaiops.cli._redteam_report import GROUPS, show_attacks
from genaiops.cli._server_runs import status_of, wait_for, whole
from genaiops.cli._session import Session, plain
from genaiops.cli._suite_report import WORDS, Bar
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError
from genaiops.sdk import Client, Witness, path_of

command = noun("redteam", "Red team: attacks on models and applications, offline, and how often they succeed.")

_PACKS = (
    Column("PACK", "name"),
    Column("FAMILY", "family", rank=1),
    Column("SEEDS", lambda row: row["seeds"], right=True),
    Column("CASES", lambda row: row["cases"], right=True),
    Column("DETECTED BY", "detectors", rank=2),
    Column("FROM", "source", rank=2),
    Column("TITLE", lambda row: one_line(row["title"]), elastic=True),
)
_WAYS = {"model": "model", "application": "application", "prompt": "prompt", "endpoint": "url", "python": "python"}


def _attacking(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say who is attacked, by what."""
    for option in reversed(
        (
            click.argument("packs", nargs=-1, required=True),
            click.option("--model", multiple=True, help="A model or route of the gateway; may be repeated."),
            click.option("--application", multiple=True, help="app/NAME@ENVIRONMENT; may be repeated."),
            click.option("--prompt", multiple=True, help="A prompt, NAME@ALIAS; may be repeated."),
            click.option("--endpoint", multiple=True, help="An address that speaks OpenAI's chat; may be repeated."),
            click.option("--python", multiple=True, help="MODULE:FUNCTION, with --local; may be repeated."),
            click.option("--targets", "file", metavar="FILE", help="A suite whose targets are attacked."),
            click.option("--max-tokens", type=click.IntRange(1), help="Of each answer."),
            click.option(
                "--from", "material", multiple=True, metavar="WHEEL", help="A package that packs are made of."
            ),
            click.option("--limit", type=click.IntRange(1), help="At most so many cases of each pack."),
            click.option(
                "--converter", "converters", multiple=True, help="In place of those of the packs; repeatable."
            ),
            click.option("--own-system", is_flag=True, help="The targets have instructions: leave out the packs'."),
            click.option("--canary", default="", metavar="WORD", help="What is planted in those instructions."),
            click.option("--attacker", metavar="MODEL", help="A model that writes the turns of crescendo and tree."),
            click.option("--judge", default="", metavar="JUDGE", help="Fails what does harm: a file, or NAME@alias."),
            click.option("--tolerance", type=click.FloatRange(0, 1, min_open=True), help="Share that may succeed."),
            click.option("--repeats", type=click.IntRange(1, 1000), default=1, help="Try each case so often. [1]"),
            click.option("--seed", type=int, default=0, help="Of the words that are made up. [0]"),
        )
    ):
        function = option(function)
    return function


def _running(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where it runs."""
    for option in reversed(
        (
            click.option("--local", is_flag=True, help="Run it in this command; results are kept in the home."),
            click.option("--name", default="redteam", help="What the run is called. [redteam]"),
            click.option("--resume", metavar="RUN", help="Go on with a run that broke off."),
            click.option("--spend", metavar="AMOUNT", help="Spend at most this."),
            click.option("--concurrency", type=click.IntRange(1, 1000), help="Conversations at once. [8]"),
            click.option("--env", "environment_id", help="The environment that is asked. [that of the key]"),
            click.option("--detach", is_flag=True, help="Print the run and do not wait for it."),
            click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]"),
            click.option("--url", help="The address of the installation. [GENAIOPS_URL; what runs in the home]"),
            click.option("--key", help="A key for it. [GENAIOPS_API_KEY; admin.key]"),
        )
    ):
        function = option(function)
    return function


def _suite(options: dict[str, Any], **run: Any) -> Any:
    """Takes these options out, and makes the suite."""
    from genaiops.app.redteam import Attacked, attacked

    targets: list[dict[str, Any]] = []
    most = options.pop("max_tokens")
    for option, way in _WAYS.items():
        for value in options.pop(option):
            parameters = {} if most is None else {"parameters": {"max_tokens": most}}
            targets.append({"name": _name(value, targets), way: value, **parameters})
    how = {
        name: options.pop(name) for name in ("limit", "own_system", "canary", "judge", "tolerance", "repeats", "seed")
    }
    how |= {"converters": list(options.pop("converters")), "run": {k: v for k, v in run.items() if v is not None}}
    return attacked(
        Attacked(
            packs=options.pop("packs"),
            material=options.pop("material"),
            targets=targets,
            file=options.pop("file"),
            attacker=options.pop("attacker"),
            how=how,
        )
    )


def _name(text: str, targets: list[dict[str, Any]]) -> str:
    name = (
        "".join(char if char.isalnum() or char in "_.:/@ -" else "-" for char in text)[:120].lstrip("_.:/@ -")
        or "target"
    )
    taken = sum(target["name"].partition(" #")[0] == name for target in targets)
    return f"{name} {taken + 1}" if taken else name


@command.verb("packs", example="genaiops redteam packs")
@click.option(
    "--from", "material", multiple=True, metavar="WHEEL", help="Look into this wheel or unpacked folder, too."
)
@plain
def packs(output: Output, material: tuple[str, ...]) -> None:
    """List the packs of attacks: those that ship, and those made of packages that are at hand."""
    from genaiops.app.redteam import pack_cards

    found = pack_cards(material)
    output.rows(found, _PACKS, empty="There are no packs.")
    missing = dict.fromkeys(card["remedy"] for card in found if not card["ready"])
    if missing and not output.as_json:
        output.note("Packs without seeds are made of packages that are not at hand:")
        for remedy in missing:
            output.note(f"  {remedy}")


@command.verb("schema", example="genaiops redteam schema")
@plain
def schema(output: Output) -> None:
    """Print the JSON Schema of packs, for editors."""
    from genaiops.app.redteam import pack_schema

    output.json(pack_schema())


@command.verb("build", example="genaiops redteam build injection-direct --model smollm2 -o attacks.json")
@_attacking
@click.option("-o", "--output", "where", required=True, metavar="FILE", help="Where the suite is written to, as JSON.")
@plain
def build(output: Output, where: str, **options: Any) -> None:
    """Write the suite of these packs, which runs as any other: genaiops suite run FILE."""
    from genaiops.app.redteam import sent_document

    suite = _suite(options)
    path = Path(where)
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(sent_document(suite))))
    except OSError as error:
        raise UsageError(
            f"{where} cannot be written: {error.strerror}.", remedy="Name another file.", param="o"
        ) from None
    told = {"file": where, "cases": len(suite.case), "targets": len(suite.target)}
    output.result(told, f"{where}: {counted(len(suite.case), 'case')}. Next: genaiops suite run {where}")


@command.verb("run", example="genaiops redteam run injection-direct over-refusal --model smollm2 --limit 5")
@_attacking
@_running
@plain
def run(output: Output, *, local: bool, detach: bool, **options: Any) -> None:
    """Attack, and say pass (0), fail (1) or inconclusive (4). PACKS are names, files, or all (those that ship)."""
    suite = _suite(options, spend=options.pop("spend"), concurrency=options.pop("concurrency"))
    _run(output, suite, options, local=local, detach=detach)


@command.verb("import", example="genaiops redteam import garak.report.jsonl --local")
@click.argument("file")
@_running
@plain
def import_(output: Output, file: str, *, local: bool, detach: bool, **options: Any) -> None:
    """Read a report of garak or PyRIT as a suite of recorded answers, and run that: nobody is asked."""
    from genaiops.app.redteam import imported_file

    for name in ("spend", "concurrency"):
        options.pop(name)
    suite, lacks = imported_file(file)
    for note in lacks:
        output.note(note)
    _run(output, suite, options, local=local, detach=detach)


def _run(output: Output, suite: Any, options: dict[str, Any], *, local: bool, detach: bool) -> None:
    if local:
        done, report = _here(output, suite, options, detach=detach)
    else:
        done, report = _there(output, suite, options, detach=detach)
    show(output, done, report, "family")
    sys.exit(status_of(done))


def _here(
    output: Output, suite: Any, options: dict[str, Any], *, detach: bool
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    for name, given in (("environment_id", options.pop("environment_id")), ("detach", detach)):
        if given:
            raise UsageError(f"--local knows no {name}.", remedy="Leave it out, or run it on the server.", param=name)
    from genaiops.app.local_suites import Local
    from genaiops.app.redteam import local_report

    with Bar(output) as bar:
        facts = run_for(os.environ, {})
        local = Local(given=suite, facts=facts, **options)
        done = local.run(bar.begin, bar.show)
    found = local_report(done["run"]["id"], options["home"])
    return done, None if found is None else msgspec.to_builtins(found[1], str_keys=True)


def _there(
    output: Output, suite: Any, options: dict[str, Any], *, detach: bool
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    from genaiops.app.redteam import sent_document

    client = Client(options.pop("url"), options.pop("key"), options.pop("home"), witness=Witness())
    session = Session(client, output)
    if options["resume"]:
        begun = client.post(path_of("/api/runs", options["resume"], "resume"))
    else:
        body = {"name": options["name"], "document": sent_document(suite), "environment_id": options["environment_id"]}
        begun = client.post("/api/runs", {**body, **run_for(os.environ, {})})
    if detach:
        output.result(begun, f"{begun['id']}: genaiops redteam report {begun['id']}")
        sys.exit(0)
    wait_for(session, begun)
    return whole(session, begun["id"]), client.get(path_of("/api/runs", begun["id"], "attacks"))


@command.verb("report", example="genaiops redteam report run_01h --by tag")
@click.argument("run_id", metavar="RUN")
@click.option("--by", "group", type=click.Choice(list(GROUPS)), default="family", help="What the rows are. [family]")
@click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
@click.option("--url", help="The address of the installation. [GENAIOPS_URL; what runs in the home]")
@click.option("--key", help="A key for it. [GENAIOPS_API_KEY; admin.key]")
@plain
def report(output: Output, run_id: str, group: str, home: str | None, url: str | None, key: str | None) -> None:
    """How often the attacks of a run succeeded, by family, tag, hazard, technique or converter, with bounds."""
    from genaiops.app.redteam import local_report

    found = None if url else local_report(run_id, home)
    if found is not None:
        told: dict[str, Any] = msgspec.to_builtins(found[1], str_keys=True)
    else:
        told = Client(url, key, home, witness=Witness()).get(path_of("/api/runs", run_id, "attacks"))
    if output.as_json:
        output.json(told)
        return
    show_attacks(output, told, group)


def show(output: Output, done: dict[str, Any], told: dict[str, Any] | None, group: str) -> None:
    """A run that has ended. Texts are not shown: they are in the console, behind a click."""
    if output.as_json:
        output.json({"run": done["run"], "report": done["report"], "errors": done["errors"], "attacks": told})
        return
    if told is not None:
        show_attacks(output, told, group)
    for failed in done["errors"]:
        output.line(
            f"{counted(failed['answers'], 'answer')} failed ({failed['state']}): {one_line(failed['error'], 300)}"
        )
    run_ = done["run"]
    if done["report"] is not None:
        verdict = done["report"]["verdict"]
        output.line(f"{WORDS[verdict['outcome']]}: {verdict['reason']}")
    output.line(f"{run_['id']}: {run_['done']} of {run_['total']} answers. Cases: console, ARENA, Red team.")
    if run_["error"]:
        output.note(run_["error"])
