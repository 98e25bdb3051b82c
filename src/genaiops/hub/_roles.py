"""Who may do what: every role as rows of permissions, and in which kinds of environment they hold.

A permission that concerns an environment (keys for it, calls from the console, content of its calls, deployments) holds
only in the kinds named; of any other permission the kinds mean nothing. People may have several roles: what one of them
allows is allowed. `hub/_access.py` applies this; docs/access.md shows it.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from genaiops.domain import EnvironmentKind, Role

Permission = Literal[
    "read",  # everything but the content of calls
    "content",  # prompts and answers in traces
    "playground",
    "own_keys",  # make, rotate and revoke keys of one's own
    "keys",  # of everybody
    "targets",
    "routes",
    "prices",
    "budgets",  # and rate limits
    "artifacts",
    "applications",  # and their releases
    "deployments",  # which release serves where
    "people",  # actors, teams, their roles
    "environments",
    "tenants",  # business units
    "issuers",
    "audit",  # read the audit log, with what was changed, and have it signed
    "policies",  # which changes need another person's consent
    "approve",  # consent to what another person wants to release
    "alerts",  # acknowledge and close them
    "review",  # decide about what a guard policy holds
    "findings",  # record what was found in releases, runs and data, and what is done about it
    "label",  # items of queues, and see what is in those
    "use_cases",  # what an application is for, and the KPIs that gate its releases
    "erase",  # take away what is kept of an end user
]

PERSONAL: frozenset[Permission] = frozenset({"approve", "review", "label"})
"""What a service account never does, whatever its roles."""

ORGANISATION: frozenset[Permission] = frozenset(
    {"targets", "routes", "prices", "issuers", "tenants", "policies", "audit"}
)
"""What all business units share: only people of the tenant `default` change it, and read the log of all of them."""

Kinds = tuple[EnvironmentKind, ...]
EVERYWHERE: Kinds = get_args(EnvironmentKind)
BELOW_PROD: Kinds = ("sandbox", "dev", "preprod")
TRYING: Kinds = ("sandbox", "dev")


class RoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """`home` is where the console begins, for those who may `home_needs`. `grants`: kinds of environment -> permissions
    that hold in them."""

    title: str
    home: str = "/"
    home_needs: Permission | None = None
    grants: Mapping[Kinds, tuple[Permission, ...]] = {}

    def kinds(self, permission: Permission) -> frozenset[EnvironmentKind]:
        """Where it holds; empty: nowhere."""
        return frozenset(kind for kinds, given in self.grants.items() if permission in given for kind in kinds)


ROLES: Mapping[Role, RoleRow] = {
    "admin": RoleRow(
        title="Administers the platform, or its own business unit",
        grants={EVERYWHERE: get_args(Permission)},
    ),
    "operator": RoleRow(
        title="Runs the gateway: targets, routes, prices, budgets, keys",
        home="/gateway",
        grants={
            EVERYWHERE: (
                *("read", "content", "playground", "own_keys", "keys", "targets", "routes", "prices", "budgets"),
                *("artifacts", "applications", "deployments", "alerts", "label", "findings"),
            )
        },
    ),
    "developer": RoleRow(
        title="Builds with keys of its own: prompts and other artifacts",
        home="/playground",
        grants={EVERYWHERE: ("read", "content", "playground", "own_keys", "artifacts", "label", "findings")},
    ),
    "viewer": RoleRow(title="Looks", grants={EVERYWHERE: ("read", "content")}),
    "data-engineer": RoleRow(
        title="Prepares data: sets, indexes, pipelines",
        home="/traces",
        grants={
            EVERYWHERE: ("read", "artifacts", "findings"),
            BELOW_PROD: ("content", "playground", "own_keys", "label"),
        },
    ),
    "data-owner": RoleRow(
        title="Answers for data: who may use it and for what, and its erasure",
        home="/approvals",
        home_needs="approve",
        grants={EVERYWHERE: ("read", "content", "approve", "review", "erase", "label", "findings")},
    ),
    "data-scientist": RoleRow(
        title="Tries prompts and models",
        home="/playground",
        grants={
            EVERYWHERE: ("read", "artifacts", "findings"),
            BELOW_PROD: ("content", "playground", "label"),
            TRYING: ("own_keys", "deployments"),
        },
    ),
    "ml-engineer": RoleRow(
        title="Builds applications up to preprod",
        home="/playground",
        grants={
            EVERYWHERE: ("read", "artifacts", "applications", "findings"),
            BELOW_PROD: ("content", "playground", "own_keys", "deployments", "label"),
        },
    ),
    "mlops-engineer": RoleRow(
        title="Releases and operates applications, prod included",
        home="/gateway",
        grants={
            EVERYWHERE: (
                *("read", "content", "playground", "own_keys", "keys", "targets", "routes", "budgets"),
                *("artifacts", "applications", "deployments", "alerts", "label", "findings"),
            )
        },
    ),
    "architect": RoleRow(
        title="Decides what is built how, and what needs consent",
        home="/approvals",
        home_needs="approve",
        grants={EVERYWHERE: ("read", "policies", "approve"), BELOW_PROD: ("content", "playground")},
    ),
    "security": RoleRow(
        title="Looks for danger; decides about trust and consent",
        home="/traces?status=error",
        grants={EVERYWHERE: ("read", "content", "issuers", "policies", "approve", "alerts", "review", "findings")},
    ),
    "product-owner": RoleRow(
        title="Answers for an application: its use case with KPIs, its quality and its budget",
        home="/costs",
        grants={
            EVERYWHERE: ("read", "content", "budgets", "use_cases", "approve", "label"),
            BELOW_PROD: ("playground",),
        },
    ),
    "stakeholder": RoleRow(
        title="Sees figures, and nothing of what people wrote", home="/costs", grants={EVERYWHERE: ("read",)}
    ),
    "reviewer": RoleRow(
        title="Knows the field: judges answers",
        home="/traces",
        grants={EVERYWHERE: ("read", "content", "review", "label", "findings"), BELOW_PROD: ("playground",)},
    ),
    "domain-expert": RoleRow(
        title="Knows the field: labels what queues ask, and sees nothing else",
        home="/queues",
        home_needs="label",
        grants={EVERYWHERE: ("label",)},
    ),
    "auditor": RoleRow(
        title="Reads everything but what people wrote, and records findings",
        home="/settings/audit",
        home_needs="audit",
        grants={EVERYWHERE: ("read", "audit", "findings")},
    ),
    "consumer": RoleRow(title="Uses applications with keys that others make"),
}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    role: frozenset(permission for permission in get_args(Permission) if row.kinds(permission))
    for role, row in ROLES.items()
}
"""What a role may somewhere."""
