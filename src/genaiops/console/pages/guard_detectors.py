"""Detectors: what each finds, and how good it is as far as anybody measured."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from genaiops.console._visit import Visiting
from genaiops.guard import detector_of, detectors


@get("/guardrails/detectors", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    return visit.page("guard_detectors.html", title="Guardrails", nav="guardrails", tab="detectors", found=detectors())


@get("/guardrails/detectors/{name:str}", sync_to_thread=True)
def one(visit: Visiting, name: FromPath[str]) -> Response[str]:
    found = detector_of(name)
    countries = sorted({kind.country for kind in found.kinds if kind.country})
    return visit.page(
        "guard_detector.html",
        title="Guardrails",
        nav="guardrails",
        tab="detectors",
        detector=found,
        countries=countries,
    )


HANDLERS: list[Any] = [show, one]
