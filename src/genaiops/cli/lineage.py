"""`genaiops lineage`: what was made from what."""

from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Row
from genaiops.cli._session import Session, connected
from genaiops.sdk import path_of

command = noun("lineage", "Lineage: what was made from what, from an answer back to its data.")

_WORDS = {
    "made_from": ("made from", "made into"),
    "includes": ("includes", "included in"),
    "pins": ("pins", "pinned by"),
    "trained_on": ("trained on", "trained"),
    "tested_on": ("tested on", "tested"),
    "deployed": ("runs", "deployed as"),
    "answered_with": ("answered with", "answered"),
    "derived": ("is", "version of"),
}


@command.verb("show", example="genaiops lineage show dataset/support/seen")
@click.argument("ref")
@click.option("--up/--down", "up", default=True, help="What it was made from, or what was made from it. [up]")
@click.option("--depth", type=click.IntRange(1, 32), default=32, show_default=True, help="So many steps.")
@connected
def show(session: Session, ref: str, up: bool, depth: int) -> None:
    """Show a tree: of KIND/NAME, KIND/NAME@sha256:DIGEST, or trace/ID for an answer."""
    found: Row = session.client.get(path_of("/api/lineage", ref), {"direction": "up" if up else "down", "depth": depth})
    if session.output.as_json:
        session.output.json(found)
        return
    for line in tree(found, up=up):
        session.output.line(line)
    if not found["complete"]:
        session.output.note("There is more beyond: give a larger --depth, or begin there.")


@command.verb("add", example="genaiops lineage add file/raw.csv dataset/support/seen@sha256:0a1b --relation made_from")
@click.argument("source")
@click.argument("target")
@click.option("--relation", type=click.Choice(list(_WORDS)), default="made_from", show_default=True)
@connected
def add(session: Session, source: str, target: str, relation: str) -> None:
    """Record that TARGET was made from SOURCE, for what is made elsewhere."""
    made = session.write("POST", "/api/lineage", {"source": source, "target": target, "relation": relation})
    session.output.result(made, f"{target} {_WORDS[relation][0]} {source}.")


_TRACES = 5


def tree(found: Row, *, up: bool) -> list[str]:
    """Lines of the walk as a tree; what was shown before is named and not unfolded again."""
    here, there = ("target", "source") if up else ("source", "target")
    stages = {node["ref"]: node["stage"] or node["kind"] for node in found["nodes"]}
    lines = [f"{_short(found['ref'])}  [{stages[found['ref']]}]"]
    shown = {found["ref"]}

    def below(ref: str, indent: str) -> None:
        edges: list[Any] = [each for each in found["edges"] if each[here] == ref]
        traces = [each for each in edges if each[there].startswith("trace/")]
        if len(traces) > _TRACES:  # a dataset of thousands of them
            edges = [each for each in edges if each not in traces[_TRACES:]]
            lines.append(f"{indent}├─ and {len(traces) - _TRACES:,} traces more (--json lists them)")
        for number, each in enumerate(edges, 1):
            last = number == len(edges)
            word = _WORDS[each["relation"]][0 if up else 1]
            other = each[there]
            again = "  (see above)" if other in shown else ""
            lines.append(f"{indent}{'└' if last else '├'}─ {word} {_short(other)}  [{stages[other]}]{again}")
            if not again:
                shown.add(other)
                below(other, indent + ("   " if last else "│  "))

    below(found["ref"], "")
    return lines


def _short(ref: str) -> str:
    name, sign, digest = ref.partition("@sha256:")
    return f"{name}{sign}{digest[:12]}"
