"""Applications as names that clients call: which releases serve one in an environment, and what each sets."""

import hashlib
import math
import random
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from genaiops.domain import Application, Deployment, Release, ReleaseShadow, Snapshot

PREFIX = "app/"

_raw_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_UNIT = 1 / (1 << 64)

_CAPS = frozenset({"max_tokens", "max_completion_tokens"})
"""Two names of one parameter: who gives one of them has given it."""


class Released:
    """A release that serves. `head`: what its answers say of it."""

    __slots__ = (
        "_fields",
        "application",
        "deployment",
        "digest",
        "guard",
        "head",
        "model",
        "parameters",
        "prompt",
        "weight",
    )

    def __init__(self, release: Release, deployment: Deployment, weight: int) -> None:
        self.application = release.application_id
        self.deployment = deployment.id
        self.digest = release.digest
        self.weight = weight
        self.model = release.manifest.model
        self.prompt = release.manifest.prompt
        self.guard = release.manifest.pins.get("guard")
        self.parameters: Mapping[str, Any] = release.manifest.parameters
        self.head = f"x-genaiops-release: {release.id}\r\n".encode()
        self._fields = {name: msgspec.json.encode(value) for name, value in self.parameters.items()}

    def merged(self, raw: bytes | bytearray) -> bytes | bytearray:
        """The body in OpenAI's words with the release's parameters where it says nothing itself."""
        if not self.parameters:
            return raw
        said = _raw_fields(raw).keys()
        capped = not _CAPS.isdisjoint(said)
        added = [
            b"%b:%b" % (msgspec.json.encode(name), value)
            for name, value in self._fields.items()
            if name not in said and not (capped and name in _CAPS)
        ]
        if not added:
            return raw
        at = raw.index(b"{") + 1
        return b"%b%b%b%b" % (raw[:at], b",".join(added), b"," if said else b"", raw[at:])


class Deployed(NamedTuple):
    """An application in an environment: `name` is `app/NAME@ENVIRONMENT`. `run_id`: only that run's calls reach it."""

    name: str
    application: Application
    environment_id: str
    since_us: int
    releases: tuple[Released, ...]
    run_id: str = ""
    shadow: ReleaseShadow | None = None
    heard: Released | None = None
    """The release that `shadow` names."""

    def choose(self, who: str) -> Released:
        """By weight; the same `who` (empty: nobody in particular) keeps a release while the shares stand, and when they
        move, only those move whom a release gains or loses (rendezvous hashing with weights, as routes do)."""
        releases = self.releases
        if len(releases) == 1:
            return releases[0]
        if not who:
            return random.choices(releases, [one.weight for one in releases])[0]
        return max(releases, key=lambda one: self._score(who, one))

    def _score(self, who: str, one: Released) -> float:
        digest = hashlib.blake2b(f"{who}\0{self.name}\0{one.digest}".encode(), digest_size=8).digest()
        point = (int.from_bytes(digest, "big") + 0.5) * _UNIT
        return -one.weight / math.log(point) if point < 1.0 else math.inf


class Deployments:
    """Those of a Snapshot. `serving`: `app/NAME@ENVIRONMENT` -> what serves there."""

    __slots__ = ("applications", "serving")

    def __init__(self, snapshot: Snapshot) -> None:
        self.applications = {one.id: one for one in snapshot.applications}
        releases = {one.id: one for one in snapshot.releases}
        self.serving: dict[str, Deployed] = {}
        for one in snapshot.deployments:
            found = tuple(
                Released(releases[share.release_id], one, share.weight)
                for share in one.shares
                if share.weight > 0 and share.release_id in releases
            )
            if found and one.application_id in self.applications:
                name = PREFIX + one.id
                application = self.applications[one.application_id]
                heard = releases.get(one.shadow.release_id) if one.shadow is not None else None
                self.serving[name] = Deployed(
                    name,
                    application,
                    one.environment_id,
                    one.since_us,
                    found,
                    one.run_id,
                    one.shadow,
                    Released(heard, one, 0) if heard is not None else None,
                )
