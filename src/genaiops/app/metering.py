"""How the energy of calls is worked out in this installation."""

import logging

from genaiops.app.settings import Settings
from genaiops.checks.energy import THREAD_1, of_watts
from genaiops.core.errors import ConfigError
from genaiops.engines import ecologits
from genaiops.ports.energy import EnergyFactors
from genaiops.watch import Machine, Metering

_log = logging.getLogger("genaiops.energy")


def open_metering(settings: Settings) -> Metering | None:
    """None when it is switched off. The factors are loaded by whoever first needs one, not here."""
    options = settings.energy
    if not options.enabled:
        return None
    embedded = settings.embedded.models if settings.runs_embedded else ()
    machine = Machine(
        threads=dict.fromkeys(embedded, settings.embedded.model_threads),
        power=of_watts(options.thread_watts) if options.thread_watts else THREAD_1,
        zone=options.zone,
        kg_per_kwh=None if options.kg_per_kwh < 0 else options.kg_per_kwh,
    )
    return Metering(machine, _factors, zone=options.provider_zone or None)


def _factors() -> EnergyFactors | None:
    if not ecologits.is_installed():
        return None
    try:
        return ecologits.EcoLogits()
    except ConfigError as error:
        _log.warning("the energy of providers' models stays unknown: %s", error)
        return None
