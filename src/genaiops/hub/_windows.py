"""Context windows of what serves a name."""

from genaiops.hub._hub import Hub


def context_window(hub: Hub, model: str | None) -> int | None:
    """The smallest window of the targets that serve a model or a route; None where nobody knows."""
    if model is None:
        return None
    targets = hub.targets.list()
    names = {model}
    for route in hub.routes.list():
        if route.id == model:
            names = {one.target_id for one in route.targets}
    windows = [one.context_window for one in targets if names & {one.id, one.model} and one.context_window]
    return min(windows, default=None)
