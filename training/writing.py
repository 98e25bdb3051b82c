"""Puts a classifier and its card where genaiops ships them."""

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from genaiops.checks.classifying import Card, Metric, Source
from genaiops.checks.classifying._weights import Weights, digest, dump
from training.corpora import Corpus

DATA = Path(__file__).parents[1] / "src" / "genaiops" / "checks" / "classifying" / "data"
CACHE = Path("~/.cache/genaiops-training")


class Places(Struct, frozen=True):
    """`home` is a data directory with the weights of MiniLM, `target` where weights and card go."""

    home: Path
    cache: Path
    target: Path

    @property
    def packages(self) -> Path:
        return self.cache / "packages"


def asked_places(name: str, about: str | None) -> Places:
    """What the command line of `python -m training.NAME` says."""
    parser = argparse.ArgumentParser(prog=f"python -m training.{name}", description=about)
    parser.add_argument("--home", type=Path, required=True, help="a data directory with the weights of minilm-int8")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"packages and vectors ({CACHE})")
    parser.add_argument("--target", type=Path, default=DATA, help="where weights and card are written")
    given = parser.parse_args()
    return Places(given.home.expanduser(), given.cache.expanduser(), given.target.expanduser())


def source_of(corpus: Corpus, used_for: Literal["training", "evaluation"]) -> Source:
    return Source(
        name=corpus.name,
        origin=corpus.origin,
        licence=corpus.licence,
        digest=f"sha256:{corpus.digest}",
        positive=corpus.positive,
        negative=len(corpus.rows) - corpus.positive,
        used_for=used_for,
    )


def sources_of(trained_by: Iterable[Corpus], evaluated: Iterable[Corpus]) -> list[Source]:
    return [*(source_of(one, "training") for one in trained_by), *(source_of(one, "evaluation") for one in evaluated)]


def made_with() -> dict[str, str]:
    names = ("numpy", "scipy", "scikit-learn", "onnxruntime", "tokenizers")
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def write(places: Places, name: str, weights: Weights, **card: Any) -> None:
    """Weights and card; the figures that speak across sources are printed, no text is."""
    raw = dump(weights)
    made = Card(
        name=name,
        version=digest(raw),
        date=datetime.now(UTC).date().isoformat(),
        made_by=f"python -m training.{name}",
        made_with=made_with(),
        sources=tuple(card.pop("sources")),
        metrics=tuple(card.pop("metrics")),
        **card,
    )
    places.target.mkdir(parents=True, exist_ok=True)
    (places.target / f"{name}.npz").write_bytes(raw)
    (places.target / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    print(f"{name} {made.version}, {len(raw):,} bytes, threshold {made.threshold.value}")
    for metric in made.metrics:
        print(told(metric))


def told(metric: Metric) -> str:
    result = metric.result
    where = f"{metric.tested_on} <- {metric.trained_on}"
    return f"{metric.measure:13} {result.value:.3f} [{result.low:.3f}, {result.high:.3f}] n={result.n:<6} {where}"
