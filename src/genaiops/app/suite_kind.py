"""What the Hub has to know of suites, which the ARENA knows."""

from collections.abc import Mapping, Sequence
from typing import Any

from genaiops.arena import live_facts, read_suite_document, suite_manifest
from genaiops.domain import Relation
from genaiops.hub import Kind
from genaiops.ports.records import View


def _prepare(_: View, __: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """UsageError names every fault."""
    return suite_manifest(read_suite_document(dict(manifest)).checked())


def _made_of(manifest: Mapping[str, Any]) -> Sequence[tuple[Relation, str]]:
    """The versions of datasets that its cases come from; where it names an alias, a run pins what that means."""
    named = [source.get("dataset", "").removeprefix("dataset/") for source in manifest.get("cases", ())]
    return [("includes", f"dataset/{name}") for name in named if "@sha256:" in name]


SUITE = Kind(prepare=_prepare, made_of=_made_of, live=live_facts)
