"""A LiteLLM `config.yaml` as a description that `genaiops apply` reads, and a word about each thing that is lost.

Pure. After LiteLLM's documentation of config.yaml. Nothing is dropped without a finding: what no rule here took is
reported as having no counterpart. No literal secret of the file gets into the description or into a finding.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, cast

from genaiops.core.errors import UsageError
from genaiops.core.money import from_nano, to_nano
from genaiops.hub._litellm_model import Deployment, read_deployment
from genaiops.hub._litellm_section import Finding, Findings, Section, whole
from genaiops.hub._validation import is_model_name

_DURATIONS = {
    "1m": "minute",
    "60s": "minute",
    "1h": "hour",
    "60m": "hour",
    "1d": "day",
    "24h": "day",
    "1w": "week",
    "7d": "week",
    "30d": "month",
    "1mo": "month",
}
_ATTEMPTS = 3  # ours where nothing is said, and LiteLLM's two retries


class Translated:
    """`state`: what `read_state` reads. `findings` in the order of the file."""

    def __init__(self, state: dict[str, Any], findings: Sequence[Finding]) -> None:
        self.state = state
        self.findings = findings


def translate_litellm(
    config: Any, *, providers: Collection[str], environ: Mapping[str, str] | None = None
) -> Translated:
    """UsageError when it is no such file. `providers`: those that exist here; `environ`: for addresses that the file
    takes from the environment (secrets are never looked up)."""
    if not isinstance(config, dict) or "model_list" not in config:
        raise UsageError(
            "This is no config.yaml of LiteLLM: it has no model_list.",
            remedy="Name the file that `litellm --config` reads.",
            param="model_list",
        )
    return _Translation(cast("dict[str, Any]", config), frozenset(providers), environ or {}).run()


class _Translation:
    def __init__(self, config: dict[str, Any], providers: frozenset[str], environ: Mapping[str, str]) -> None:
        self._findings = Findings(environ)
        self._top = Section(config, "", "", self._findings)
        self._providers = providers
        self._router = self._top.section("router_settings")
        self._litellm = self._top.section("litellm_settings")
        self._general = self._top.section("general_settings")
        self._groups: dict[str, list[Deployment]] = {}
        self._routes: dict[str, Any] = {}

    def run(self) -> Translated:
        self._read_models()
        targets = {each.name: each.target for each in self._deployments()}
        self._apply_to_all(targets)
        self._make_routes()
        budget = self._budget()
        for section in (self._router, self._litellm, self._general, self._top):
            section.report_rest()
        prices = {(price["provider"], price["model"]): price for each in self._deployments() for price in each.prices}
        state: dict[str, Any] = {"targets": targets}
        if self._routes:
            state["routes"] = self._routes
        if prices:
            state["prices"] = list(prices.values())
        if budget is not None:
            state["budgets"] = [budget]
        return Translated(state, self._findings.all)

    def _deployments(self) -> Iterator[Deployment]:
        for group in self._groups.values():
            yield from group

    # -- models

    def _read_models(self) -> None:
        entries = self._top.take("model_list")
        if not isinstance(entries, list):
            raise UsageError("model_list is no list.", remedy="Mend the file.", param="model_list")
        credentials = self._credentials()
        for number, entry in enumerate(cast("list[Any]", entries)):
            path = f"model_list[{number}]"
            if not isinstance(entry, dict):
                self._findings.lost(path, "this is no model.", "Mend the file.")
                continue
            section = Section(cast("dict[str, Any]", entry), path, "model", self._findings)
            name = str(section.take("model_name") or "")
            if not is_model_name(name):
                section.silence()
                self._findings.lost(
                    f"{path}.model_name",
                    f"{name!r} is a pattern or no name that a target can have.",
                    "Write one entry for each model that is called.",
                )
                continue
            made = read_deployment(section, name, self._providers, credentials)
            if made is not None:
                self._groups.setdefault(name, []).append(made)
        self._name_targets()

    def _credentials(self) -> Mapping[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        listed: Any = self._top.take("credential_list")
        for entry in cast("list[Any]", listed) if isinstance(listed, list) else ():
            if isinstance(entry, dict):
                given = cast("dict[str, Any]", entry)
                found[str(given.get("credential_name"))] = given.get("credential_values") or {}
        return found

    def _name_targets(self) -> None:
        taken: Counter[str] = Counter()
        for model, group in self._groups.items():
            stem = _slug(model)
            for number, each in enumerate(group, 1):
                name = stem if len(group) == 1 else f"{stem}-{number}"
                taken[name] += 1
                each.name = name if taken[name] == 1 else f"{name}-{taken[name]}"
                if each.name != model:
                    each.target = {"provider": each.target["provider"], "model": model, **each.target}

    def _apply_to_all(self, targets: Mapping[str, dict[str, Any]]) -> None:
        """Settings of the whole, where a model has none of its own."""
        seconds = self._router.number("timeout")
        general = self._litellm.number("request_timeout")
        concurrency = whole(self._router.number("default_max_parallel_requests"))
        fails, also_fails = self._router.number("allowed_fails"), self._litellm.number("allowed_fails")
        cooldown, also_cooldown = self._router.number("cooldown_time"), self._litellm.number("cooldown_time")
        breaker: dict[str, Any] = {}
        allowed = fails if fails is not None else also_fails
        if allowed is not None:
            breaker["failures"] = max(1, (whole(allowed) or 0) + 1)
            place = "router_settings" if fails is not None else "litellm_settings"
            self._findings.changed(
                f"{place}.allowed_fails",
                "LiteLLM counts failures in a minute, a breaker here counts failures in a row.",
                f"Check breaker.failures = {breaker['failures']} of the targets.",
            )
        rest = cooldown if cooldown is not None else also_cooldown
        if rest:
            breaker["cooldown"] = rest
        if self._router.take("disable_cooldowns") is True:
            breaker["failures"] = 1000
        for target in targets.values():
            total = seconds if seconds is not None else general
            if total is not None:
                target["timeouts"] = {"total": total, **target.get("timeouts", {})}
            if concurrency is not None:
                target.setdefault("max_concurrency", concurrency)
            if breaker:
                target["breaker"] = dict(breaker)

    # -- routes

    def _make_routes(self) -> None:
        fallbacks = self._fallbacks()
        retries = self._router.number("num_retries")
        also = self._litellm.number("num_retries")
        tries = (whole(retries if retries is not None else also) or 0) + 1 if (retries, also) != (None, None) else None
        backoff = self._router.number("retry_after")
        strategy = self._router.take("routing_strategy")
        if strategy not in (None, "simple-shuffle"):
            self._router.report("routing_strategy", f"the strategy {strategy!r} has no counterpart.")
        for model, group in self._groups.items():
            others = fallbacks.get(model, fallbacks.get("*", ()))
            self._make_route(model, group, [each for each in others if each != model], (tries, backoff))
        aliases: Any = self._router.take("model_group_alias")
        for alias, said in cast("dict[str, Any]", aliases).items() if isinstance(aliases, dict) else ():
            model = cast("dict[str, Any]", said).get("model") if isinstance(said, dict) else said
            path = f"router_settings.model_group_alias.{alias}"
            if model not in self._groups or not is_model_name(alias):
                self._findings.lost(path, f"there is no model {model!r} to call {alias!r}.", "Make a route for it.")
            else:
                others = [each for each in fallbacks.get(model, fallbacks.get("*", ())) if each != model]
                self._make_route(alias, self._groups[model], others, (tries, backoff), always=True)
        self._report_unknown(fallbacks)

    def _make_route(
        self,
        name: str,
        group: Sequence[Deployment],
        others: Sequence[str],
        retry: tuple[int | None, float | None],
        *,
        always: bool = False,
    ) -> None:
        """A route where the name needs one: for several targets, fallbacks, other retries, or another name."""
        tries, backoff = retry
        first = min((each.order for each in group), default=0)
        primary = [each for each in group if each.order == first]
        later = sorted((each for each in group if each.order != first), key=lambda each: each.order)
        later += [each for other in others for each in self._groups.get(other, ())]
        attempts = _ATTEMPTS if tries is None else min(100, tries * (1 + len(others)))
        if not (always or len(group) > 1 or later or attempts != _ATTEMPTS or backoff):
            return
        route: dict[str, Any] = {"targets": _weights(primary)}
        if later:
            route["fallbacks"] = list(dict.fromkeys(each.name for each in later))
        policy: dict[str, Any] = {} if attempts == _ATTEMPTS else {"attempts": attempts}
        if backoff:
            policy |= {"backoff": backoff, "backoff_max": max(5.0, backoff)}
        if policy:
            route["retry"] = policy
        self._routes[name] = route

    def _fallbacks(self) -> dict[str, list[str]]:
        """Model -> the models that stand in for it; `*`: for each that has none of its own."""
        found: dict[str, list[str]] = {}
        for section in (self._litellm, self._router):
            place = "litellm_settings" if section is self._litellm else "router_settings"
            listed: Any = section.take("fallbacks")
            for number, entry in enumerate(cast("list[Any]", listed) if isinstance(listed, list) else ()):
                path = f"{place}.fallbacks[{number}]"
                if not isinstance(entry, dict):
                    self._findings.lost(path, "this is no fallback.", "Name them on the route.")
                    continue
                for model, others in cast("dict[str, Any]", entry).items():
                    found[model] = [self._fallback(path, other) for other in cast("list[Any]", others or [])]
            default: Any = section.take("default_fallbacks")
            if isinstance(default, list):
                found.setdefault("*", [str(each) for each in cast("list[Any]", default)])
        return found

    def _fallback(self, path: str, other: Any) -> str:
        if not isinstance(other, dict):
            return str(other)
        given = cast("dict[str, Any]", other)
        self._findings.changed(
            path, "a fallback with parameters of its own.", "Only its model is taken; let the client send the rest."
        )
        return str(given.get("model"))

    def _report_unknown(self, fallbacks: Mapping[str, Sequence[str]]) -> None:
        named = {model for others in fallbacks.values() for model in others} | (fallbacks.keys() - {"*"})
        for model in sorted(named - self._groups.keys()):
            place = "router_settings.fallbacks" if "fallbacks" in self._router else "litellm_settings.fallbacks"
            self._findings.lost(
                place, f"a fallback names {model!r}, which was not imported.", "Add a target for it, then to the route."
            )

    # -- budgets

    def _budget(self) -> dict[str, Any] | None:
        amount = self._litellm.number("max_budget")
        duration = self._litellm.take("budget_duration")
        if amount is None:
            return None
        period = "total" if duration is None else _DURATIONS.get(str(duration))
        if period is None or amount <= 0:
            self._findings.lost(
                "litellm_settings.max_budget",
                f"a budget of {amount:g} USD for {duration} has no counterpart.",
                'Set one by the calendar: `genaiops budget set --tenant default "25 USD" --period month`.',
            )
            return None
        if duration is not None:
            self._findings.changed(
                "litellm_settings.budget_duration",
                f"{duration} from the first call on.",
                f"Here the period is a {period} of the calendar.",
            )
        return {
            "scope": {"kind": "tenant", "id": "default"},
            "limit": f"{from_nano(to_nano(amount))} USD",
            "period": period,
        }


def _weights(group: Sequence[Deployment]) -> dict[str, int]:
    """As LiteLLM's shuffle weighs: by weight, else by requests a minute, else by tokens a minute, else alike."""
    for field in ("weight", "rpm", "tpm"):
        given = [getattr(each, field) for each in group]
        if all(given) and len(group) > 1:
            scale = 1 if all(float(value).is_integer() for value in given) else 1000
            numbers = [max(1, round(value * scale)) for value in given]
            divisor = max(reduce(math.gcd, numbers), -(-max(numbers) // 1_000_000))
            return {each.name: max(1, number // divisor) for each, number in zip(group, numbers, strict=True)}
    return {each.name: 1 for each in group}


def _slug(model: str) -> str:
    text = re.sub(r"[^a-z0-9._/-]+", "-", model.lower())
    return re.sub(r"^[^a-z0-9]+|[^a-z0-9]+$", "", text)[:120] or "model"
