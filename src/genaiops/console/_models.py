"""Which models the visitor can ask."""

from genaiops.console._visit import Visit


def models(visit: Visit) -> list[str]:
    """Names that chat: routes first, then targets that are on."""
    hub = visit.services.hub
    targets = {target.id: target for target in hub.targets.list()}
    chats = {name for name, target in targets.items() if target.enabled and "chat" in target.operations}
    routes = [route.id for route in hub.routes.list() if any(each.target_id in chats for each in route.targets)]
    return list(dict.fromkeys([*routes, *sorted(targets[name].model for name in chats)]))
