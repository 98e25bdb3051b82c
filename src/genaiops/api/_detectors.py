"""`/api/detectors`: what guard policies can look with, and how good it is as far as it was measured."""

from litestar import Controller, get
from litestar.params import FromPath

from genaiops.api._access import needs
from genaiops.api._documents import Listing
from genaiops.guard import Detector, detector_of, detectors


class DetectorsController(Controller):
    path = "/detectors"
    tags = ("Guardrails",)

    @get(summary="List detectors", guards=[needs("read")], sync_to_thread=True)
    def list(self) -> Listing[Detector]:
        """All that a guard policy may name. One without `figures` was not measured: nobody knows how good it is."""
        return Listing(detectors())

    @get("/{name:str}", summary="One detector", guards=[needs("read")], sync_to_thread=True)
    def one(self, name: FromPath[str]) -> Detector:
        """What it finds, its options, and its figures with their bounds of 95 %."""
        return detector_of(name)
