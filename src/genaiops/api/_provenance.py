"""`/api/provenance`: whether generated images are marked here, and by which certificate."""

from litestar import Controller, get

from genaiops.api._access import needs
from genaiops.api._services import Serving
from genaiops.ports.provenance import ProvenanceState


class ProvenanceController(Controller):
    path = "/provenance"
    tags = ("Guardrails",)

    @get(summary="Marking of generated images", guards=[needs("read")], sync_to_thread=True)
    def one(self, services: Serving) -> ProvenanceState:
        """Whether images are signed as generated, with what, and what is missing if not. `root` is the certificate to
        give to those who are to verify them."""
        return services.provenance
