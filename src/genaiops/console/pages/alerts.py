"""Alerts: what is wrong, how often and since when; acknowledged and closed here."""

from typing import Any

from litestar import Response, get, post

from genaiops.console._visit import Visiting, field, redirect
from genaiops.core.errors import GenaiopsError, UsageError

_SHOWN = 50


@get("/alerts", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    found = visit.services.hub.alerts.in_state()
    return visit.page(
        "alerts.html",
        title="Alerts",
        nav="alerts",
        raised=[each for each in found if each.state != "closed"],
        closed=[each for each in found if each.state == "closed"][:_SHOWN],
        may=visit.can("alerts"),
    )


@post("/alerts", sync_to_thread=True)
def decide(visit: Visiting) -> Response[Any]:
    """Acknowledge or close one of them."""
    alerts, by = visit.services.hub.alerts, visit.actor.id
    try:
        visit.require("alerts")
        verb, alert_id = field(visit.form, "verb"), field(visit.form, "id")
        comment = visit.form.get("comment", "").strip()
        if verb == "acknowledge":
            alerts.acknowledge(alert_id, comment=comment, by=by)
        elif verb == "close":
            alerts.close(alert_id, comment=comment, by=by)
        else:
            raise UsageError("That is nothing to do.", remedy="Acknowledge or close.", param="verb")
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link("/alerts"))
    visit.publish()
    visit.say(f"{alert_id} is {'acknowledged' if verb == 'acknowledge' else 'closed'}.")
    return redirect(visit.link("/alerts"))


HANDLERS: list[Any] = [show, decide]
