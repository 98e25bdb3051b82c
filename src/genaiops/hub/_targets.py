"""Targets: one model at one provider each."""

import re
from collections.abc import Collection, Sequence
from typing import get_args
from urllib.parse import urlsplit, urlunsplit

import msgspec

from genaiops.core.errors import Conflict, UsageError
from genaiops.domain import Environment, Operation, Route, Target
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import (
    as_stored,
    check_labels,
    checked_choice,
    checked_model,
    checked_name,
    checked_number,
    checked_text,
    every,
    existing,
    no_duplicates,
)
from genaiops.ports.records import Records, View

_SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
MASK = "***"
_WITHOUT_ADDRESS = frozenset({"echo"})


class Targets(Service[Target]):
    def __init__(self, records: Records, clock: Clock, providers: Collection[str] | None = None) -> None:
        super().__init__(records, clock, Target, "target")
        self._providers = providers

    @property
    def providers(self) -> Sequence[str]:
        """The names that a target may use; empty: any."""
        return sorted(self._providers or ())

    def create(self, target: Target, *, by: str) -> Target:
        """`created_us` is set here. Conflict when the name is taken."""
        return self.create_all((target,), by=by)[0]

    def create_all(self, targets: Sequence[Target], *, by: str) -> Sequence[Target]:
        """All or none."""
        now = self._clock()
        checked = [checked_target(msgspec.structs.replace(t, created_us=now), self._providers) for t in targets]
        with self._records.write(by) as unit:
            _check_environments(unit, checked)
            unit.add_all(checked)
        return checked

    def replace(self, target: Target, *, by: str) -> Target:
        """The target of that id becomes this one; `created_us` stays."""
        with self._records.write(by) as unit:
            former = self._existing(unit, target.id)
            target = checked_target(msgspec.structs.replace(target, created_us=former.created_us), self._providers)
            _check_environments(unit, (target,))
            unit.replace(target)
        return target

    def set_enabled(self, target_id: str, enabled: bool, *, by: str) -> Target:
        """A target that is not enabled gets no calls; routes keep naming it."""
        with self._records.write(by) as unit:
            target = msgspec.structs.replace(self._existing(unit, target_id), enabled=enabled)
            unit.replace(target)
        return target

    def remove(self, target_id: str, *, by: str) -> None:
        """Conflict while a route names it."""
        with self._records.write(by) as unit:
            self._existing(unit, target_id)
            routes = _routes_to(unit, target_id)
            if routes:
                raise Conflict(
                    f"The target {target_id!r} is named by the routes {', '.join(routes)}.",
                    remedy="Take it out of them first.",
                    code="in_use",
                )
            unit.remove(Target, target_id)


def _check_environments(view: View, targets: Sequence[Target]) -> None:
    for target in targets:
        no_duplicates(target.environments, param="environments")
        for name in target.environments:
            existing(view, Environment, name, word="environment", param="environments")


def _routes_to(view: View, target_id: str) -> list[str]:
    return [
        route.id
        for route in every(view, Route)
        if target_id in (*route.fallbacks, *route.context_fallbacks, *route.over_budget)
        or any(target_id == each.target_id for each in route.targets)
        or (route.shadow is not None and route.shadow.target_id == target_id)
    ]


def checked_target(target: Target, providers: Collection[str] | None = None) -> Target:
    """The target in the form in which it is stored. UsageError names the field at fault."""
    target = as_stored(target)
    checked_name(target.id, word="target", param="id")
    checked_name(target.provider, word="provider", param="provider")
    if providers is not None:
        checked_choice(target.provider, providers, word="provider", param="provider")
    checked_model(target.model)
    checked_text(target.upstream_model, param="upstream_model")
    if not target.upstream_model:
        raise UsageError("upstream_model is empty.", remedy="Give the provider's name of it.", param="upstream_model")
    if not target.operations:
        options = ", ".join(get_args(Operation))
        raise UsageError("operations is empty.", remedy=f"Name at least one of {options}.", param="operations")
    no_duplicates(target.operations, param="operations")
    _check_credentials(target.credentials)
    _check_numbers(target)
    if target.proxy is not None:
        _refuse_mask(target.proxy)
        _check_url(target.proxy, param="proxy", schemes=("http",), credentials=True)
    if target.ca_file is not None and not target.ca_file.startswith("/"):
        raise UsageError(f"ca_file {target.ca_file!r} is no absolute path.", remedy="Begin it with /.", param="ca_file")
    _check_placing(target)
    return msgspec.structs.replace(target, base_url=_checked_base_url(target))


_ENDINGS = (
    *("/chat/completions", "/completions", "/embeddings", "/rerank", "/moderations"),
    *("/images/generations", "/audio/transcriptions", "/audio/speech", "/videos"),
)


def _check_placing(target: Target) -> None:
    """Where it stands, who waits for it, how it is probed."""
    check_labels(() if target.region is None else (target.region,), param="region")
    check_labels(target.tags, param="tags")
    checked_number(target.queue_seconds, param="queue_seconds", least=0, most=3600)
    checked_number(target.queue_length, param="queue_length", most=100_000)
    if target.queue_seconds and target.max_concurrency is None:
        raise UsageError(
            "queue_seconds is set, but not max_concurrency: nobody would ever wait.",
            remedy="Set how many calls may be under way.",
            param="max_concurrency",
        )
    probe = target.probe
    if probe is None:
        return
    checked_number(probe.every, param="probe.every", least=1, most=86_400)
    checked_number(probe.timeout, param="probe.timeout", least=0.001, most=300)
    if not probe.path.startswith("/") or not probe.path.isprintable() or " " in probe.path or "#" in probe.path:
        raise UsageError(
            f"probe.path {probe.path[:40]!r} is no path.", remedy="Write it as /models.", param="probe.path"
        )


def _checked_base_url(target: Target) -> str | None:
    url = target.base_url
    if url is None or not url:
        if target.provider in _WITHOUT_ADDRESS:
            return None
        raise UsageError(
            f"The target {target.id!r} has no base_url.",
            remedy="Give the provider's address, such as https://api.example.com/v1.",
            param="base_url",
        )
    url = url.rstrip("/")
    _check_url(url, param="base_url", schemes=("http", "https"), credentials=False)
    for ending in _ENDINGS:
        if url.endswith(ending):
            raise UsageError(
                f"base_url ends in {ending}, which is the path of one operation.",
                remedy=f"Write {url.removesuffix(ending)}.",
                param="base_url",
            )
    return url


def _check_url(url: str, *, param: str, schemes: Sequence[str], credentials: bool) -> None:
    remedy = f"Write {schemes[-1]}://host, with a port and a path where needed."
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        raise UsageError(f"{param} cannot be read as a URL.", remedy=remedy, param=param) from None
    if not credentials and (parts.username is not None or parts.password is not None):
        # Not shown: it holds a password.
        raise UsageError(
            f"{param} holds a user name or a password.",
            remedy="Keep it as a secret and name the secret in credentials.",
            param=param,
        )
    if not usable or any(character.isspace() or not character.isprintable() for character in url):
        raise UsageError(f"{param} is no address that a call could go to.", remedy=remedy, param=param)
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise UsageError(f"{param} holds a query or a fragment.", remedy="End it with the path.", param=param)


def _refuse_mask(proxy: str) -> None:
    """What a listing shows in the place of a password is none."""
    if f"{MASK}@" in proxy:
        raise UsageError(
            f"The proxy holds {MASK} in the place of a user name and a password.",
            remedy=f"Write them out. {MASK} stands only for those that this target has already, at the same address.",
            param="proxy",
        )


def _check_credentials(names: Sequence[str]) -> None:
    for name in names:
        if _SECRET_NAME.fullmatch(name) is None:
            # Not shown: what was given in the place of a name is most likely the secret itself.
            raise UsageError(
                "credentials holds something that is not the name of a secret.",
                remedy="Keep the secret in the store or in an environment variable, and give its name.",
                param="credentials",
            )
    no_duplicates(names, param="credentials")


def _check_numbers(target: Target) -> None:
    for name in target.timeouts.__struct_fields__:
        checked_number(getattr(target.timeouts, name), param=f"timeouts.{name}", least=0.001, most=86_400)
    checked_number(target.breaker.failures, param="breaker.failures", most=1000)
    checked_number(target.breaker.share, param="breaker.share", least=0.01, most=1)
    checked_number(target.breaker.window, param="breaker.window", least=1, most=86_400)
    checked_number(target.breaker.least, param="breaker.least", most=1_000_000)
    checked_number(target.breaker.cooldown, param="breaker.cooldown", least=0.001, most=86_400)
    checked_number(target.max_concurrency, param="max_concurrency", most=1_000_000)
    checked_number(target.max_output_tokens, param="max_output_tokens", most=100_000_000)
    checked_number(target.context_window, param="context_window", most=1_000_000_000)


def masked(url: str | None) -> str | None:
    """The URL without the password in it."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL, which is said elsewhere
        return MASK
    if parts.username is None and parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{MASK}@{place}"))
