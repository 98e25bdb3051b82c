"""`/api/risks`: the risks that are known, and which controls are in force against each."""

from litestar import Controller, get
from litestar.params import FromPath

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._services import Serving
from genaiops.core.errors import NotFound
from genaiops.core.suggesting import suggestion
from genaiops.domain import Risk


class RisksController(Controller):
    path = "/risks"
    tags = ("Guardrails",)

    @get(summary="List risks", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving, caller: Calling) -> Listing[Risk]:
        """Each with its monitor, its detector and its mitigation as they are now, or the gap."""
        return Listing(services.risks.now(services.hub, caller.reach.tenant_id))

    @get("/{risk_id:str}", summary="One risk", guards=[needs("read")], sync_to_thread=True)
    def one(self, risk_id: FromPath[str], services: Serving, caller: Calling) -> Risk:
        """What its controls consist of, where they hold, how good they were measured to be, and what would close a
        gap."""
        found = {each.id: each for each in services.risks.now(services.hub, caller.reach.tenant_id)}
        if risk_id not in found:
            raise NotFound(f"There is no risk {risk_id[:80]!r}.", remedy=suggestion(risk_id, found), param="risk")
        return found[risk_id]
