"""The embedded models as targets: what a start writes of them, and how one that was removed comes back."""

from typing import Any

import msgspec

from genaiops.app.embedded import KEY_VARIABLE, last_ports, loopback_url
from genaiops.app.home import Home
from genaiops.app.settings import Settings
from genaiops.core.errors import Conflict, GenaiopsError
from genaiops.domain import Target
from genaiops.engines import weights
from genaiops.hub import EmbeddedModel, Hub, bring_back


def own_model(settings: Settings, home: Home, name: str, url: str) -> EmbeddedModel:
    """What is to be known of one of this installation's models, whose server answers at `url`."""
    manifest = _manifest(home, name)
    credentials = (KEY_VARIABLE,)
    if weights.find(name).kind == "chat":
        context = settings.embedded.context
        model = EmbeddedModel.smollm2(url, context_window=context, credentials=credentials, manifest=manifest)
    else:
        model = EmbeddedModel.minilm(url, credentials=credentials, manifest=manifest)
    return msgspec.structs.replace(model, name=name)


def restore(settings: Settings, home: Home, hub: Hub, name: str, *, by: str) -> Target:
    """The target of an embedded model that was removed, again. NotFound for another name, Conflict when its target is
    there or its server is not."""
    weights.find(name)
    port = last_ports(home).get(name)
    if port is None:
        raise Conflict(
            f"The embedded model {name!r} does not run.",
            remedy=f"Run genaiops model pull {name}; then start without --no-embedded, with {name} in embedded.models.",
            code="not_running",
            param="name",
        )
    return bring_back(hub.records, own_model(settings, home, name, loopback_url(port)), now_us=hub.clock(), by=by)


def _manifest(home: Home, name: str) -> dict[str, Any]:
    """What the weights' manifest says, without what differs from one pull of the same bytes to the next."""
    try:
        found: dict[str, Any] = msgspec.to_builtins(weights.locate(name, home.path).manifest)
    except GenaiopsError:
        return {}
    found.pop("pulled_at", None)
    return found
