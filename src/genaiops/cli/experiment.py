"""`genaiops experiment`: two releases compared on live traffic, by a rule that was written down before."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected, consenting
from genaiops.cli._values import seconds, short_time
from genaiops.cli.app import short_digest
from genaiops.sdk import path_of

command = noun("experiment", "Experiments: two releases compared on live traffic, by a rule that was written before.")

LATE_SECONDS = 30
"""How long calls of a user whose time is over are waited for."""
_STATES = click.Choice(["draft", "running", "ended", "decided"])
_DECISIONS = {"promote": "promoted", "roll-back": "rolled_back", "keep": "kept"}
_NO = {"worse": 1, "harm": 1, "imbalance": 1, "no_difference": 1, "inconclusive": 4, "stopped": 4, "moved": 4}
"""Exit statuses of `show` for one that has ended."""

_COLUMNS = (
    Column("ID", "id"),
    Column("DEPLOYMENT", lambda row: f"{row['application_id']}@{row['environment_id']}"),
    Column("STATE", "state"),
    Column("OUTCOME", lambda row: row["outcome"] or ""),
    Column("METRIC", lambda row: row["plan"]["primary"]["metric"], rank=1),
    Column("DIFFERENCE", lambda row: _difference(row["now"]["primary"]) if row["now"] else "", rank=1),
    Column("USERS", lambda row: sum(row["now"]["counted"]) if row["now"] else 0, right=True),
    Column("STARTED", lambda row: short_time(row["started_at"]), rank=2),
)


@command.verb(
    "new",
    example="genaiops experiment new shorter --app support --env dev --candidate latest --metric score:helpful "
    "--range 0 1 --effect 0.02 --guard errors=0.02 --guard latency=0.5",
)
@click.argument("name")
@click.option("--app", "application", required=True, help="The application.")
@click.option("--env", "environment", required=True, help="The environment that it serves.")
@click.option("--candidate", required=True, help="A release: its digest, at least 6 digits of it, or latest.")
@click.option(
    "--metric",
    required=True,
    help="What is to become better: errors, blocked, latency, first_token, cost, tokens, score:NAME, or check/NAME "
    "of the suite.",
)
@click.option("--suite", default="", metavar="NAME@ALIAS", help="A suite of the Hub, whose checks look at the calls.")
@click.option("--lower", is_flag=True, help="Less of the score is better. [more]")
@click.option("--range", "bounds", type=(float, float), metavar="LOW HIGH", help="The range of the score.")
@click.option("--effect", type=float, default=0.0, help="The smallest improvement that is worth it.")
@click.option(
    "--guard",
    "guards",
    multiple=True,
    metavar="METRIC=MARGIN",
    help="What may not become worse by more than that, in units of the metric; of a check without =MARGIN by the "
    "margin of its suite's gate. May be repeated.",
)
@click.option(
    "--sample",
    "samples",
    multiple=True,
    metavar="METRIC=SHARE",
    help="Which share of the calls a check looks at: check/helpful=0.05. May be repeated. [all]",
)
@click.option("--spend", help="The most that models which judge may cost in all, such as 5.")
@click.option("--share", type=int, default=10, show_default=True, help="Percent of the users that get the candidate.")
@click.option("--least", type=int, default=100, show_default=True, help="Users of each arm before anything is said.")
@click.option("--most", type=int, default=10_000, show_default=True, help="Users of both arms; then it ends.")
@click.option(
    "--alpha", type=float, default=0.05, show_default=True, help="The chance of a wrong claim over all looks."
)
@click.option("--window", default="1h", show_default=True, help="How long a user is looked at, from the first call on.")
@click.option("--before", help="How long before the start to look at users, for less noise (CUPED): 14d. [not at all]")
@click.option("--roll-back", is_flag=True, help="Roll back when a guard metric is clearly worse.")
@click.option("--promote", is_flag=True, help="Ask for the promotion when the candidate is better.")
@click.option("--hypothesis", default="", help="What is expected, and why.")
@click.option("--dry-run", is_flag=True, help="Say how long it would take, and write nothing down.")
@connected
def new(session: Session, name: str, **given: Any) -> None:
    """Write an experiment down. Nothing changes until it is started, and nothing of the plan after that."""
    primary: dict[str, Any] = {"metric": given["metric"]}
    if given["lower"]:
        primary["better"] = "lower"
    if given["bounds"]:
        primary["bounds"] = given["bounds"]
    guards = [_guard(text) for text in given["guards"]]
    _put_samples([primary, *guards], given["samples"])
    plan: dict[str, Any] = {
        key: given[key]
        for key in ("effect", "alpha", "share", "least", "most", "roll_back", "promote", "suite", "spend")
    }
    plan |= {
        "primary": primary,
        "guards": guards,
        "window_seconds": int(seconds(given["window"], param="--window")),
        "before_seconds": int(seconds(given["before"], param="--before")) if given["before"] else 0,
    }
    place = {key: given[key] for key in ("application", "environment")}
    if given["dry_run"]:
        _print_forecast(session, session.client.post("/api/experiments/forecast", {**place, "plan": plan}))
        return
    body = {**place, "candidate": given["candidate"], "hypothesis": given["hypothesis"]}
    made = session.write("POST", "/api/experiments", {"name": name, "plan": plan, **body})
    session.output.result(made, f"{name} is written down. Start it: genaiops experiment start {name}")
    if not session.output.as_json:
        for text in session.client.post("/api/experiments/forecast", {**place, "plan": plan})["says"]:
            session.output.note(text)


@command.verb("start", example="genaiops experiment start shorter --reason 'shorter answers, see issue 12'")
@click.argument("name")
@consenting
@connected
def start(session: Session, name: str, **why: str | None) -> None:
    """Give the candidate its share, and begin to measure."""
    made = session.write("POST", path_of("/api/experiments", name, "start"), why)
    text = f"{name} runs: {made['plan']['share']} % of the users of {made['application_id']} get the candidate."
    session.output.result(made, text)


@command.verb("list", example="genaiops experiment list --state running")
@click.option("--state", type=_STATES, help="Only in this state.")
@click.option("--app", "application", help="Only of this application.")
@connected
def list_(session: Session, state: str | None, application: str | None) -> None:
    """List experiments, those that run first."""
    found = session.items("/api/experiments", {"state": state, "application": application})
    session.output.rows(found, _COLUMNS, empty="There is no experiment. See genaiops experiment new --help.")


@command.verb("show", example="genaiops experiment show shorter")
@click.argument("name")
@click.option("--looks", is_flag=True, help="Also what was seen at each look.")
@connected
def show(session: Session, name: str, looks: bool) -> int:
    """What it says. Status 0: it goes on, or the candidate is better; 1: it is not; 4: nothing could be told."""
    one = session.client.get(path_of("/api/experiments", name))
    said = session.items(path_of("/api/experiments", name, "looks")) if looks else []
    session.output.facts({**one, "looks": said} if looks else one, _facts(one))
    if not session.output.as_json:
        for each in [one["now"]["primary"], *one["now"]["guards"]] if one["now"] else []:
            session.output.line(f"{each['metric']}: {_words(each)}" if not _is_check(each) else each["says"])
        for checked in one["checks"] if one["now"] else ():
            session.output.line(_looked_at(checked))
        for look in said:
            session.output.line(
                f"{short_time(look['at'])}  {sum(look['counted'])} users  {_difference(look['primary'])}"
            )
    return _NO.get(one["outcome"], 0)


@command.verb("stop", example="genaiops experiment stop shorter --reason 'the holidays begin'")
@click.argument("name")
@click.option("--reason", default="", help="Why, for who reads it later.")
@connected
def stop(session: Session, name: str, reason: str) -> None:
    """End it before its plan does. The shares stay until you decide."""
    made = session.write("POST", path_of("/api/experiments", name, "stop"), {"reason": reason})
    session.output.result(made, f"{name} is stopped. Now decide: genaiops experiment decide {name} --help")


@command.verb("decide", example="genaiops experiment decide shorter promote")
@click.argument("name")
@click.argument("decision", type=click.Choice(list(_DECISIONS)))
@click.option("--comment", default="", help="Why; needed to promote what was not found to be better.")
@click.option("--emergency", metavar="REASON", help="Why an administrator cannot wait for consent.")
@connected
def decide(session: Session, name: str, decision: str, comment: str, emergency: str | None) -> None:
    """Promote the candidate, roll back to what served before, or keep the shares as they are."""
    body = {"decision": _DECISIONS[decision], "comment": comment, "emergency": emergency}
    made = session.write("POST", path_of("/api/experiments", name, "decide"), body)
    session.output.result(made, f"{name} is decided: {made['decision'].replace('_', ' ')}.")


@command.verb("remove", example="genaiops experiment remove shorter")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove a draft. What has begun stays."""
    session.write("DELETE", path_of("/api/experiments", name))
    session.output.result({"id": name, "removed": True}, f"The experiment {name} is removed.")


_FORECAST = (
    Column("METRIC", "metric"),
    Column("TO SHOW", lambda row: _figure(row["difference"]), right=True),
    Column("MEAN", lambda row: _figure(row["mean"]), right=True, rank=1),
    Column("DEVIATION", lambda row: _figure(row["deviation"]), right=True),
    Column("KNOWN FROM", lambda row: row["known"]),
    Column("USERS NEEDED", lambda row: "" if row["users"] is None else f"{row['users']:,}", right=True),
    Column("DAYS", lambda row: "" if row["days"] is None else f"{row['days']:.3g}", right=True),
    Column("LEAST SHOWN", lambda row: _figure(row["seen"]), right=True, rank=1),
    Column("UNIT", "unit", rank=2),
)


def _print_forecast(session: Session, found: Row) -> None:
    if session.output.as_json:
        session.output.json(found)
        return
    for text in found["says"]:
        session.output.line(text)
    session.output.line()
    session.output.rows(found["lines"], _FORECAST, empty="")


def _is_check(one: Row) -> bool:
    return bool(one["interval"] is not None and one["metric"].startswith("check/"))


_NOT_SCORED = {
    "unkept": "their answers are not kept",
    "unanswered": "no answer",
    "lacking": "nothing to hold them against",
    "late": "too late",
    "unpaid": "not paid for",
}


def _looked_at(one: Row) -> str:
    """What became of the calls that a check looked at; of the candidate and of the baseline."""
    share = "" if one["sample"] == 1 else f" ({100 * one['sample']:g} % of the calls)"
    parts = [f"{_both(one['scored'])} calls scored{share}"]
    why = ", ".join(f"{words} {_both(one[name])}" for name, words in _NOT_SCORED.items() if sum(one[name]))
    if why:
        parts.append(f"{_both(one['not_scored'])} not scored: {why}")
    if sum(one["errors"]):
        parts.append(f"{_both(one['errors'])} errors of the check")
    fault = f" Last: {one['fault']}" if one["fault"] else ""
    return f"{one['metric']}: {'; '.join(parts)}.{fault}"


def _both(pair: Sequence[int]) -> str:
    return f"{pair[0]} and {pair[1]}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _put_samples(metrics: Sequence[dict[str, Any]], samples: Sequence[str]) -> None:
    for text in samples:
        name, _, share = text.rpartition("=")
        named = [each for each in metrics if each["metric"] == name]
        value = _decimal(share)
        if value is None or not named:
            known = ", ".join(each["metric"] for each in metrics)
            raise click.UsageError(f"--sample {text!r} is not METRIC=SHARE of one of these: {known}.")
        for each in named:
            each["sample"] = value


def _decimal(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _guard(text: str) -> dict[str, Any]:
    if text.startswith("check/") and "=" not in text:
        return {"metric": text}
    metric, sign, margin = text.rpartition("=")
    try:
        return {"metric": metric, "margin": float(margin if sign else "none")}
    except ValueError:
        raise click.UsageError(f"--guard {text!r} is not METRIC=MARGIN, such as errors=0.01.") from None


def _facts(one: Row) -> Iterator[tuple[str, object]]:
    plan, now = one["plan"], one["now"]
    yield "id", one["id"]
    yield "deployment", f"{one['application_id']}@{one['environment_id']}"
    yield "hypothesis", one["hypothesis"]
    yield "candidate", short_digest(one["candidate"])
    yield "baseline", short_digest(one["baseline"]) if one["baseline"] else None
    yield "plan", _plan(plan)
    yield "suite", one["suite_id"] and f"{plan['suite']}, {short_digest(one['suite_id'])}"
    yield "judges", plan["spend"] and f"cost {one['spent']} of {plan['spend']}"
    yield "state", one["state"]
    yield "outcome", one["outcome"]
    yield "why", one["reason"]
    yield "decision", (one["decision"] or "").replace("_", " ")
    yield "comment", one["comment"]
    yield "waits as", one["approval_id"] if one["state"] == "ended" else None
    if now:
        yield "users", f"{now['counted'][0]} of the candidate, {now['counted'][1]} of the baseline"
        waiting = sum(now["entered"]) - sum(now["counted"])
        seconds_each = one["plan"]["window_seconds"] + LATE_SECONDS
        yield "under way", f"{waiting}; each counts {seconds_each:,} s after the first call" if waiting else None
        yield "shares", f"{_share(now['entered'])}, p {now['balance_p']:.3g}"
        yield "crossed", one["crossed"] or None
        yield "of nobody", one["nobody"] or None
        yield "unpriced", one["unpriced"] or None


def _plan(plan: Row) -> str:
    guards = ", ".join(f"{each['metric']} by {each['margin']:g}" for each in plan["guards"])
    parts = [
        f"{plan['primary']['metric']} {plan['primary']['better'] or ''}".rstrip(),
        f"by {plan['effect']:g}" if plan["effect"] else "",
        f"{plan['share']} % of the users",
        f"{plan['least']} of each arm to {plan['most']} in all",
        f"not worse: {guards}" if guards else "",
        f"alpha {plan['alpha']:g}",
    ]
    return "; ".join(part for part in parts if part)


def _share(entered: Sequence[int]) -> str:
    total = sum(entered)
    return f"{100 * entered[0] / total:.1f} % came to the candidate" if total else "nobody came yet"


def _difference(one: Row) -> str:
    if one["interval"] is None:
        return "too few users"
    low, high = one["interval"]
    return f"{one['difference']:+.4g} ({low:+.4g} to {high:+.4g})"


def _words(one: Row) -> str:
    if one["interval"] is None:
        return f"{one['users'][0]} and {one['users'][1]} users with a value are too few to say anything."
    adjusted = f", {one['explained']:.0%} of the noise known before" if one["explained"] > 0.005 else ""
    sides = f"{one['candidate']:.4g} against {one['baseline']:.4g}"
    return f"{sides}, {_difference(one)} {one['unit']}{adjusted}: {one['state']}"
