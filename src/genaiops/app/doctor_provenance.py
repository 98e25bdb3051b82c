"""The doctor's look at what marks generated images."""

from collections.abc import Iterator

from genaiops.app.findings import Finding, fail, ok, warn
from genaiops.app.home import Home
from genaiops.app.provenance import provenance_state
from genaiops.app.settings import Settings

_CHECK = "images"
_SOON_DAYS = 60


def check_provenance(settings: Settings, home: Home) -> Iterator[Finding]:
    state = provenance_state(settings, home)
    certificate = state.certificate
    if state.problem:
        said = f"Generated images are not marked: {state.problem}"
        if state.mode == "required":
            yield fail(_CHECK, f"{said} So none goes out.", state.remedy)
        elif state.mode == "off" or (state.own and not state.installed):
            yield ok(_CHECK, f"{said} {state.remedy}")
        else:
            yield warn(_CHECK, said, state.remedy)
    elif certificate is not None and certificate.days_left < _SOON_DAYS:
        yield warn(
            _CHECK,
            f"The certificate that signs generated images ends in {certificate.days_left} days.",
            "Put a new one in its place; see docs/images.md.",
        )
    elif certificate is not None:
        yield ok(_CHECK, f"generated images are signed by {certificate.organisation}, until {certificate.not_after}")
