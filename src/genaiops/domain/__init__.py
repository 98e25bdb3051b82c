"""The nouns: frozen, without I/O. The API, the CLI, the console, the tables and the documentation use these words."""

from genaiops.domain._artifact import Alias, Artifact, ArtifactKind, Version
from genaiops.domain._call import Admitted, Attempt, CallRecord, Charge, Refused, Settled
from genaiops.domain._keys import ApiKey, KeyEntry, KeyScope
from genaiops.domain._limits import Budget, Cost, MeterKind, RateLimit, Scope, ScopeKind, Usage
from genaiops.domain._people import (
    Actor,
    ActorKind,
    EndUser,
    Environment,
    EnvironmentKind,
    IdentityIssuer,
    Role,
    Team,
    Tenant,
)
from genaiops.domain._routing import (
    BreakerPolicy,
    Operation,
    Price,
    RetryPolicy,
    Route,
    RouteTarget,
    Target,
    TargetTimeouts,
)
from genaiops.domain._snapshot import Snapshot
from genaiops.domain._trace import INLINE, PREVIEW, Content, ContentState, Score, Span, SpanKind, Status

__all__ = [
    "INLINE",
    "PREVIEW",
    "Actor",
    "ActorKind",
    "Admitted",
    "Alias",
    "ApiKey",
    "Artifact",
    "ArtifactKind",
    "Attempt",
    "BreakerPolicy",
    "Budget",
    "CallRecord",
    "Charge",
    "Content",
    "ContentState",
    "Cost",
    "EndUser",
    "Environment",
    "EnvironmentKind",
    "IdentityIssuer",
    "KeyEntry",
    "KeyScope",
    "MeterKind",
    "Operation",
    "Price",
    "RateLimit",
    "Refused",
    "RetryPolicy",
    "Role",
    "Route",
    "RouteTarget",
    "Scope",
    "ScopeKind",
    "Score",
    "Settled",
    "Snapshot",
    "Span",
    "SpanKind",
    "Status",
    "Target",
    "TargetTimeouts",
    "Team",
    "Tenant",
    "Usage",
    "Version",
]
