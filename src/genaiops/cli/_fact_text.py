"""Claims of answers, and how often their verdicts are wrong, for people to read."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from genaiops.cli._output import Output, Row, one_line
from genaiops.cli._queue_text import share_text

_WORDS: Final = {"supported": "supported", "refuted": "CONTRADICTED", "not_enough_evidence": "NOT FOUND"}
_MEASURES: Final = {"false_alarms": "false alarms", "auc": "AUC", "brier": "Brier", "ece": "calibration error"}
_WIDTH: Final = 12


def show_claims(output: Output, found: Row) -> None:
    """Each answer with its claims; then what the verdicts are worth. Or all of it as JSON."""
    if output.as_json:
        output.json(found)
        return
    for number, each in enumerate(found["data"]):
        if number:
            output.line()
        for line in answer_lines(each):
            output.line(line)
    if not found["data"]:
        output.note("There is no answer here.")
    for line in method_lines(found["methods"]):
        output.note(line)
    if found["next"] is not None:
        output.note(f"The next page: --start {found['next']}")


def answer_lines(each: Mapping[str, Any]) -> Iterator[str]:
    """An answer, and below it a claim a line with the passage that decides it."""
    what = " ".join(str(each[name]) for name in ("case", "target") if each[name]) or "text"
    sure = each["confidence"]
    counts = each["counts"]
    said = f"{counts['supported']} of {sum(counts.values())} claims supported"
    yield f"{what}: {said}" + ("" if sure is None else f", mean probability {sure:.2f}")
    if each["why"]:
        yield f"  {each['why']}"
    for claim in each["claims"]:
        said, place = one_line(claim["text"], 200), f"{claim['start']}-{claim['end']}"
        yield f"  {_WORDS[claim['verdict']].ljust(_WIDTH)} {claim['probability']:.2f}  {said}  [{place}]"
        if claim["missing"]:
            yield f"    in no source: {', '.join(claim['missing'])}"
        cited = claim["citation"]
        if cited is not None:
            name = cited["title"] or cited["source"]
            yield f"    {name} [{cited['start']}-{cited['end']}]: {one_line(cited['quote'], 200)}"
    for judged in each["judged"]:
        yield f"  judge {judged['check']}: {judged['about']}"
        for claim in judged["claims"]:
            word = f"passage {claim['source']}" if claim["supported"] else "NOT FOUND"
            yield f"    {word.ljust(_WIDTH)} {one_line(claim['text'], 200)}"


def method_lines(methods: list[Row]) -> Iterator[str]:
    """How often verdicts are wrong."""
    for method in methods:
        yield f"{method['name']}: {method['title']}"
        for one in method["measured"]:
            name = _MEASURES.get(one["measure"], one["measure"])
            yield f"  {name} {one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f}; n {one['n']}): {one['of']}"


def show_errors(output: Output, found: Row) -> None:
    """How often the method was wrong about the claims of a queue."""
    named = ("precision", "recall", "false_alarms")
    facts: list[tuple[str, object]] = [("queue", found["queue"]), ("method", found["method"])]
    facts.append(("decided", f"{found['claims']} claims of {found['answers']} answers"))
    facts += [(name.replace("_", " "), share_text(found[name])) for name in named if found[name]["value"] is not None]
    if found["brier"]["value"] is not None:
        facts.append(("Brier", share_text(found["brier"])))
    output.facts(found, [*facts, ("", found["why"])])
