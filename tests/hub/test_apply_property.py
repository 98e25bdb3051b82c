"""Whatever is described: it becomes so, a second time there is nothing to do, and what is exported says the same."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from genaiops.core.errors import GenaiopsError
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub, Wish, apply_state, export, read_state
from genaiops.ports.records import Records
from tests.examples import examples
from tests.hub.conftest import Clock

NAMES = st.sampled_from(["a", "b", "c", "x/y", "d.e"])
ENVIRONMENTS = st.sampled_from(["dev", "prod"])
SOME = settings(
    max_examples=examples(40),
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a case is whole installations: shrinking one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def entry(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


TARGET = entry(
    {"provider": st.just("openai"), "base_url": st.sampled_from(["https://a.example/v1", "https://b.example/v1/"])},
    {
        "model": st.sampled_from(["m", "Org/M-1"]),
        "upstream_model": st.sampled_from(["gpt-9", "gpt-8"]),
        "operations": st.sampled_from([["chat"], ["chat", "text_completion"]]),
        "credentials": st.sampled_from([[], ["ONE"], ["ONE", "TWO"]]),
        "timeouts": st.sampled_from([{}, {"total": 30}, {"connect": 0.5, "idle": 3}]),
        "breaker": st.just({"failures": 3}),
        "max_concurrency": st.one_of(st.none(), st.integers(1, 9)),
        "proxy": st.sampled_from(["http://proxy:3128", "http://me:word@proxy:3128"]),
        "settings": st.dictionaries(st.sampled_from(["k", "l"]), st.text("xyz", max_size=3)),
        "environments": st.lists(ENVIRONMENTS, unique=True),
        "enabled": st.booleans(),
    },
)
LIMITS = st.sampled_from(["25 USD", "25.50 USD", "1M tokens", "1,000,000 tokens", "7 calls", "7 call"])


SCOPES = st.sampled_from([["calls"], ["api", "calls"]])
TIMES = st.sampled_from(["2100-01-01", "2100-01-01T02:00:00+02:00"])
PRICES = st.lists(
    entry(
        {
            "provider": st.just("openai"),
            "model": st.sampled_from(["gpt-9", "gpt-8*"]),
            "input": st.sampled_from([0, 1, 0.1, "0.10", "2.5"]),
            "output": st.sampled_from(["1", 3]),
        },
        {
            "cache_read": st.sampled_from([None, 0, "0.01"]),
            "valid_from": st.sampled_from(["always", "2020-01-01", "2100-01-01"]),
        },
    ),
    max_size=4,
    unique_by=lambda price: (price["model"], price.get("valid_from")),
)


def people(teams: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {
        "roles": st.lists(st.sampled_from(["viewer", "operator"]), unique=True),
        "team": st.one_of(st.none(), st.sampled_from(teams)),
    }
    kind = {"kind": st.sampled_from(["person", "service_account"])}
    return st.dictionaries(NAMES, entry(kind, fields), min_size=1, max_size=3)


def routes_to(targets: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.dictionaries(st.sampled_from(targets), st.integers(1, 5), min_size=1)
    optional = {"retry": st.just({"attempts": 2}), "environments": st.just(["prod"])}
    return st.dictionaries(st.sampled_from(["r", "S:1"]), entry({"targets": some}, optional))


APPLICATION = entry(
    {},
    {
        "title": st.text("Tt ", max_size=4),
        "purpose": st.just("Answers questions."),
        "risk_tier": st.sampled_from(["limited", "high"]),
        "acknowledgement": st.sampled_from(["It does.", "It does, and says so."]),
    },
)


def keys_of(actors: list[str], teams: list[str], routes: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    required = {
        "actor": st.sampled_from(actors),
        "environment": ENVIRONMENTS,
        "application": st.sampled_from(["shop", "desk"]),
    }
    fields = {
        "team": st.one_of(st.none(), st.sampled_from(teams)),
        "models": st.sampled_from([[], ["m*"], routes]),
        "addresses": st.sampled_from([[], ["10.0.0.0/8"], ["2001:DB8::/32", "192.0.2.7"]]),
        "scopes": SCOPES,
        "regions": st.sampled_from([[], ["eu", "us"]]),
        "tags": st.sampled_from([[], ["private"]]),
        "expires_at": TIMES,
    }
    return st.dictionaries(NAMES, entry(required, fields))


def budgets_on(scope: st.SearchStrategy[dict[str, str]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    fields = {
        "hard": st.booleans(),
        "period": st.sampled_from(["day", "month", "total"]),
        "warn_at": st.lists(st.sampled_from([0.5, 1, 1.0, 2]), max_size=3),
    }
    return st.lists(entry({"scope": scope, "limit": LIMITS}, fields), max_size=4)


def limits_on(scope: st.SearchStrategy[dict[str, str]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    limit = entry({"scope": scope, "concurrency": st.integers(1, 9)}, {})
    return st.lists(limit, max_size=3, unique_by=lambda each: (each["scope"]["kind"], each["scope"]["id"]))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    teams = draw(st.dictionaries(NAMES, entry({}, {"title": st.text("Tt ", max_size=4)}), min_size=1, max_size=3))
    actors = draw(people(sorted(teams)))
    targets = draw(st.dictionaries(NAMES, TARGET, min_size=1, max_size=3))
    routes = draw(routes_to(sorted(targets)))
    keys = draw(keys_of(sorted(actors), sorted(teams), sorted(routes)))
    scopes = [{"kind": "team", "id": name} for name in teams] + [{"kind": "key", "id": name} for name in keys]
    scope = st.sampled_from([*scopes, {"kind": "application", "id": "shop"}])
    return {
        "teams": teams,
        "actors": actors,
        "targets": targets,
        "routes": routes,
        "applications": {name: draw(APPLICATION) for name in ("shop", "desk")},
        "keys": keys,
        "budgets": draw(budgets_on(scope)),
        "limits": draw(limits_on(scope)),
        "prices": draw(PRICES),
    }


class Fresh:
    """New installations, each in a folder of its own."""

    def __init__(self, prepared: Path, folder: Path) -> None:
        self._prepared = prepared
        self._folder = folder
        self._opened: list[Records] = []

    def __enter__(self) -> Self:
        return self

    def hub(self) -> Hub:
        path = self._folder / f"{len(self._opened)}.db"
        shutil.copyfile(self._prepared, path)
        self._opened.append(open_records(f"sqlite:///{path}"))
        return Hub(self._opened[-1], clock=Clock(), providers=("openai", "echo"))

    def __exit__(self, *_: object) -> None:
        for records in self._opened:
            records.close()


def do(hub: Hub, document: Any, *, prune: bool = False, dry_run: bool = False) -> int:
    wish = Wish(state=read_state(document), prune=prune, dry_run=dry_run)
    return len(apply_state(hub, wish, by="admin").plan.changes)


def version(hub: Hub) -> int:
    with hub.records.read() as view:
        return view.version()


@SOME
@given(documents(), documents())
def test_apply_twice_export_and_move(prepared_file: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, Fresh(prepared_file, Path(folder)) as fresh:
        hub = fresh.hub()
        looked = do(hub, first, dry_run=True)
        assert do(hub, first) == looked
        try:
            do(hub, second)  # over what is there: some of it cannot be changed, and then nothing is
        except GenaiopsError as error:
            if "cannot become" not in error.message:
                raise
            event("not possible over what is there")
            second = first
        before = version(hub)
        # Of two lines of one price the one that says no time is the one in force.
        assert do(hub, {**second, "prices": []}) == 0
        found = export(hub)
        assert do(hub, found, prune=True) == 0
        assert version(hub) == before
        other = fresh.hub()
        do(other, _with_passwords(found))
        assert export(other) == found


def _with_passwords(document: dict[str, Any]) -> dict[str, Any]:
    """An export cannot be applied elsewhere before the masked passwords are written again."""
    targets = {
        name: {**target, "proxy": target["proxy"].replace("***", "me:word")} if "proxy" in target else target
        for name, target in document.get("targets", {}).items()
    }
    return {**document, "targets": targets}
