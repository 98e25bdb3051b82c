"""`genaiops app shadow`: a release hears copies of an application's calls, and is held against what users got."""

from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._session import Session, connected
from genaiops.cli._shadows import print_report
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

_BEGINNING = ("share", "charge_to", "concurrency")


def add_shadow(command: Noun) -> None:
    """`shadow` becomes a verb of the noun."""
    command.verb("shadow", example="genaiops app shadow support --env dev --release latest --share 10")(shadow)


@click.argument("name")
@click.option("--env", "environment", required=True, help="The environment that it serves.")
@click.option("--release", help="Put this one in shadow: its digest, at least 6 digits of it, or latest.")
@click.option("--share", type=click.FloatRange(0.01, 100), help="Percent of the calls that it hears. [10]")
@click.option("--charge-to", help="The application whose hard budget pays for the copies. [shadow/NAME]")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Copies under way at a time in a worker. [4]")
@click.option("--end", is_flag=True, help="End it. What was copied stays.")
@click.option("--since", help="Compare copies since then: 15m, 24h, 7d or an ISO time. [since it is in shadow]")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--check", multiple=True, help="A metric of answers: refusal, is_json, chrf ...; repeatable.")
@click.option("--lost", metavar="METRIC", help="List the pairs in which the copy was worse by that metric.")
@click.option("--most", type=click.IntRange(1, 5000), default=1000, show_default=True, help="Copies to look at.")
@connected
def shadow(session: Session, name: str, environment: str, release: str | None, end: bool, **options: Any) -> None:
    """Let a release hear copies of real calls, and compare its answers with what users got, pair by pair.

    With --release it begins, with --end it ends, with neither it says how they compare."""
    begin = {each: options.pop(each) for each in _BEGINNING}
    deployment = f"{name}@{environment}"
    path = path_of("/api/deployments", deployment, "shadow")
    if end and release is not None:
        raise UsageError("It cannot begin and end at once.", remedy="Give --release or --end.", param="end")
    if release is None and any(value is not None for value in begin.values()):
        raise UsageError(
            "Nothing begins without a release.", remedy="Add --release latest, or leave --share out.", param="release"
        )
    if end:
        session.write("DELETE", path)
        session.output.result({"id": deployment, "shadow": None}, f"No release is in shadow on {deployment} any more.")
    elif release is not None:
        _begin(session, path, release, begin)
    else:
        found = session.client.get(path, options)
        if found["copies"] or session.output.as_json:
            print_report(session, found, options["lost"])
            return
        session.output.line(f"No copies to {found['target']} in that time. They need calls of {deployment}, and a hard")
        session.output.line("budget for the application that they are charged to: genaiops budget list")


def _begin(session: Session, path: str, release: str, given: dict[str, Any]) -> None:
    body: dict[str, Any] = {"release": release}
    if given["share"] is not None:
        body["share"] = given["share"] / 100
    if given["charge_to"] is not None:
        body["charged_to"] = given["charge_to"]
    if given["concurrency"] is not None:
        body["concurrency"] = given["concurrency"]
    made = session.write("POST", path, body)
    text = (
        f"{made['release_id']} hears {100 * made['share']:g} % of the calls of {made['id']}; users get nothing of it."
    )
    session.output.result(made, text)
    if not made["limited"] and not session.output.as_json:
        session.output.note(
            "No copy is made until a hard budget says what they may cost: "
            f'genaiops budget set --app {made["charged_to"]} "5 USD" --period day'
        )
