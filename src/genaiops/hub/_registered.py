"""References to registered documents: `NAME`, `NAME@alias`, `NAME@sha256:...`, and how guard policies pin them."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Alias, Artifact, GuardPolicy, GuardRule, Version
from genaiops.hub._validation import every, suggestion
from genaiops.ports.records import View

PREFIX: Final = "index/"
FORMAT: Final = "fingerprints/1"
_OPTION: Final = "documents"
_SHORTEST: Final = 6
"""Digits of a digest that name a version."""


def is_registered(view: View, name: str) -> bool:
    """Whether it is made of fingerprints: others index texts for retrieval."""
    versions = every(view, Version, {"artifact_id": f"{PREFIX}{name}"})
    return any(version.manifest.get("format") == FORMAT for version in versions)


def documents_version(view: View, reference: str) -> Version:
    """NotFound names the nearest when there is none."""
    name, _, tail = reference.removeprefix(PREFIX).partition("@")
    artifact_id = f"{PREFIX}{name}"
    if not is_registered(view, name):
        names = [one.name for one in every(view, Artifact, {"kind": "index"}) if is_registered(view, one.name)]
        raise NotFound(
            f"There are no registered documents {name[:80]!r}.",
            remedy=f"{suggestion(name, names)} genaiops policy fingerprint NAME FILES makes some.".strip(),
            param="documents",
        )
    alias = view.get(Alias, f"{artifact_id}@{tail or 'current'}")
    digits = tail.removeprefix("sha256:")
    found = [
        version
        for version in every(view, Version, {"artifact_id": artifact_id})
        if version.manifest.get("format") == FORMAT
        and (
            version.id == alias.version_id
            if alias is not None
            else len(digits) >= _SHORTEST and version.digest[7:].startswith(digits)
        )
    ]
    if len(found) != 1:
        names = [one.name for one in every(view, Alias, {"artifact_id": artifact_id})]
        raise NotFound(
            f"The registered documents {name[:80]!r} have no version {(tail or 'current')[:80]!r}.",
            remedy=suggestion(tail, names),
            param="documents",
        )
    return found[0]


def pinned_documents(view: View, policy: GuardPolicy) -> GuardPolicy:
    """The policy with every reference to documents as `NAME@sha256:...`. UsageError names the rule."""
    rules = tuple(_pinned(view, rule) for rule in policy.rules)
    return policy if rules == policy.rules else msgspec.structs.replace(policy, rules=rules)


def documents_of(policy: GuardPolicy) -> Iterator[str]:
    """The references that its rules make."""
    for rule in policy.rules:
        yield from _references(rule)


def documents_in(manifest: Any) -> Iterable[str]:
    """The same of the manifest of a version, as far as it is one of a guard policy."""
    try:
        policy = msgspec.convert(manifest, GuardPolicy)
    except msgspec.ValidationError:
        return ()
    return documents_of(policy)


def _pinned(view: View, rule: GuardRule) -> GuardRule:
    references = list(_references(rule))
    if not references:
        return rule
    try:
        found = [documents_version(view, reference) for reference in references]
    except NotFound as error:
        raise UsageError(
            error.message, remedy=error.remedy, param=f"rules.{rule.id}.options.{_OPTION}", code="no_documents"
        ) from error
    named = [version.id.removeprefix(PREFIX) for version in found]
    return msgspec.structs.replace(rule, options={**rule.options, _OPTION: list(dict.fromkeys(named))})


def _references(rule: GuardRule) -> Iterator[str]:
    value: Any = rule.options.get(_OPTION) if rule.detector == "verbatim" else None
    if isinstance(value, list):
        yield from (each for each in cast("list[Any]", value) if isinstance(each, str) and each)
