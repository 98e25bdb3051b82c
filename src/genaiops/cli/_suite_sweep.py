"""`genaiops suite sweep`: how many examples, and how much context, a prompt needs."""

from collections.abc import Mapping
from typing import Any, Final

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column, Output
from genaiops.cli._server_runs import UNDER_WAY, Wish, begin, wait_for
from genaiops.cli._session import Session, plain
from genaiops.cli._suite_report import Bar
from genaiops.core.errors import UsageError
from genaiops.sdk import Client, Witness, path_of

_STANDINGS: Final = {"front": "on the front", "not_separable": "not separable", "dominated": "dominated"}


def _figure(name: str) -> Any:
    def shown(row: Mapping[str, Any]) -> str | None:
        found = row["figures"].get(name)
        if found is None or (name == "quality" and row["why"]):
            return None
        bounds = ""
        if name == "quality" and found["low"] is not None:
            bounds = f" ({found['low']:.2g} to {found['high']:.2g})"
        return f"{found['mean']:.3g}{bounds}"

    return shown


def _tokens(name: str) -> Any:
    def shown(row: Mapping[str, Any]) -> str | None:
        found = row["tokens"][name]
        return None if found is None else f"{found:.0f}"

    return shown


def _standing(row: Mapping[str, Any]) -> str:
    if row["why"]:
        return "not comparable"
    word: str = ("best, " if row["best"] else "") + _STANDINGS[row["standing"]]
    return word


_CELLS: Final = (
    Column("SHOTS", "shots", right=True),
    Column("CONTEXT", lambda row: "all" if row["context"] is None else row["context"], right=True),
    Column("QUALITY", _figure("quality")),
    Column("STANDING", _standing),
    Column("REQUEST", _tokens("asked"), right=True),
    Column("SYSTEM", _tokens("system"), right=True, rank=2),
    Column("EXAMPLES", _tokens("shots"), right=True, rank=1),
    Column("PASSAGES", _tokens("context"), right=True, rank=1),
    Column("QUESTION", _tokens("question"), right=True, rank=2),
    Column("REST", _tokens("rest"), right=True, rank=2),
    Column("ANSWER", _tokens("answer"), right=True, rank=1),
    Column("COST", _figure("cost"), rank=1),
    Column("SECONDS", _figure("latency"), rank=1),
    Column("WH", _figure("energy"), rank=2),
)


def add_sweep(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("sweep", example="genaiops suite sweep answers.toml --examples solved.jsonl --shots 0,1,2,4")
    @click.argument("suite", required=False)
    @click.option("--shots", default="0,1,2,4", help="Numbers of examples. [0,1,2,4]")
    @click.option("--context", metavar="NUMBERS", help="Passages of each case's context. [all of it]")
    @click.option("--context-tokens", metavar="NUMBERS", help="The same as a budget of tokens; whole passages.")
    @click.option("--examples", metavar="FILE", help="Solved examples: a file or a dataset. [as the suite says]")
    @click.option("--pick", type=click.Choice(["first", "random", "similar"]), help="Which. [first]")
    @click.option("--leave-out", is_flag=True, help="Cases may be among the examples, never among their own.")
    @click.option("--target", help="Whom to ask. [the suite's only one]")
    @click.option("--check", default="", help="What says how good an answer is. [the suite's only check]")
    @click.option("--local", is_flag=True, help="Run it in this command; results are kept in the home.")
    @click.option("--name", help="What the run is called. [FILE-sweep]")
    @click.option("--resume", metavar="RUN", help="Go on with a sweep that broke off.")
    @click.option("--spend", metavar="AMOUNT", help="Spend at most this. [as the suite says]")
    @click.option("--repeats", type=click.IntRange(1, 1000), help="Ask each case so often. [as the suite says]")
    @click.option("--concurrency", type=click.IntRange(1, 1000), help="Calls at once. [as the suite says]")
    @click.option("--env", "environment_id", help="The environment that is asked. [that of the key]")
    @click.option("--of", "shown", metavar="RUN", help="Ask nothing: show a sweep that was run.")
    @click.option(
        "-o", "--output", "report", metavar="FILE", help="Write the report: FILE.html, FILE.md or FILE.pdf, signed."
    )
    @click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
    @click.option("--url", help="The address of the installation. [GENAIOPS_URL; what runs in the home]")
    @click.option("--key", help="A key for it. [GENAIOPS_API_KEY; admin.key]")
    @plain
    def sweep(output: Output, suite: str | None, *, shown: str | None, report: str | None, **options: Any) -> int:
        """Ask a suite's target with several numbers of examples and sizes of context, and show where more of either
        stops paying."""
        from genaiops.app.sweep_reports import check_place, write_sweep

        if report is not None:
            check_place(report)
        if (suite is None) == (shown is None):
            what = "One of a suite and --of RUN is needed."
            raise UsageError(what, remedy="Name one: genaiops suite sweep FILE", param="suite")
        found, whole = _found(output, suite, shown, options)
        if report is not None:
            write_sweep(found, report, home=options["home"])
        _show(output, found, report)
        if not whole:
            output.note(f"It goes on with: --resume {found['run']}" if options["local"] else "It did not end.")
        return 0 if whole else 4


def _found(
    output: Output, suite: str | None, shown: str | None, options: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """(the sweep, whether its run is done)"""
    check = options["check"]
    if suite is not None and options["local"]:
        return _here(output, suite, options, check)
    session = Session(Client(options["url"], options["key"], options["home"], witness=Witness()), output)
    if shown is not None:
        if options["local"]:
            from genaiops.app.sweep_reports import kept_sweep

            return kept_sweep(shown, check, home=options["home"]), True
        return session.client.get(path_of("/api/runs", shown, "sweep"), {"check": check} if check else None), True
    run = _there(session, suite or "", options)
    found = session.client.get(path_of("/api/runs", run["id"], "sweep"), {"check": check} if check else None)
    return found, run["state"] == "done"


def _changed(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("repeats", "spend", "concurrency") if options[name] is not None}


def _here(output: Output, suite: str, options: dict[str, Any], check: str) -> tuple[dict[str, Any], bool]:
    from genaiops.app.sweep_reports import asked_of, kept_sweep, run_sweep

    if options["environment_id"]:
        raise UsageError("--local knows no environment.", remedy="Leave --env out.", param="env")
    given = {name: options[name] for name in ("name", "resume", "home", "url", "key")}
    with Bar(output) as bar:
        done = run_sweep(suite, asked_of(options, suite), bar.begin, bar.show, changed=_changed(options), **given)
    return kept_sweep(done["run"]["id"], check, home=options["home"]), done["run"]["state"] == "done"


def _there(session: Session, suite: str, options: dict[str, Any]) -> dict[str, Any]:
    """On the server. Interrupted, the run goes on there."""
    from genaiops.app.sweep_reports import asked_of

    if options["resume"]:
        begun = session.client.post(path_of("/api/runs", options["resume"], "resume"))
    else:
        wish = Wish(
            suite=suite,
            name=options["name"],
            changed=_changed(options),
            environment_id=options["environment_id"],
            sweep=asked_of(options, suite),
        )
        begun = begin(session, wish)
    return wait_for(session, begun) if begun["state"] in UNDER_WAY else begun


def _show(output: Output, found: dict[str, Any], report: str | None) -> None:
    if output.as_json:
        output.json(found)
        return
    from genaiops.app.sweep_reports import findings

    output.rows([{**cell, "best": cell["target"] == found["best"]} for cell in found["cells"]], _CELLS, empty="")
    for said in findings(found):
        output.line(said)
    how = "exactly" if found["exact"] else "as an estimate"
    output.line(f"Tokens by part are counted {how}, by {found['counted_by']}. Kept as {found['run']}.")
    if report is not None:
        output.line(f"{report} is written.")
