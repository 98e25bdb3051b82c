"""Licence and risk of what a suite asks, as this installation knows them: cards of models, applications."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast, get_args

from genaiops.arena import FoundFacts, Risk
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Suite, SuiteTarget, Target
from genaiops.hub import Hub, catalogue_model

_PROPRIETARY: Final = "proprietary"
_RISKS: Final[tuple[str, ...]] = get_args(Risk)


def found_facts(hub: Hub, suite: Suite) -> Mapping[str, FoundFacts]:
    """Target of the suite -> what is known. Where the models behind a name have several licences, it is unknown which
    one holds."""
    return {target.name: _of(hub, target) for target in suite.target}


def _of(hub: Hub, target: SuiteTarget) -> FoundFacts:
    application = (target.application or target.release).removeprefix("app/").partition("@")[0]
    risk, risk_from = _application_risk(hub, application) if application else (None, "")
    licence = licence_from = ""
    model = _model(hub, target)
    if model:
        said = list(dict.fromkeys(_licences(hub, model)))
        if len({one for one, _ in said}) == 1:
            licence, licence_from = said[0]
        if risk is None:
            risk, risk_from = _card_risk(hub, model)
    return FoundFacts(licence=licence, licence_from=licence_from, risk=risk, risk_from=risk_from)


def _application_risk(hub: Hub, name: str) -> tuple[Risk | None, str]:
    try:
        tier = hub.applications.get(name).risk_tier
    except GenaiopsError:
        return None, ""
    return (None, "") if tier == "unknown" else (tier, f"the application {name}")


def _model(hub: Hub, target: SuiteTarget) -> str:
    """The name that its calls go to; "" when it is none of the gateway's."""
    try:
        if target.release:
            application, _, reference = target.release.partition("@")
            return hub.releases.resolve(application, reference or "latest").manifest.model
        if target.application:
            place = hub.deployments.get(target.application.removeprefix("app/"))
            if len(place.shares) != 1:
                return ""
            application, _, digest = place.shares[0].release_id.partition("@")
            return hub.releases.resolve(application, digest).manifest.model
        if target.prompt and not target.model:
            model = hub.artifacts.resolve(f"prompt/{target.prompt.removeprefix('prompt/')}").manifest.get("model")
            return model if isinstance(model, str) else ""
    except GenaiopsError:
        return ""
    return target.model


def _served(hub: Hub, model: str) -> Iterator[Target]:
    names = {model}
    for route in hub.routes.list():
        if route.id == model:
            names = {one.target_id for one in route.targets}
    return (one for one in hub.targets.list() if names & {one.id, one.model})


def _licences(hub: Hub, model: str) -> Iterator[tuple[str, str]]:
    """(licence, where it stands) of each target that serves the name; "" for one that nobody says anything of."""
    for target in _served(hub, model):
        card, version = _card(hub, target)
        stated = card.get("licence") or _nested(card).get("licence")
        if isinstance(stated, str) and stated:
            yield stated, f"the card {version}"
            continue
        try:
            known = catalogue_model(target.upstream_model or target.model)
        except GenaiopsError:
            yield "", ""
            continue
        yield known.licence or (_PROPRIETARY if known.open_weights is False else ""), "the catalogue of models"


def _card_risk(hub: Hub, model: str) -> tuple[Risk | None, str]:
    """Where all cards of what serves the name say the same."""
    found: set[tuple[str, str]] = set()
    for target in _served(hub, model):
        card, version = _card(hub, target)
        tier = card.get("risk_tier") or _nested(card).get("risk_tier")
        found.add((tier, version) if isinstance(tier, str) and tier in _RISKS else ("", ""))
    tiers = {tier for tier, _ in found}
    if len(tiers) != 1 or "" in tiers:
        return None, ""
    tier, version = min(found)
    return cast("Risk", tier), f"the card {version}"


def _card(hub: Hub, target: Target) -> tuple[Mapping[str, Any], str]:
    """What the Hub's newest version of the model says, and its id."""
    for name in dict.fromkeys((target.upstream_model, target.model, target.id)):
        try:
            last = hub.artifacts.versions(f"model/{name}")[-1]
        except (GenaiopsError, IndexError):
            continue
        return last.manifest, f"{last.id.partition('@')[0]}@{last.digest.removeprefix('sha256:')[:12]}"
    return {}, ""


def _nested(card: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = card.get("card")
    return cast("Mapping[str, Any]", inner) if isinstance(inner, dict) else {}
