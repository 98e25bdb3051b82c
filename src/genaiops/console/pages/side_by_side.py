"""Two versions of a prompt on a dataset: begun from the prompt's page, read on the run's, and promoted from there."""

from typing import Any, Final

import msgspec
from litestar import Response, post

from genaiops.arena import side_by_side
from genaiops.checks.metrics import cards
from genaiops.console._forms import whole_of
from genaiops.console._visit import Visit, Visiting, field, optional, redirect
from genaiops.core.errors import GenaiopsError, NotFound
from genaiops.domain import PromptManifest
from genaiops.hub import may_see

_LIMIT: Final = 50
_MOST: Final = 1_000
_FIRST: Final = ("icontains", "equals", "token_f1", "rougeL", "similarity")
_NEEDS: Final = {"output", "expected"}


def datasets(visit: Visit) -> list[tuple[str, str]]:
    """The newest version of each that the visitor may see: `NAME@sha256:...`, and what it is called."""
    artifacts = visit.services.hub.artifacts
    found: list[tuple[str, str]] = []
    for artifact in artifacts.of_kind("dataset"):
        versions = artifacts.versions(artifact.id) if may_see(visit.actor, artifact) else ()
        if versions:
            found.append((versions[-1].id.removeprefix("dataset/"), artifact.name))
    return found


def comparing_metrics() -> list[str]:
    """Those that hold an answer against what is expected, and need nothing else; the common ones first."""
    fits = [
        card.name
        for card in cards()
        if card.over == "sample" and card.decides and not card.extra and set(card.needs) <= _NEEDS
    ]
    return [name for name in _FIRST if name in fits] + [name for name in fits if name not in _FIRST]


@post("/hub/side-by-side", sync_to_thread=True)
def begin(visit: Visiting) -> Response[None]:
    """Ask both versions every row, and show the run."""
    form = visit.form
    artifact = field(form, "artifact")
    try:
        visit.require("playground")
        visit.require("artifacts")
        hub = visit.services.hub
        if not may_see(visit.actor, hub.artifacts.get(artifact)):
            raise NotFound(f"There is no artifact {artifact[:120]!r}.", remedy="The Hub lists those that you may see.")
        after = hub.artifacts.resolve(field(form, "after"))
        before = hub.artifacts.resolve(field(form, "before"))
        document = side_by_side(
            before.id.removeprefix("prompt/"),
            after.id.removeprefix("prompt/"),
            dataset=field(form, "dataset"),
            metrics=[field(form, "metric")],
            model=optional(form, "model") or "",
            variables=[each.name for each in msgspec.convert(after.manifest, PromptManifest).variables],
            limit=min(_MOST, whole_of(form, "limit") or _LIMIT),
        )
        name = f"{artifact.removeprefix('prompt/')}/side-by-side"
        run = visit.services.begin_suite(visit.actor, name, document, visit.environment)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link(f"/hub/{artifact}"))
    visit.say("Both versions are asked. Each case shows their answers beside each other.")
    return redirect(visit.link(f"/arena/runs/{run.id}"))


HANDLERS: list[Any] = [begin]
