"""Releases in shadow: which one hears copies of an application's calls, and who pays for them."""

import msgspec

from genaiops.core.errors import Conflict, NotFound
from genaiops.domain import Deployment, ReleaseShadow
from genaiops.hub._releases import resolved
from genaiops.hub._service import Clock
from genaiops.hub._validation import checked_name, checked_number, existing
from genaiops.ports.records import Records, Unit


class NewShadow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`release`: its digest, at least 6 digits of it, or `latest`. `application`: whose budget pays for the copies
    (empty: `shadow/` and the application's name). `share`: 0..1 of the calls."""

    release: str
    application: str = ""
    share: float = 0.1
    concurrency: int = 4


class ReleaseShadows:
    """Users get nothing else by one, so no consent is asked for."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def begin(self, deployment_id: str, new: NewShadow, *, by: str) -> Deployment:
        """In place of one that was there. Conflict for a release that serves there already."""
        checked_number(new.share, param="share", least=0.0001, most=1)
        checked_number(new.concurrency, param="concurrency", least=1, most=1000)
        with self._records.write(by) as unit:
            there = _deployed(unit, deployment_id)
            release = resolved(unit, there.application_id, new.release)
            if release.id in {share.release_id for share in there.shares}:
                raise Conflict(
                    f"The release {release.digest[:19]} serves on {deployment_id} already.",
                    remedy=f"Name another one: genaiops release list {there.application_id}",
                    code="serves_already",
                )
            shadow = ReleaseShadow(
                release_id=release.id,
                application=checked_name(new.application or f"shadow/{there.application_id}", word="application"),
                share=new.share,
                concurrency=new.concurrency,
                since_us=self._clock(),
                by=by,
            )
            made = msgspec.structs.replace(there, shadow=shadow)
            unit.replace(made)
        return made

    def end(self, deployment_id: str, *, by: str) -> Deployment:
        """What was copied stays. NotFound where none is."""
        with self._records.write(by) as unit:
            there = _deployed(unit, deployment_id)
            if there.shadow is None:
                raise NotFound(
                    f"No release is in shadow on {deployment_id}.",
                    remedy=f"genaiops app shadow {there.application_id} --env {there.environment_id} --release latest",
                )
            made = msgspec.structs.replace(there, shadow=None)
            unit.replace(made)
        return made


def _deployed(unit: Unit, deployment_id: str) -> Deployment:
    return existing(unit, Deployment, deployment_id, word="deployment")
