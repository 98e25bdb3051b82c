"""The first start: what has to be there so that the first call works. Later starts leave what people made of it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from genaiops.domain import (
    Actor,
    Artifact,
    ArtifactKind,
    Edge,
    Environment,
    EnvironmentKind,
    Operation,
    Price,
    Target,
    Team,
    Tenant,
)
from genaiops.hub._artifacts import register
from genaiops.hub._key_checks import NewKey
from genaiops.hub._keys import made_key
from genaiops.hub._lineage import edge, link
from genaiops.hub._prices import NewPrice, add_lines, packaged_table, read_table
from genaiops.hub._targets import checked_target
from genaiops.ports.records import Records, Unit

BOOTSTRAP = "bootstrap"
"""Who made what comes with the program."""
"""Who the changes of a start are by."""

ADMIN = "admin"
_ENVIRONMENTS: Sequence[tuple[str, EnvironmentKind, str]] = (
    ("dev", "dev", "full"),
    ("preprod", "preprod", "full"),
    ("prod", "prod", "preview"),
)
_URL_SETTING = "embedded_url"


class EmbeddedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model server of this installation. `manifest` describes its weights (none: they are not registered).

    The target's setting `embedded_url` holds the address that was written here last: while base_url is the same,
    a later start may move it; once a person gave another address, it stays.
    """

    name: str
    provider: str
    base_url: str
    operations: tuple[Operation, ...]
    credentials: tuple[str, ...] = ()
    context_window: int | None = None
    max_output_tokens: int = 512
    max_concurrency: int | None = None
    artifact_kind: ArtifactKind = "model"
    manifest: dict[str, Any] = {}

    @staticmethod
    def smollm2(
        base_url: str, *, context_window: int, credentials: tuple[str, ...] = (), manifest: dict[str, Any] | None = None
    ) -> "EmbeddedModel":
        return EmbeddedModel(
            name="smollm2",
            provider="llamacpp",
            base_url=base_url,
            operations=("chat", "text_completion"),
            credentials=credentials,
            context_window=context_window,
            manifest=manifest or {},
        )

    @staticmethod
    def minilm(
        base_url: str, *, credentials: tuple[str, ...] = (), manifest: dict[str, Any] | None = None
    ) -> "EmbeddedModel":
        return EmbeddedModel(
            name="minilm",
            provider="minilm",
            base_url=base_url,
            operations=("embeddings",),
            credentials=credentials,
            context_window=256,
            artifact_kind="embedding",
            manifest=manifest or {},
        )


class OwnModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that comes with the program and that no client calls. `manifest`: its licence, files and card;
    `trained_on`: nodes of lineage."""

    name: str
    title: str
    manifest: dict[str, Any]
    trained_on: tuple[str, ...] = ()


def bootstrap(
    records: Records,
    *,
    now_us: int,
    embedded: Sequence[EmbeddedModel] = (),
    own: Sequence[OwnModel] = (),
    deliver: Callable[[str], None] | None = None,
) -> str | None:
    """The administrator's key on the first start, else None.

    `deliver` gets the key before anything is committed (to write it to a file): when the process dies between the two,
    the next start begins anew with another key; there are never records whose key nobody has.
    """
    with records.write(BOOTSTRAP) as unit:
        text = _first_start(unit, now_us) if unit.version() == 0 else None
        for model in embedded:
            _embed(unit, model, now_us)
        for each in own:
            _register(unit, each, now_us)
        if text is not None and deliver is not None:
            deliver(text)
    return text


def is_kept_here(target: Target) -> bool:
    """Whether a start writes the address of that target: it is one of this installation's own model servers."""
    return target.base_url is not None and target.settings.get(_URL_SETTING) == target.base_url


def _first_start(unit: Unit, now_us: int) -> str:
    unit.add(Tenant(id="default", created_us=now_us))
    for name, kind, capture in _ENVIRONMENTS:
        environment = Environment(id=name, kind=kind, created_us=now_us)
        unit.add(msgspec.structs.replace(environment, capture=capture))
    unit.add(Team(id="default", created_us=now_us))
    unit.add(
        Actor(id=ADMIN, name=ADMIN, kind="person", roles=("admin",), team_id="default", created_us=now_us),
    )
    add_lines(unit, read_table(packaged_table()), now_us)
    key, text = made_key(
        NewKey(name="admin", actor_id=ADMIN, team_id="default", environment_id="dev", scopes=("calls", "api")), now_us
    )
    unit.add(key)
    return text


def bring_back(records: Records, model: EmbeddedModel, *, now_us: int, by: str) -> Target:
    """The target of an embedded model that somebody took out. Conflict while it is there."""
    with records.write(by) as unit:
        target = _target_of(model, now_us)
        unit.add(target)
    return target


def _target_of(model: EmbeddedModel, now_us: int) -> Target:
    target = checked_target(
        Target(
            id=model.name,
            provider=model.provider,
            model=model.name,
            upstream_model=model.name,
            base_url=model.base_url,
            operations=model.operations,
            credentials=model.credentials,
            max_concurrency=model.max_concurrency,
            max_output_tokens=model.max_output_tokens,
            context_window=model.context_window,
            created_us=now_us,
        )
    )
    return msgspec.structs.replace(target, settings={_URL_SETTING: target.base_url or ""})


def _embed(unit: Unit, model: EmbeddedModel, now_us: int) -> None:
    target = _target_of(model, now_us)
    url = target.base_url or ""
    there = unit.get(Target, target.id)
    if there is None:
        # Prices are never removed, so a price tells that the target was there before and a person took it out.
        if not unit.count(Price, {"provider": model.provider, "model": model.name}):
            unit.add(target)
            free = NewPrice(provider=model.provider, model=model.name, input="0", output="0", source="embedded")
            add_lines(unit, (msgspec.structs.replace(free, valid_from_us=0),), now_us)
    elif is_kept_here(there) and there.base_url != url:
        settings = {**there.settings, _URL_SETTING: url}
        unit.replace(msgspec.structs.replace(there, base_url=url, settings=settings))
    if model.manifest:
        kind = model.artifact_kind
        artifact = Artifact(id=f"{kind}/{model.name}", kind=kind, name=model.name, created_us=now_us)
        version = register(unit, artifact, model.manifest, by=BOOTSTRAP)
        link(unit, _came_from(model.manifest, version.id, now_us))


def _register(unit: Unit, model: OwnModel, now_us: int) -> None:
    """A version of each set of weights; those of former releases of the program stay."""
    artifact = Artifact(id=f"model/{model.name}", kind="model", name=model.name, title=model.title, created_us=now_us)
    version = register(unit, artifact, model.manifest, by=BOOTSTRAP)
    sources = dict.fromkeys(model.trained_on)
    link(unit, [edge(source, version.id, "trained_on", by=BOOTSTRAP, now_us=now_us) for source in sources])


def _came_from(manifest: dict[str, Any], version_id: str, now_us: int) -> Iterator[Edge]:
    """The package that weights were taken from, and where its makers have them from."""
    origin: dict[str, Any] = manifest.get("origin") or {}
    source = manifest.get("source")
    if origin.get("package"):
        package = f"package/{origin['package']}@{origin.get('version', '')}"
        yield edge(package, version_id, "made_from", by=BOOTSTRAP, now_us=now_us)
        if source:
            yield edge(f"url/{source}", package, "made_from", by=BOOTSTRAP, now_us=now_us)
    elif source:
        yield edge(f"url/{source}", version_id, "made_from", by=BOOTSTRAP, now_us=now_us)
