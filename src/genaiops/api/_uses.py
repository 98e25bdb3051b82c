"""`/api/used-by`: what stands on a version, and who calls with it."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.params import FromPath, QueryParameter

from genaiops.api._access import Calling, needs
from genaiops.api._services import Serving
from genaiops.api._times import moment
from genaiops.core.clock import now_us, to_iso
from genaiops.domain import ApiKey
from genaiops.hub import PinnedBy, pinned_by
from genaiops.watch import calls_with

_NEWEST = 20
"""Versions that are looked at, besides those that aliases name."""


class CallerDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Calls with a version, of one application (null: of none) by one key in one environment."""

    version_id: str
    application: str | None
    key_id: str | None
    key_name: str | None
    environment_id: str | None
    calls: int
    last_at: str


class UsedByDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`releases` pin a version; `callers` called with one since `since` (prompts: by name, or by a release that pins
    it), most calls first. `more`: of some version only the latest calls were looked at."""

    ref: str
    since: str
    releases: Sequence[PinnedBy]
    callers: Sequence[CallerDocument]
    more: bool


class UsedByController(Controller):
    path = "/used-by"
    tags = ("Hub",)

    @get("/{reference:path}", summary="Who uses an artifact", guards=[needs("read")], sync_to_thread=True)
    def used_by(
        self,
        reference: FromPath[str],
        services: Serving,
        caller: Calling,
        since: Annotated[str, QueryParameter(description="what calls are counted since: ISO 8601, or `7d`")] = "7d",
    ) -> UsedByDocument:
        """By `kind/name`, or one version of it by `kind/name@alias` or `kind/name@sha256:...`. Of a bare name its
        newest 20 versions and those that aliases name."""
        ref = reference[1:]
        artifacts = services.hub.artifacts
        artifact = artifacts.visible(ref.partition("@")[0], caller.actor)
        start = moment(since, now_us=now_us(), param="since")
        if "@" in ref:
            versions = [artifacts.resolve(ref).id]
        else:
            named = [alias.version_id for alias in artifacts.aliases(artifact.id)]
            newest = [version.id for version in artifacts.versions(artifact.id)][::-1][:_NEWEST]
            versions = list(dict.fromkeys([*newest, *named]))
        with services.hub.records.read() as view:
            releases = pinned_by(view, versions)
            called = calls_with(services.telemetry, versions if artifact.kind == "prompt" else (), since_us=start)
            keys = {each.key_id: view.get(ApiKey, each.key_id) for each in called.callers if each.key_id}
        names = {key_id: key.name for key_id, key in keys.items() if key is not None}
        return UsedByDocument(
            ref=ref,
            since=to_iso(start),
            releases=releases,
            callers=[
                CallerDocument(
                    version_id=each.version_id,
                    application=each.application,
                    key_id=each.key_id,
                    key_name=names.get(each.key_id or ""),
                    environment_id=each.environment_id,
                    calls=each.calls,
                    last_at=to_iso(each.last_us),
                )
                for each in called.callers
            ],
            more=called.more,
        )
