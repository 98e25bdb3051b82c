"""Deployments: which releases serve an application in an environment, and what they served before."""

from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import Application, Approval, Deployment, Environment, Release, Share, trial_name
from genaiops.hub._consent import Consent, Consents, Proposal
from genaiops.hub._lineage import edge, link
from genaiops.hub._releases import resolved
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import every, existing
from genaiops.ports.records import Records, Unit, View

_WHOLE = 100


class DeploymentChange(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a deployment's history; without shares: it was taken down."""

    at_us: int
    by: str
    shares: tuple[Share, ...]


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """For who has to consent to a protected deployment: `reason`; `emergency`: why an administrator cannot wait."""

    reason: str = ""
    emergency: str | None = None


NOT_SAID = Why()


class Deployments(Service[Deployment]):
    """A change of a protected deployment is made when another person consents (`ConsentNeeded` says who may)."""

    def __init__(self, records: Records, clock: Clock, consents: Consents) -> None:
        super().__init__(records, clock, Deployment, "deployment")
        self._consents = consents

    def list(self) -> Sequence[Deployment]:
        """All, in order of id; what runs only try is none."""
        return [each for each in self._all() if not each.run_id]

    def of(self, application_id: str) -> Sequence[Deployment]:
        with self._records.read() as view:
            existing(view, Application, application_id, word="application", param="application")
            return [each for each in every(view, Deployment, {"application_id": application_id}) if not each.run_id]

    def try_out(self, release_id: str, environment_id: str, run_id: str, *, by: str) -> None:
        """Let the calls of a run reach a release that need not be deployed, under the name `trial_name(release, run)`,
        with the limits and guards of that environment. Twice is once."""
        with self._records.write(by) as unit:
            release = existing(unit, Release, release_id, word="release")
            made = Deployment(
                id=trial_name(release_id, run_id),
                application_id=release.application_id,
                environment_id=environment_id,
                shares=(Share(release.id, _WHOLE),),
                since_us=self._clock(),
                deployed_by=by,
                run_id=run_id,
            )
            if unit.get(Deployment, made.id) is None:
                _check_environment(unit, release.application_id, environment_id)
                unit.add(made)

    def trials(self) -> Sequence[Deployment]:
        """What runs try now."""
        return [each for each in self._all() if each.run_id]

    def end_trials(self, run_id: str, *, by: str) -> None:
        """Nothing that this run tried can be reached any more."""
        with self._records.write(by) as unit:
            for each in list(every(unit, Deployment)):
                if each.run_id == run_id:
                    unit.remove(Deployment, each.id)

    def deploy(
        self,
        application_id: str,
        environment_id: str,
        reference: str,
        *,
        share: int | None = None,
        why: Why = NOT_SAID,
        by: str,
    ) -> Deployment:
        """The release gets `share` percent of the application's traffic there and those that serve now keep the rest in
        their proportions; None: it gets everything. Deploying what serves already changes nothing."""
        with self._records.write(by) as unit:
            release = resolved(unit, application_id, reference)
            _check_environment(unit, application_id, environment_id)
            former = unit.get(Deployment, f"{application_id}@{environment_id}")
            shares = _shares(release, former, share)
            if former is not None and former.shares == shares:
                return former
            made = self._made(former, f"{application_id}@{environment_id}", shares, by)
            made, consent = self._served(unit, made, former, why)
        consent.check()
        return made

    def roll_back(self, application_id: str, environment_id: str, *, why: Why = NOT_SAID, by: str) -> Deployment:
        """What served before serves again. Rolling back once more returns to what was rolled back."""
        with self._records.write(by) as unit:
            former = self._deployed(unit, application_id, environment_id)
            if not former.former:
                raise Conflict(
                    f"Nothing served {application_id!r} in {environment_id!r} before.",
                    remedy="Deploy another release.",
                    code="nothing_before",
                )
            rolled, consent = self._served(unit, self._made(former, former.id, former.former, by), former, why)
        consent.check()
        return rolled

    def take_down(self, application_id: str, environment_id: str, *, why: Why = NOT_SAID, by: str) -> None:
        """Calls of the application there are refused from now on."""
        with self._records.write(by) as unit:
            there = self._deployed(unit, application_id, environment_id)
            consent = self._ask(unit, msgspec.structs.replace(there, deployed_by=by), there, (), why)
            if consent.given:
                unit.remove(Deployment, there.id)
        consent.check()

    def apply(self, unit: Unit, approval: Approval) -> None:
        """The change that an approval asks for. Conflict when something else serves there by now."""
        deployment_id = approval.subject.removeprefix("deployment:")
        there = unit.get(Deployment, deployment_id)
        if _plain(there.shares if there else ()) != approval.change["from"]:
            raise Conflict(
                f"{deployment_id} has changed since {approval.id} was asked for.",
                remedy="Withdraw it, and ask for the change anew.",
                code="moved_meanwhile",
            )
        if approval.change["to"] is None:
            unit.remove(Deployment, deployment_id)
            return
        shares = msgspec.convert(approval.change["to"], tuple[Share, ...])
        application_id, _, environment_id = deployment_id.partition("@")
        _check_environment(unit, application_id, environment_id)
        for share in shares:
            existing(unit, Release, share.release_id, word="release")
        made = self._made(there, deployment_id, shares, approval.requested_by)
        _put(unit, msgspec.structs.replace(made, approval_id=approval.id))

    def history(self, application_id: str, environment_id: str) -> Sequence[DeploymentChange]:
        """Newest first, at most the last thousand."""
        with self._records.read() as view:
            changes = view.history(Deployment, f"{application_id}@{environment_id}")
        if not changes:
            raise _not_deployed(application_id, environment_id)
        found: list[DeploymentChange] = []
        newer: Deployment | None = None
        for change in changes:
            there = None if change.body is None else msgspec.json.decode(change.body, type=Deployment)
            served = None if there is None else msgspec.structs.replace(there, shadow=None)
            if served is not None and served == newer:
                found.pop()  # that was a release in shadow: what serves is the same
            newer = served
            shares = () if there is None else there.shares
            found.append(DeploymentChange(at_us=change.at_us, by=change.actor_id, shares=shares))
        return found

    def _deployed(self, view: View, application_id: str, environment_id: str) -> Deployment:
        existing(view, Application, application_id, word="application", param="application")
        found = view.get(Deployment, f"{application_id}@{environment_id}")
        if found is None:
            existing(view, Environment, environment_id, word="environment", param="environment")
            raise _not_deployed(application_id, environment_id)
        return found

    def _served(self, unit: Unit, made: Deployment, former: Deployment | None, why: Why) -> tuple[Deployment, Consent]:
        """`made` with its approval, in force when consent is given."""
        consent = self._ask(unit, made, former, made.shares, why)
        made = msgspec.structs.replace(made, approval_id=consent.approval_id)
        if consent.given:
            _put(unit, made)
        return made, consent

    def _ask(
        self, unit: Unit, made: Deployment, former: Deployment | None, shares: tuple[Share, ...], why: Why
    ) -> Consent:
        environment = existing(unit, Environment, made.environment_id, word="environment", param="environment")
        proposal = Proposal(
            subject=f"deployment:{made.id}",
            change={"from": _plain(former.shares if former else ()), "to": _plain(shares)},
            tenant_id=environment.tenant_id,
            environment_kind=environment.kind,
            reason=why.reason,
            emergency=why.emergency,
        )
        return self._consents.ask(unit, proposal, by=made.deployed_by)

    def _made(self, former: Deployment | None, deployment_id: str, shares: tuple[Share, ...], by: str) -> Deployment:
        application_id, _, environment_id = deployment_id.partition("@")
        return Deployment(
            id=deployment_id,
            application_id=application_id,
            environment_id=environment_id,
            shares=shares,
            former=_former(former, shares),
            since_us=self._clock(),
            deployed_by=by,
        )


def _plain(shares: tuple[Share, ...]) -> list[dict[str, Any]] | None:
    """As an approval keeps them; None: nothing serves."""
    return [msgspec.to_builtins(share) for share in shares] or None


def _put(unit: Unit, deployment: Deployment) -> None:
    (unit.add if unit.get(Deployment, deployment.id) is None else unit.replace)(deployment)
    now, by = deployment.since_us, deployment.deployed_by
    for share in deployment.shares:
        target = f"deployment/{deployment.id}"
        link(unit, [edge(f"release/{share.release_id}", target, "deployed", by=by, now_us=now)])


def _former(former: Deployment | None, shares: tuple[Share, ...]) -> tuple[Share, ...]:
    """What a roll-back returns to: what served before these releases came, however often their shares were moved."""
    if former is None:
        return ()
    only_weights = {each.release_id for each in shares} <= {each.release_id for each in former.shares}
    return former.former if only_weights and former.former and former.former != shares else former.shares


def _shares(release: Release, former: Deployment | None, share: int | None) -> tuple[Share, ...]:
    if share is not None and not 1 <= share <= _WHOLE:
        raise UsageError(f"The share is {share}.", remedy="Give percent, from 1 to 100.", param="share")
    others = [each for each in (former.shares if former is not None else ()) if each.release_id != release.id]
    if share is None or share == _WHOLE:
        return (Share(release.id, _WHOLE),)
    if not others:
        raise UsageError(
            f"No other release serves {release.application_id!r} there, so nothing would have the other "
            f"{_WHOLE - share} percent.",
            remedy="Leave the share out.",
            param="share",
        )
    rest, total = _WHOLE - share, sum(each.weight for each in others)
    if rest < len(others):
        raise UsageError(
            f"{len(others)} other releases cannot share {rest} percent.", remedy="Give less.", param="share"
        )
    # By largest remainder, and nobody falls to nothing.
    exact = [(each.weight * rest / total, each) for each in others]
    weights = [max(1, int(part)) for part, _ in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: exact[i][0] - int(exact[i][0]), reverse=True)
    for turn in range(len(weights) * _WHOLE):
        missing = rest - sum(weights)
        if not missing:
            break
        at = by_remainder[turn % len(weights)]
        if missing > 0:
            weights[at] += 1
        elif weights[at] > 1:
            weights[at] -= 1
    kept = [Share(each.release_id, weight) for (_, each), weight in zip(exact, weights, strict=True)]
    return (*kept, Share(release.id, share))


def _check_environment(view: View, application_id: str, environment_id: str) -> None:
    application = existing(view, Application, application_id, word="application", param="application")
    environment = existing(view, Environment, environment_id, word="environment", param="environment")
    if environment.tenant_id != application.tenant_id:
        raise UsageError(
            f"The environment {environment_id!r} is of the tenant {environment.tenant_id!r}, the application "
            f"{application_id!r} of {application.tenant_id!r}.",
            remedy="Choose an environment of the application's own tenant.",
            param="environment",
        )
    if environment.kind == "prod" and application.acknowledged_us is None:
        raise Conflict(
            f"The application {application_id!r} has not acknowledged that it uses generative AI, so nobody could call "
            f"it in {environment_id!r}.",
            remedy=f'Have a person state it: genaiops app acknowledge {application_id} --statement "..."',
            code="not_acknowledged",
        )


def _not_deployed(application_id: str, environment_id: str) -> NotFound:
    return NotFound(
        f"{application_id!r} is not deployed in {environment_id!r}.",
        remedy=f"genaiops app deploy {application_id} --release latest --env {environment_id}",
        code="not_deployed",
        param="environment",
    )
