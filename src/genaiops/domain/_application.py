"""AI systems in use: what they run on, and where."""

from typing import Any, Literal

import msgspec

RiskTier = Literal["unknown", "minimal", "limited", "high"]


class Application(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An AI system in use. `id` is its name; `owner` an actor's id.

    `acknowledged_us`: when somebody stated for it that it uses generative AI (None: nobody did, and its keys for
    environments of the kind prod do not work), in the words of `statement`.
    """

    id: str
    tenant_id: str = "default"
    team_id: str | None = None
    title: str = ""
    purpose: str = ""
    owner: str = ""
    risk_tier: RiskTier = "unknown"
    acknowledged_us: int | None = None
    acknowledged_by: str = ""
    statement: str = ""
    created_us: int
    created_by: str = ""


class Commit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The source that an application was built from. `dirty`: files differed from it."""

    sha: str
    repository: str = ""
    dirty: bool = False


class ReleaseManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that an application runs on, pinned. `model` is a model's or a route's name; `parameters` go into each
    request that does not say otherwise; `prompt` is a version's id; `pins` names further versions by what they are for
    (`guard`, `index`, `tools`, `suite`, `dataset` ...)."""

    model: str
    parameters: dict[str, Any] = {}
    prompt: str | None = None
    pins: dict[str, str] = {}
    commit: Commit | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An immutable manifest. `id` is `application@sha256:...`: the digest of the manifest."""

    id: str
    application_id: str
    digest: str
    manifest: ReleaseManifest
    note: str = ""
    created_us: int
    created_by: str = ""


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`weight` of a release among those of its deployment."""

    release_id: str
    weight: int = 1


class ReleaseShadow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release that hears copies of a `share` (0..1) of a deployment's calls, when they are answered; nobody gets what
    it says. Copies are charged to `application`, whose limits hold for them: without a hard budget there, none is made.
    At most `concurrency` of them are under way in a worker; what is over is left out."""

    release_id: str
    application: str
    share: float = 0.1
    concurrency: int = 4
    since_us: int
    by: str = ""


class Deployment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which releases get which share of an application's traffic in an environment, since when, by whom. `id` is
    `application@environment`; `former` is what a roll-back returns to; `shadow` ends with the next change of shares.
    `run_id`: not deployed at all, but tried by that run, whose calls alone reach it; `id` is `application@run.digits`
    then."""

    id: str
    application_id: str
    environment_id: str
    shares: tuple[Share, ...]
    former: tuple[Share, ...] = ()
    since_us: int
    deployed_by: str = ""
    approval_id: str | None = None
    run_id: str = ""
    shadow: ReleaseShadow | None = None

    @property
    def releases(self) -> tuple[str, ...]:
        """All that it needs: those that serve, those that a roll-back returns to, and one in shadow."""
        named = [share.release_id for share in (*self.shares, *self.former)]
        return (*named, self.shadow.release_id) if self.shadow is not None else tuple(named)


def trial_name(release_id: str, run_id: str) -> str:
    """What a run calls a release that it tries: `application@run.digits`."""
    application_id, _, digest = release_id.partition("@")
    return f"{application_id}@{run_id}.{digest.removeprefix('sha256:')[:12]}"
