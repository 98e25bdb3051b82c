"""`genaiops queue`: what people label."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._queue_results import show_results
from genaiops.cli._queue_text import (
    found_run,
    item_lines,
    label_form,
    label_line,
    question_text,
    read_answers,
    read_question,
)
from genaiops.cli._session import Session, connected
from genaiops.cli._values import pairs, short_time
from genaiops.core.counting import counted
from genaiops.core.errors import NotFound, UsageError
from genaiops.sdk import path_of

command = noun("queue", "Queues: items that people label, how far they agree, and duels.")

_PATH = "/api/queues"
_COLUMNS = (
    Column("QUEUE", "id"),
    Column("STATE", "state"),
    Column("ITEMS", lambda row: str(sum(row["items"].values())), right=True),
    Column("OPEN", lambda row: str(row["items"].get("open", 0)), right=True),
    Column("DISPUTED", lambda row: str(row["items"].get("disputed", 0)), right=True, rank=1),
    Column("ASKS", lambda row: " ".join(map(question_text, row["questions"])), elastic=True, rank=2),
)
_ITEMS = (
    Column("PLACE", lambda row: str(row["place"]), right=True),
    Column("STATE", "state"),
    Column("LABELS", lambda row: f"{row['labels']} of {row['wanted']}"),
    Column("SOURCE", "source", elastic=True),
)
_STATES = click.Choice(["open", "done", "disputed", "settled", "erased"])
_PLACE = click.argument("place", type=click.IntRange(1))
_LABELLERS = click.option("--labeller", "labellers", multiple=True, help="Who labels; repeatable. [whoever may]")
_OVERLAP = click.option("--overlap", type=click.IntRange(2, 20), help="How many label an item that more than one do.")
_SHARE = click.option("--share", "overlap_share", type=click.FloatRange(0, 1), help="Of how many items, from 0 to 1.")


@command.verb("create", example="genaiops queue create answers --question grade:choice=bad=0,good=1 --share 0.3")
@click.argument("name")
@click.option(
    "--question",
    "questions",
    multiple=True,
    help="NAME:KIND[?][=MORE]: grade:choice=bad=0,good=1, stars:scale=1-5, note:text?, fix:correction?, facts:claims, "
    "better:preference; ? is optional; repeatable.",
)
@click.option("--duel", is_flag=True, help="The same as --question better:preference.")
@click.option("--title", default="", help="What people call it.")
@click.option("--guidelines", type=click.Path(dir_okay=False, path_type=Path), help="A Markdown file.")
@_LABELLERS
@_OVERLAP
@_SHARE
@click.option("--shuffle", is_flag=True, help="Items in an order that is drawn. [as they are added]")
@click.option("--open", "opened", is_flag=True, help="Labellers see what made an answer, and what others said.")
@click.option(
    "--lease", "lease_minutes", type=click.IntRange(1), help="Minutes for which an item is one person's. [30]"
)
@connected
def create(
    session: Session,
    name: str,
    questions: Sequence[str],
    duel: bool,
    guidelines: Path | None,
    shuffle: bool,
    opened: bool,
    **options: Any,
) -> None:
    """Make a queue with what is asked of each item."""
    asked = [read_question(text) for text in questions]
    if duel:
        asked.insert(0, {"name": "better", "kind": "preference"})
    body = {field: value for field, value in options.items() if value not in (None, ())}
    body |= {"name": name, "questions": asked, "blind": not opened}
    if shuffle:
        body["order"] = "shuffled"
    if guidelines is not None:
        body["guidelines"] = _read(guidelines)
    made = session.write("POST", _PATH, body)
    session.output.result(made, f"The queue {name} is there. Put items into it: genaiops queue add {name}")


@command.verb("list", example="genaiops queue list")
@connected
def list_(session: Session) -> None:
    """List the queues that you read or label in."""
    empty = "There is no queue. Make one with `genaiops queue create NAME --question grade:choice=bad=0,good=1`."
    session.output.rows(session.items(_PATH), _COLUMNS, empty=empty)


@command.verb("show", example="genaiops queue show answers")
@click.argument("name")
@connected
def show(session: Session, name: str) -> None:
    """Show a queue with its guidelines."""
    _show(session, session.client.get(path_of(_PATH, name)))


@command.verb("set", example="genaiops queue set answers --labeller ann --labeller bob")
@click.argument("name")
@click.option("--title", help="What people call it.")
@_LABELLERS
@click.option("--anybody", is_flag=True, help="Whoever may label labels here.")
@_OVERLAP
@_SHARE
@click.option("--lease", "lease_minutes", type=click.IntRange(1), help="Minutes for which an item is one person's.")
@click.option("--close/--open", "closed", default=None, help="Nobody labels while it is closed.")
@connected
def set_(session: Session, name: str, anybody: bool, closed: bool | None, **options: Any) -> None:
    """Change what is given. Items that are there keep how many people label them."""
    body = {field: value for field, value in options.items() if value not in (None, ())}
    if anybody:
        body["labellers"] = []
    if closed is not None:
        body["state"] = "closed" if closed else "open"
    if not body:
        raise click.UsageError("Nothing to change was given.")
    _show(session, session.write("PATCH", path_of(_PATH, name), body))


@command.verb("guide", example="genaiops queue guide answers guidelines.md")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@connected
def guide(session: Session, name: str, file: Path) -> None:
    """Give a queue the guidelines of a Markdown file. Labels say under which revision they were made."""
    made = session.write("PUT", path_of(_PATH, name, "guidelines"), {"guidelines": _read(file)})
    session.output.result(made, f"{name} has revision {made['revision']} of its guidelines.")


@command.verb("remove", example="genaiops queue remove answers")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove a queue with its items and labels. Datasets that were made of them stay."""
    session.write("DELETE", path_of(_PATH, name))
    session.output.result({"id": name, "removed": True}, f"The queue {name} is removed.")


@command.verb("add", example="genaiops queue add answers --run latest --target new")
@click.argument("name")
@click.option("--trace", "trace_ids", multiple=True, help="A trace by its id; repeatable.")
@click.option("--since", help="Traces since then: 15m, 24h, 7d or an ISO time.")
@click.option("--score", "scores", multiple=True, help="Traces with a score: NAME, NAME=LABEL, NAME<0.5; repeatable.")
@click.option("--filter", "more", multiple=True, help="A parameter of /api/traces, NAME=VALUE; repeatable.")
@click.option("--dataset", help="The rows of NAME, NAME@ALIAS or NAME@sha256:DIGEST.")
@click.option("--answer", "answers", multiple=True, help="The column of the answer; twice for a duel. [output]")
@click.option("--side", "sides", multiple=True, help="What both answers of a duel are called. [their columns]")
@click.option("--run", "run_id", help="The answers of a run; latest: of the newest.")
@click.option("--target", help="Of this target. [all]")
@click.option("--against", help="A duel with this target.")
@click.option("--against-run", help="A duel with the same cases of that run.")
@click.option("--case", "cases", multiple=True, help="Only this case of the run; repeatable.")
@click.option("--draw", type=click.IntRange(1, 10_000), help="So many of the run's cases, drawn by lot.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="At most so many.")
@connected
def add(session: Session, name: str, limit: int, **given: Any) -> None:
    """Put in traces, rows of a dataset, or answers of a run. What is there already stays as it is."""
    body: dict[str, Any] = {"limit": limit}
    if given["trace_ids"]:
        body["trace_ids"] = list(given["trace_ids"])
    if given["since"] or given["scores"] or given["more"]:
        conditions: dict[str, Any] = {**pairs(given["more"], param="filter")}
        conditions |= {"since": given["since"]} if given["since"] else {}
        conditions |= {"score": list(given["scores"])} if given["scores"] else {}
        body["traces"] = conditions
    if given["dataset"]:
        body["dataset"] = given["dataset"]
        body |= {field: list(given[field]) for field in ("answers", "sides") if given[field]}
    if given["run_id"]:
        wanted = {field: given[field] for field in ("target", "against", "against_run", "draw") if given[field]}
        body["run"] = {"id": found_run(session, given["run_id"]), **wanted, "cases": list(given["cases"])}
    made = session.write("POST", path_of(_PATH, name, "items"), body)
    more = f", {made['there']:,} were there" if made["there"] else ""
    more += f", {made['skipped']:,} have no content" if made["skipped"] else ""
    session.output.result(made, f"{counted(made['added'], 'item')} added to {name}{more}.")


@command.verb("items", example="genaiops queue items answers --state disputed")
@click.argument("name")
@click.option("--state", type=_STATES, help="Only in this state.")
@connected
def items(session: Session, name: str, state: str | None) -> None:
    """List the items of a queue."""
    found = session.items(path_of(_PATH, name, "items"), {"state": state})
    session.output.rows(found, _ITEMS, empty=f"Nothing. Put items into it: genaiops queue add {name}")


@command.verb("next", example="genaiops queue next answers")
@click.argument("name")
@connected
def next_(session: Session, name: str) -> None:
    """Show what you are to label next. It is yours alone for a while."""
    found = session.write("POST", path_of(_PATH, name, "next"), {})
    if session.output.as_json:
        session.output.json(found)
        return
    if found["item"] is None:
        session.output.line("Nothing is left for you.")
        return
    _print(session, name, found["item"])


@command.verb("item", example="genaiops queue item answers 1")
@click.argument("name")
@_PLACE
@connected
def item(session: Session, name: str, place: int) -> None:
    """Show an item, and what was said of it as far as you are not blind to that."""
    found = session.client.get(path_of(_PATH, name, "items", str(place)))
    if session.output.as_json:
        session.output.json(found)
    else:
        _print(session, name, found)


@command.verb("label", example="genaiops queue label answers 1 grade=good --comment 'polite, too'")
@click.argument("name")
@_PLACE
@click.argument("answers", nargs=-1, required=True)
@click.option("--comment", default="", help="Why.")
@connected
def label(session: Session, name: str, place: int, answers: Sequence[str], comment: str) -> None:
    """Label an item: QUESTION=ANSWER for each question; of claims facts.1=supported or facts.1=refuted;SOURCE.
    Again: the label changes."""
    body = {"answers": read_answers(answers), "comment": comment}
    made = session.write("PUT", path_of(_PATH, name, "items", str(place), "label"), body)
    session.output.result(made, f"Item {place} is {made['state']}: {label_line(made['own'])}")


@command.verb("skip", example="genaiops queue skip answers 1")
@click.argument("name")
@_PLACE
@connected
def skip(session: Session, name: str, place: int) -> None:
    """Leave an item to others."""
    made = session.write("POST", path_of(_PATH, name, "items", str(place), "skip"))
    session.output.result(made, f"Item {place} is left to others.")


@command.verb("undo", example="genaiops queue undo answers 1")
@click.argument("name")
@_PLACE
@connected
def undo(session: Session, name: str, place: int) -> None:
    """Take your label of an item back, or that you skipped it."""
    made = session.write("DELETE", path_of(_PATH, name, "items", str(place), "label"))
    session.output.result(made, f"Item {place} is yours to label again.")


@command.verb("settle", example="genaiops queue settle answers 2 grade=bad")
@click.argument("name")
@_PLACE
@click.argument("answers", nargs=-1, required=True)
@click.option("--comment", default="", help="Why.")
@connected
def settle(session: Session, name: str, place: int, answers: Sequence[str], comment: str) -> None:
    """Say what holds of an item that people differ in."""
    body = {"answers": read_answers(answers), "comment": comment}
    made = session.write("POST", path_of(_PATH, name, "items", str(place), "settle"), body)
    session.output.result(made, f"Item {place} is settled.")


@command.verb("history", example="genaiops queue history answers 1")
@click.argument("name")
@_PLACE
@connected
def history(session: Session, name: str, place: int) -> None:
    """Show what was said of an item and changed, newest first."""
    found = session.items(path_of(_PATH, name, "items", str(place), "history"))
    columns = (
        Column("WHEN", lambda row: short_time(row["at"])),
        Column("BY", "by"),
        Column("STATE", "state"),
        Column("SAID", lambda row: label_line(row["label"]) if row["label"] else "", elastic=True),
    )
    session.output.rows(found, columns, empty="Nothing happened yet.")


@command.verb("results", example="genaiops queue results answers")
@click.argument("name")
@connected
def results(session: Session, name: str) -> None:
    """Show how far a queue is, how far people agree, and of duels who is better."""
    show_results(session.output, session.client.get(path_of(_PATH, name, "results")))


@command.verb("export", example="genaiops queue export answers support/graded")
@click.argument("name")
@click.argument("dataset")
@click.option("--whole", is_flag=True, help="All rows of the dataset that the items are of, the labelled ones changed.")
@click.option("--description", default="", help="What this version is.")
@click.option("--licence", default="", help="The licence of the rows.")
@connected
def export(session: Session, name: str, dataset: str, **options: Any) -> None:
    """Make a version of a dataset of what people said, with its lineage. What is disputed is left out."""
    made = session.write("POST", path_of(_PATH, name, "dataset"), {"dataset": dataset, **options})
    what = f"{made['dataset']}@{made['digest'][:19]}"
    said = f"{what}: {counted(made['rows'], 'row')}." if made["created"] else f"{what} was there already."
    session.output.result(made, said)


@command.verb("labels", example="genaiops queue labels answers --question grade -o labels.jsonl")
@click.argument("name")
@click.option("--question", required=True, help="A choice whose options have a worth, or a scale.")
@click.option("-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write them there.")
@connected
def labels(session: Session, name: str, question: str, file: Path | None) -> None:
    """Print labels as `genaiops judge calibrate` reads them, a JSON object a line."""
    from genaiops.cli._queue_labels import judge_lines

    text = judge_lines(session, name, question)
    if file is None:
        session.output.line(text.rstrip("\n"))
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}.", remedy="Name another.", param="output"
        ) from None
    session.output.result({"file": str(file)}, f"{file} is written: {counted(text.count(chr(10)), 'label')}.")


@command.verb("scores", example="genaiops queue scores answers")
@click.argument("name")
@connected
def scores(session: Session, name: str) -> None:
    """Let each label of a trace be a score of it, by who labelled it. Again: nothing is added twice."""
    made = session.write("POST", path_of(_PATH, name, "scores"))
    session.output.result(made, f"{counted(made['scores'], 'score')} of {counted(made['traces'], 'trace')}.")


def _show(session: Session, found: Row) -> None:
    several = f"{found['overlap']} people label {found['overlap_share']:.0%} of the items"
    session.output.facts(
        found,
        (
            ("queue", found["id"]),
            ("title", found["title"]),
            ("state", found["state"]),
            ("asks", [question_text(each) for each in found["questions"]]),
            ("labellers", found["labellers"] or "whoever may label"),
            ("overlap", several if found["overlap_share"] else "each item is labelled once"),
            ("blind", "yes" if found["blind"] else "no"),
            ("items", ", ".join(f"{count} {state}" for state, count in found["items"].items() if count) or "none"),
            ("guidelines", f"revision {found['revision']}"),
            ("", found["guidelines"]),
        ),
    )


def _print(session: Session, name: str, found: Row) -> None:
    queue = session.client.get(path_of(_PATH, name))
    for line in item_lines(found, queue["questions"]):
        session.output.line(line)
    asks, form = " ".join(map(question_text, queue["questions"])), label_form(queue["questions"])
    session.output.note(f"asks: {asks}. Label it: genaiops queue label {name} {found['place']} {form}")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.", remedy="Name a Markdown file.", param="guidelines") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", remedy="Save it as UTF-8.", param="guidelines") from None
