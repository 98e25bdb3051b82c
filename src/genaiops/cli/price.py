"""`genaiops price`: what tokens cost. The table only grows; unknown stays unknown."""

import re
from pathlib import Path
from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._priced import unpriced
from genaiops.cli._session import Session, connected
from genaiops.cli._trace_text import range_text
from genaiops.cli._values import amount, later, pairs, tokens
from genaiops.cli.key import find
from genaiops.core.errors import UsageError

command = noun("price", "The price table: what a million tokens cost, since when.")


def _further(row: Row) -> str:
    """What a line has beside the rates that have columns."""
    tiers = [f">{tokens(tier['above_tokens'])}: {tier['input']}/{tier['output']}" for tier in row["tiers"]]
    rates = [f"{name} {row[name]}" for name in _FURTHER if row[name] is not None]
    charged: dict[str, Any] = row["fees"] or {}
    sizes = [f"{size} {fee}" for size, fee in charged.get("video_sizes", {}).items()]
    fees = [f"{unit} {fee}" for unit, fee in charged.items() if fee != "0" and unit != "video_sizes"] + sizes
    return ", ".join([*tiers, *rates, *fees, *(f"{name} x{share}" for name, share in row["services"].items())])


_SIZE = re.compile(r"\d+x\d+")
_FURTHER = ("cache_write_1h", "audio_input", "audio_output", "image_input", "image_output")


def _tier(text: str) -> dict[str, Any]:
    """`200000:input=2.50,output=15` as the API takes it."""
    mark, _, rates = text.partition(":")
    if not mark.isdigit():
        raise UsageError(f"{text!r} is no tier.", remedy="Write 200000:input=2.50,output=15.00.", param="tier")
    return {"above_tokens": int(mark), **pairs(rates.split(","), param="tier")}


def _amount(bucket: str) -> Column:
    rank = 0 if bucket in {"input", "output"} else 3
    return Column(bucket.upper().replace("_", " "), bucket, right=True, rank=rank)


_COLUMNS = (
    Column("PROVIDER", "provider"),
    Column("MODEL", "model"),
    Column("VERSION", "version", right=True, rank=2),
    *map(_amount, ("input", "output", "cache_read", "cache_write", "reasoning")),
    Column("FURTHER", _further, rank=4),
    Column("CURRENCY", "currency", rank=2),
    Column("VALID FROM", lambda row: (row["valid_from_at"] or "always")[:10], rank=2),
)


@command.verb("list", example="genaiops price list --provider openai")
@click.option("--provider", help="Only those of a provider.")
@click.option("--model", help="Only those of a model.")
@click.option("--history", is_flag=True, help="Every version there ever was. [the ones in force]")
@connected
def list_(session: Session, provider: str | None, model: str | None, history: bool) -> None:
    """List prices a million tokens."""
    lines = session.items("/api/prices", {"provider": provider, "model": model, "history": history})
    session.output.rows(lines, _COLUMNS, empty="No price is known there: such calls cost `unknown`.")


@command.verb("set", example="genaiops price set openai gpt-4.1-mini --input 0.40 --output 1.60 --cache-read 0.10")
@click.argument("provider")
@click.argument("model")
@click.option("--input", "input_", required=True, help="For a million input tokens, as 0.40.")
@click.option("--output", required=True, help="For a million output tokens.")
@click.option("--cache-read", help="For input tokens out of the provider's cache. [as input]")
@click.option("--cache-write", help="For input tokens written to it. [as input]")
@click.option("--cache-write-1h", "cache_write_1h", help="For input tokens written to it for an hour. [as cache write]")
@click.option("--reasoning", help="For reasoning tokens. [as output]")
@click.option("--audio-input", help="For audio tokens of the input. [cost unknown]")
@click.option("--audio-output", help="For audio tokens of the output. [cost unknown]")
@click.option("--image-input", help="For image tokens of the input. [as input]")
@click.option("--image-output", help="For image tokens of the output. [cost unknown]")
@click.option(
    "--tier", "tiers", multiple=True, metavar="TOKENS:BUCKET=AMOUNT,...", help="Other rates above so much input."
)
@click.option(
    "--fee",
    "fees",
    multiple=True,
    metavar="UNIT=AMOUNT",
    help="Of: call, search, image, characters, audio_minute, video_second; a second of that size: 1792x1024.",
)
@click.option("--service", "services", multiple=True, metavar="NAME=SHARE", help="A class of service: batch=0.5.")
@click.option("--currency", default="USD", show_default=True, help="Three capitals.")
@click.option("--valid-from", help="An ISO time. [now]")
@click.option("--source", default="", help="Where it is published.")
@connected
def set_(session: Session, input_: str, valid_from: str | None, **options: Any) -> None:
    """Add a price: the next version of that model's. No line is ever changed."""
    body: dict[str, Any] = {"input": input_}
    body |= {name: value for name, value in options.items() if value is not None and value != ()}
    if options["tiers"]:
        body["tiers"] = [_tier(text) for text in options["tiers"]]
    for name in ("fees", "services"):
        if options[name]:
            body[name] = pairs(options[name], param=name)
    if "fees" in body:
        sizes = {unit: body["fees"].pop(unit) for unit in list(body["fees"]) if _SIZE.fullmatch(unit)}
        body["fees"] |= {"video_sizes": sizes} if sizes else {}
    if valid_from is not None:
        body["valid_from"] = later(valid_from, param="valid_from")
    made = session.write("POST", "/api/prices", body)
    session.output.result(made, f"{made['provider']}/{made['model']} has version {made['version']}.")


@command.verb("import", example="genaiops price import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@connected
def import_(session: Session, file: Path | None) -> None:
    """Add what differs in a price table (TOML); without FILE the one that comes with the program."""
    body = {"toml": file.read_text(encoding="utf-8")} if file is not None else {}
    lines = session.write("POST", "/api/prices/import", body)["data"]
    session.output.rows(lines, _COLUMNS, empty="Nothing differs.")


@command.verb("check", example="genaiops price check --since 30d")
@click.option("--since", help="Charge the calls since then anew, by the price of their day: 30d or an ISO time.")
@click.option("--until", help="Until then: 1d or an ISO time. [now]")
@click.option("--apply", is_flag=True, help="Correct the costs that differ; traces keep the recorded ones.")
@connected
def check(session: Session, since: str | None, until: str | None, apply: bool) -> int:
    """Say which targets have no known price; with --since which calls cost something else by the price of their day.

    Exit status 1 when there are any (with --since: and they were not corrected).
    """
    if since is not None:
        return _repriced(session, since, until, apply=apply)
    if apply or until is not None:
        raise UsageError("Which calls?", remedy="Give --since too: genaiops price check --since 30d.", param="since")
    unknown = [
        {"target": target["id"], "provider": target["provider"], "model": target["upstream_model"]}
        for target in unpriced(session)
    ]
    columns = (Column("TARGET", "target"), Column("PROVIDER", "provider"), Column("MODEL", "model"))
    session.output.rows(unknown, columns, empty="Every target has a known price.")
    if unknown:
        one = f"genaiops price set {unknown[0]['provider']} {unknown[0]['model']} --input 0.40 --output 1.60"
        session.output.note("Calls to these cost an unknown amount, and hard budgets in money refuse them.")
        session.output.note(f"Such as: {one}")
    return 1 if unknown else 0


@command.verb("estimate", example="genaiops price estimate --model chat --input-tokens 2000 --output-tokens 300")
@click.option("--model", help="The model or route that would be called.")
@click.option("--input-tokens", type=click.IntRange(0), help="Of the prompt.")
@click.option("--output-tokens", type=click.IntRange(0), help="Of the answer. [its cap, at most 300]")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A body, as it would be sent."
)
@click.option("--path", default="/v1/chat/completions", show_default=True, help="Where it would be sent.")
@click.option("--for-key", "for_key", help="Whose limits: a key's name or id. [the key that asks]")
@connected
def estimate(
    session: Session,
    model: str | None,
    file: Path | None,
    for_key: str | None,
    **options: Any,
) -> int:
    """Say what a call would cost, by target, and how many such calls budgets and limits would let through.

    Nothing is called. Exit status 1 when a limit would refuse it now.
    """
    body = {name: value for name, value in options.items() if value is not None}
    if file is not None:
        body["request"] = _text(file)
    if model is not None:
        body["model"] = model
    if for_key is not None:
        body["key_id"] = find(session, for_key)
    found = session.client.request("POST", "/api/prices/estimate", body).json()
    plans = [plan for plan in (found["usual"], found["over_budget"]) if plan is not None]
    if session.output.as_json:
        session.output.json(found)
    else:
        _tell_estimate(session, found, plans)
    return int(all(plan["refused_by"] is not None for plan in plans))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8.", remedy="Give a JSON body.", param="file") from error


def _tell_estimate(session: Session, found: Row, plans: list[Row]) -> None:
    told = "not counted beforehand"
    if found["input_tokens"] is not None:
        told = f"{tokens(found['input_tokens'])} in, {tokens(found['output_tokens'])} out ({found['estimator']})"
    session.output.note(f"Expected tokens: {told}.")
    session.output.rows([target for plan in plans for target in plan["targets"]], _ESTIMATED, empty="")
    limits = [limit for plan in plans for limit in plan["limits"]]
    session.output.rows(limits, _LEFT, empty="No limit applies.")
    for plan in plans:
        if plan["refused_by"] is not None:
            which = "The usual targets" if plan is plans[0] else "Those over budget"
            session.output.note(f"{which} would be refused now: {plan['refused_by']}")


_ESTIMATED = (
    Column("TARGET", "target"),
    Column("AS", "role"),
    Column("EXPECTED", lambda row: row["expected"] or "unknown", right=True),
    Column("AT MOST", lambda row: row["most"] or "unknown", right=True),
    Column("CURRENCY", lambda row: row["currency"] or "-"),
    Column("TOKENS AT MOST", lambda row: tokens(row["most_tokens"]), right=True, rank=1),
    Column("PRICE", lambda row: "none" if row["price_id"] is None else f"version {row['price_version']}", rank=1),
    Column("ENERGY", lambda row: _watt_hours(row["energy"]), right=True, rank=2),
)
_LEFT = (
    Column("LIMIT", "limit_id"),
    Column("OF", lambda row: f"{row['scope']} {row['scope_id']}"),
    Column("HARD", lambda row: "yes" if row["hard"] else "no"),
    Column("NEEDS", lambda row: amount(row["amount"], row["unit"]), right=True),
    Column("USED", lambda row: amount(row["settled"], row["unit"]), right=True),
    Column("LIMIT IS", lambda row: amount(row["limit"], row["unit"]), right=True),
    Column("AT ONCE", lambda row: "-" if row["at_once"] is None else tokens(row["at_once"]), right=True),
    Column("IN A ROW", lambda row: "-" if row["in_a_row"] is None else tokens(row["in_a_row"]), right=True),
)


def _watt_hours(energy: Row | None) -> str:
    return "unknown" if energy is None else range_text({name: kwh * 1000 for name, kwh in energy.items()}, "Wh")


_REPRICED = (
    Column("MODEL", lambda row: "all" if row["model"] is None else f"{row['provider']}/{row['model']}"),
    Column("CALLS", lambda row: tokens(row["calls"]), right=True),
    Column("DIFFER", lambda row: tokens(row["changed"]), right=True),
    Column("RECORDED", "recorded", right=True),
    Column("BY TABLE", "computed", right=True),
    Column("DIFFERENCE", "difference", right=True),
    Column("NEWLY KNOWN", lambda row: f"{row['newly_cost']} ({row['newly_known']})", right=True, rank=2),
    Column("UNKNOWN", lambda row: tokens(row["unknown"] + row["no_price"]), right=True, rank=2),
    Column("CURRENCY", "currency", rank=3),
)


def _repriced(session: Session, since: str, until: str | None, *, apply: bool) -> int:
    if apply:
        found = session.client.request("POST", "/api/prices/check", {"since": since, "until": until}).json()
    else:
        found = session.client.get("/api/prices/check", {"since": since, "until": until})
    changed = sum(row["changed"] for row in found["total"])
    if session.output.as_json:
        session.output.json(found)
    else:
        session.output.rows([*found["models"], *found["total"]], _REPRICED, empty="There was no call with usage.")
        if apply:
            session.output.note(f"{found['corrected']} of {changed} costs are corrected; budgets stay as they are.")
        elif changed:
            session.output.note(f"{changed} calls differ; --apply corrects them.")
    return 1 if changed and not apply else 0
