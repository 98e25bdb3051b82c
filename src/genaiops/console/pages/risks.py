"""Risks: what monitors, detects and mitigates each here, or the gap."""

from typing import Any

from litestar import Response, get

from genaiops.console._visit import Visiting


@get("/guardrails/risks", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    risks = visit.services.risks.now(visit.services.hub, visit.reach.tenant_id)
    return visit.page(
        "risks.html",
        title="Guardrails",
        nav="guardrails",
        tab="risks",
        risks=risks,
        whole=sum(not each.gaps for each in risks),
        states={"in_force": ("pass", "in force"), "partly": ("inconclusive", "partly"), "gap": ("fail", "gap")},
    )


HANDLERS: list[Any] = [show]
