"""What `genaiops model` shows of the catalogue and of presets, and how a preset fills a target."""

from typing import Any

from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session
from genaiops.cli._values import tokens
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

PRESET_COLUMNS = (
    Column("PRESET", "name"),
    Column("SERVICE", "title", rank=1),
    Column("PROVIDER", "provider", rank=3),
    Column("ADDRESS", "base_url", elastic=True),
    Column("SECRET", "secret", rank=2),
)
CATALOGUE_COLUMNS = (
    Column("MODEL", "name"),
    Column("MAKER", "maker", rank=2),
    Column("PROVIDER", "provider", rank=1),
    Column("FOR", "operations", rank=3),
    Column("CONTEXT", lambda row: tokens(row["context_window"]), right=True),
    Column("OUTPUT", lambda row: tokens(row["max_output"]), right=True, rank=2),
    Column("ABILITIES", "abilities", rank=4),
    Column("OPEN WEIGHTS", lambda row: _known(row["open_weights"]), rank=3),
    Column("STATE", "state", rank=1),
)


def _known(value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "no"


def catalogue_facts(model: Row) -> list[tuple[str, object]]:
    retired = model["state"] == "retired"
    ends = f"{'retired since' if retired else 'ends on'} {model['retires']}" if model["retires"] else model["state"]
    return [
        ("model", model["name"]),
        ("maker", model["maker"]),
        ("provider", model["provider"]),
        ("presets", model["presets"]),
        ("for", model["operations"]),
        ("context", tokens(model["context_window"]) or "unknown"),
        ("output at most", tokens(model["max_output"]) or "unknown"),
        ("abilities", model["abilities"] or "unknown"),
        ("open weights", _known(model["open_weights"])),
        ("licence", model["licence"] or (None if model["open_weights"] is False else "unknown")),
        ("state", ends),
        ("note", model["note"]),
        ("source", f"{model['source']} (as of {model['checked']})"),
    ]


def or_embedded(session: Session) -> str:
    """What brings an embedded model besides, as the end of a sentence: pulling one helps only where they are on."""
    status: Row = session.client.get("/api/status")
    if any("embedded models" in what for what in status["off"]):
        return ", or start without --no-embedded and --only gateway"
    return ", or run `genaiops model pull smollm2` and start again"


def filled(session: Session, name: str, body: dict[str, Any], region: str | None) -> dict[str, Any]:
    """The target with what the preset, and the catalogue for its model there, say of what is not given."""
    preset: Row = session.client.get(path_of("/api/presets", name))
    address: str = preset["base_url"]
    if "base_url" not in body and "REGION" in address:
        if region is None:
            raise UsageError(
                f"The preset {name!r} needs a region.",
                remedy="Give --region, such as eu-central-1, or --base-url.",
                param="region",
            )
        address = address.replace("REGION", region)
    found = {
        "provider": preset["provider"],
        "base_url": address,
        "operations": preset["operations"],
        "stream_usage": preset["stream_usage"],
        "credentials": [preset["secret"]] if preset["secret"] else [],
        **_known_of(session, name, preset["provider"], body["upstream_model"]),
        **body,
    }
    if preset["note"]:
        session.output.note(preset["note"])
    return {**found, "settings": {**preset["settings"], **body.get("settings", {})}}


_OPERATIONS = frozenset({"chat", "text_completion", "embeddings"})


def _known_of(session: Session, preset: str, provider: str, upstream_model: str) -> dict[str, Any]:
    models = session.items("/api/catalogue", {"provider": provider})
    model = next((each for each in models if each["name"] == upstream_model), None)
    if model is None or (provider == "openai" and preset != "openai" and preset not in model["presets"]):
        return {}
    known: dict[str, Any] = {"operations": [each for each in model["operations"] if each in _OPERATIONS]}
    if model["context_window"] is not None:
        known["context_window"] = model["context_window"]
    return {field: value for field, value in known.items() if value}
