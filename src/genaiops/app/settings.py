"""The settings of an installation: one frozen struct. How it is read stands in `genaiops.app.config`.

Every key here is described in docs/configuration.md; a test compares the two.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=4096)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
LogLevel = Literal["debug", "info", "warning", "error"]

MAX_WORKERS = 12
"""Counters have 16 columns; a worker that is being replaced keeps its own until it has drained."""


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The public address. `names` are further host names by which it may be reached (without a port).
    `trusted_proxies`: networks whose word counts on who asked, by which scheme and for which host."""

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 4000
    names: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()


class GatewayOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`body_limit` in bytes, `upload_limit` that of a form with a file in it; `drain_seconds` is how long
    streams may go on after a stop was asked for; after `heartbeat_seconds` of silence a stream gets a comment line
    (0: never). `cache_bytes`: what a worker keeps of answers, for routes that have a cache."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=MAX_WORKERS)] = 1
    body_limit: Annotated[int, msgspec.Meta(ge=1024, le=1 << 30)] = 10 * 1024 * 1024
    upload_limit: Annotated[int, msgspec.Meta(ge=1024, le=1 << 30)] = 26 * 1024 * 1024
    drain_seconds: Seconds = 30.0
    heartbeat_seconds: Seconds = 15.0
    cache_bytes: Annotated[int, msgspec.Meta(ge=0, le=1 << 36)] = 64 * 1024 * 1024


class Stores(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """URLs; the scheme chooses the engine. Empty: the engine of one machine, in the home (of the
    cache: none, beside what each worker keeps for itself; of runs: the records' database where that is a server)."""

    records: Text = ""
    telemetry: Text = ""
    counters: Text = ""
    blobs: Text = ""
    cache: Text = ""
    runs: Text = ""


class Embedded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The models that come along. `context` is in tokens. `guard`: the classifiers that rules of guard policies ask,
    in a process of their own."""

    enabled: bool = True
    guard: bool = True
    models: tuple[str, ...] = ("smollm2", "minilm")
    model_threads: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    context: Annotated[int, msgspec.Meta(ge=256, le=131_072)] = 2048


class GuardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom rules of guard policies ask. `classifiers`: `NAME=URL` or `NAME=secret:NAME@URL`, endpoints that answer
    labels with scores. `names`: who finds names of people and places: `spacy`, `spacy:MODEL`, `presidio+URL`,
    `gliner+URL` (empty: nobody). `secrets`: the engine beside our own patterns that rules of `secret` may name:
    `kingfisher` (empty: none)."""

    classifiers: tuple[str, ...] = ()
    names: Text = ""
    secrets: Literal["", "kingfisher"] = ""


class ContentOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`capture` bounds what environments may keep of prompts and answers; `retention_days` 0 keeps content for ever."""

    capture: Literal["full", "preview", "off"] = "full"
    retention_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 30


class IngestOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Traces of other programs. `spans_per_minute` of each key (0: any number). `sample`: `ENVIRONMENT=SHARE` or
    `key:KEY_ID=SHARE`, which share of traces is kept, beside all with errors."""

    spans_per_minute: Annotated[int, msgspec.Meta(ge=0, le=1 << 40)] = 1_200_000
    sample: tuple[str, ...] = ()


class ExportOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stored spans are passed on to `otlp`, a URL of OTLP/HTTP (empty: to nobody), with `headers` (`NAME=VALUE` or
    `NAME=secret:NAME`); `content`: also what was said."""

    otlp: Text = ""
    headers: tuple[str, ...] = ()
    content: bool = False


class EnergyOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Zones are ISO 3166-1 alpha-3, or `WOR`. `zone` is where this machine's electricity comes from, `kg_per_kwh` its
    factor in kg CO2e per kWh if you know it (negative: by the set of factors). `provider_zone` is where providers' data
    centres stand (empty: where the set says). `thread_watts`: a busy thread of this machine (0: a model's range)."""

    enabled: bool = True
    zone: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "WOR"
    kg_per_kwh: Annotated[float, msgspec.Meta(ge=-1, le=10)] = -1.0
    provider_zone: Annotated[str, msgspec.Meta(pattern="^([A-Z]{3})?$")] = ""
    thread_watts: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 0.0


class AuditOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`checkpoint_minutes`: how often the audit log is signed, when something was added."""

    checkpoint_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 10


class ProvenanceOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Generated images carry a signed manifest (C2PA). `images` auto: where they can; required: no other goes out.
    `certificate`, `key` and `root` are PEM files, relative to the home; without `certificate` the installation makes
    its own, in the name of `organisation`."""

    images: Literal["auto", "required", "off"] = "auto"
    organisation: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "genaiops"
    certificate: Text = ""
    key: Text = ""
    root: Text = ""


class AccessOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`approval` auto: the only person of an installation consents to their own changes, marked as such; team:
    never. `gate` run: what a suite protects moves to what passed it, and prompts that none protects to what passed
    some suite; bound: only the first; always: prompts that no suite protects do not move to what is protected."""

    approval: Literal["auto", "team"] = "auto"
    gate: Literal["run", "bound", "always"] = "run"


class OidcOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sign-in to the console at an identity provider; without `issuer` there is none. `client_secret` is the name of a
    secret (empty: a public client), `groups_claim` where the token names groups, `label` what the button says."""

    issuer: Text = ""
    client_id: Text = ""
    client_secret: Text = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: Text = "groups"
    label: Text = ""


class RunOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Runs of suites on the server: `at_once` at most, each in a process of its own. `sandbox` "weak": programs that
    models wrote are run even where nothing keeps them from files and the network."""

    at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    sandbox: Literal["required", "weak"] = "required"


_Share = Annotated[float, msgspec.Meta(gt=0, le=0.95)]
_Calls = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class AbuseOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a key's calls are an alert of abuse: see `genaiops.watch.AbuseBounds`."""

    minutes_between: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 100_000
    tolerated: Annotated[float, msgspec.Meta(ge=1, le=100)] = 1.5
    blocked: _Share = 0.05
    blocked_calls: _Calls = 5
    injection: _Share = 0.05
    injection_calls: _Calls = 5
    extraction: _Share = 0.02
    extraction_calls: _Calls = 3
    refused: _Share = 0.5
    refused_calls: _Calls = 20


class DisparityOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When groups of calls are treated differently: see `genaiops.watch.DisparityBounds`."""

    by: Annotated[str, msgspec.Meta(max_length=64)] = ""
    false_alarm: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.01
    least: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: LogLevel = "info"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`home` is an absolute path. `only` "gateway" starts no console and no embedded models."""

    home: str
    only: Literal["all", "gateway"] = "all"
    listen: Listen = Listen()
    gateway: GatewayOptions = GatewayOptions()
    stores: Stores = Stores()
    embedded: Embedded = Embedded()
    guard: GuardOptions = GuardOptions()
    content: ContentOptions = ContentOptions()
    energy: EnergyOptions = EnergyOptions()
    audit: AuditOptions = AuditOptions()
    ingest: IngestOptions = IngestOptions()
    export: ExportOptions = ExportOptions()
    access: AccessOptions = AccessOptions()
    provenance: ProvenanceOptions = ProvenanceOptions()
    oidc: OidcOptions = OidcOptions()
    runs: RunOptions = RunOptions()
    abuse: AbuseOptions = AbuseOptions()
    disparity: DisparityOptions = DisparityOptions()
    log: Log = Log()

    @property
    def runs_embedded(self) -> bool:
        return self.embedded.enabled and self.only == "all" and bool(self.embedded.models)

    @property
    def url(self) -> str:
        """The public address as people type it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.listen.host, self.listen.host)  # noqa: S104
        return f"http://[{host}]:{self.listen.port}" if ":" in host else f"http://{host}:{self.listen.port}"


def with_port(settings: Settings, port: int) -> Settings:
    """The same with the port that was really bound (the configured one may be 0)."""
    return msgspec.structs.replace(settings, listen=msgspec.structs.replace(settings.listen, port=port))


def save(settings: Settings, path: Path) -> None:
    """The settings in force, for the supervisor's children. Mode 600: a store's URL may hold a password."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
    fresh.replace(path)


def load(path: Path) -> Settings:
    return msgspec.json.decode(path.read_bytes(), type=Settings)
