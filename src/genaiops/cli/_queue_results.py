"""What came of a queue, for people to read."""

from genaiops.cli._output import Output, Row
from genaiops.cli._queue_text import share_text


def show_results(output: Output, found: Row) -> None:
    """Facts, then labellers and duels, one a line; or all of it as JSON."""
    states = ", ".join(f"{count} {state}" for state, count in found["items"].items() if count) or "none"
    facts: list[tuple[str, object]] = [
        ("queue", found["queue"]),
        ("items", states),
        ("labels", f"{found['labels']} of {found['wanted']}, {found['skipped']} skipped"),
    ]
    for question in found["questions"]:
        counts = ", ".join(f"{option} {count}" for option, count in question["counts"].items() if count)
        if question["agreement"] is not None:
            facts.append((question["name"], counts or "not labelled"))
            facts.append(("  agreement (alpha)", share_text(question["agreement"])))
    for each in found["labellers"]:
        agrees = "; ".join(f"{name} as others {share_text(one)}" for name, one in each["agrees"].items() if one["n"])
        pace = "" if each["seconds"] is None else f", {each['seconds']:g} s each"
        facts.append(
            (
                each["actor"],
                f"{each['labels']} label{'' if each['labels'] == 1 else 's'}{pace}{'; ' + agrees if agrees else ''}",
            )
        )
    duels = found["duels"]
    if duels is not None and duels["ranking"] is not None:
        for rating in duels["ranking"]["ratings"]:
            bounds = "" if rating["low"] is None else f" ({rating['low']:.0f} to {rating['high']:.0f})"
            facts.append(
                (rating["name"], f"rank {rating['rank']}, {rating['value']:.0f}{bounds}, {rating['duels']} duels")
            )
        for pair in duels["pairs"]:
            said = f"wins {pair['won']}, loses {pair['lost']}, ties {pair['tied']}, both bad {pair['both_bad']}"
            facts.append((f"{pair['one']} against {pair['other']}", f"{said}: rate {share_text(pair['rate'])}"))
        facts.append(("left side chosen", share_text(duels["left"])))
        if len(duels["ranking"]["groups"]) > 1:
            apart = " | ".join(", ".join(group) for group in duels["ranking"]["groups"])
            facts.append(("never compared", apart))
    output.facts(found, facts)
