"""The registry: who may call, where calls can go, what they cost and may cost, and what the models are.

`Hub` holds one service a noun; every write is validated, is one unit of the records, and names the actor it is `by`.
`compile_snapshot`, `key_entries` and `changed_key_entries` make of the records what the gateway workers need.
"""

from genaiops.hub._access import (
    ORGANISATION_TENANT,
    allows,
    home_of,
    require,
    require_entrance,
    require_gives,
    require_scope,
    sees_all,
)
from genaiops.hub._actors import administers
from genaiops.hub._applications import ApplicationChange, NewApplication
from genaiops.hub._apply import Applied, MadeKey, Wish, apply_state
from genaiops.hub._approvals import Approvals
from genaiops.hub._artifacts import About, AliasMove, Wanted, may_see
from genaiops.hub._bootstrap import ADMIN, BOOTSTRAP, EmbeddedModel, OwnModel, bootstrap, bring_back
from genaiops.hub._budgets import NewBudget
from genaiops.hub._catalogue import (
    Ability,
    CatalogueModel,
    ModelState,
    Preset,
    catalogue,
    catalogue_checked,
    catalogue_model,
    preset,
    presets,
)
from genaiops.hub._compile import changed_key_entries, compile_snapshot, key_entries
from genaiops.hub._consent import Consent, Consents, Proposal
from genaiops.hub._consenting import Consenting, Mode
from genaiops.hub._dataset_diff import RowDiff, diff_rows
from genaiops.hub._dataset_text import version_of
from genaiops.hub._datasets import Chunk, Datasets, Origin, Registered
from genaiops.hub._deployments import DeploymentChange, Why
from genaiops.hub._diff import Difference, Line, Piece, compare_texts
from genaiops.hub._experiment_forms import MetricForm, PlanForm, plan_form, plan_of
from genaiops.hub._experiments import Experiments, NewExperiment, check_plan
from genaiops.hub._export import export
from genaiops.hub._facts import FACTS, decided_claims, fact_items, fact_queue, fact_scores
from genaiops.hub._fingerprints import DocumentsState, Fingerprints, KnownDocument
from genaiops.hub._forms import EXPORTED, SECTIONS
from genaiops.hub._groups import SIGN_IN, Groups
from genaiops.hub._guard_cases import GuardCases
from genaiops.hub._guard_diff import GuardDifference, GuardFieldChange, compare_guards, severity, text_diff
from genaiops.hub._guard_text import ReadGuard, read_guard, read_guard_document
from genaiops.hub._guarding import Guards, GuardState
from genaiops.hub._guards import GuardUse, default_digest, default_text, guard_manifest
from genaiops.hub._hub import SANDBOX_CAP, SANDBOX_DAYS, Hub
from genaiops.hub._key_checks import NewKey
from genaiops.hub._keys import KeyChange
from genaiops.hub._kinds import Kind
from genaiops.hub._labelling import Labelling, Said, done_labels, sees_item
from genaiops.hub._limit_text import ParsedLimit, parse_limit, show_limit
from genaiops.hub._lineage import STAGES, Direction, Lineage, Node, Walk, edge, edges_of_release, link
from genaiops.hub._litellm import Translated, translate_litellm
from genaiops.hub._litellm_section import Finding
from genaiops.hub._manifests import manifest_digest
from genaiops.hub._merge_report import (
    BesideServing,
    MergeReport,
    ReleaseSaid,
    SuiteSaid,
    report_of_commit,
    report_of_release,
)
from genaiops.hub._persons import erase_from_records, held_rows
from genaiops.hub._plan import Change, FieldChange, Plan
from genaiops.hub._policies import policy_document
from genaiops.hub._policy import ApprovalPolicy, checked_policy
from genaiops.hub._price_forms import price_form
from genaiops.hub._prices import NewFees, NewPrice, NewTier
from genaiops.hub._prompts import link_prompt, prepare_prompt
from genaiops.hub._queue_forms import as_shown, options_of, shown_answers
from genaiops.hub._queue_results import QueueProgress, QueueResult, held_of, progress, results
from genaiops.hub._queue_rows import (
    PICTURE,
    item_of_row,
    judge_labels,
    label_scores,
    labelled_rows,
    labels_origin,
    whole_rows,
)
from genaiops.hub._queues import Added, NewItem, NewQueue, QueueChange, Queues, labels_in
from genaiops.hub._rate_limits import NewRateLimit
from genaiops.hub._reach import ConfinedTelemetry, Reach, check_rows, reach_of
from genaiops.hub._registered import documents_of
from genaiops.hub._release_shadows import NewShadow, ReleaseShadows
from genaiops.hub._releases import ManifestChange, Verdict
from genaiops.hub._roles import ORGANISATION, PERMISSIONS, PERSONAL, ROLES, Permission, RoleRow
from genaiops.hub._state_text import read_state
from genaiops.hub._targets import masked
from genaiops.hub._tasks import opened
from genaiops.hub._use_cases import FIGURES, Moved, UseCases, measuring
from genaiops.hub._use_cases import Held as HeldUseCase
from genaiops.hub._uses import PinnedBy, pinned_by
from genaiops.hub._windows import context_window

__all__ = [
    "ADMIN",
    "BOOTSTRAP",
    "EXPORTED",
    "FACTS",
    "FIGURES",
    "ORGANISATION",
    "ORGANISATION_TENANT",
    "PERMISSIONS",
    "PERSONAL",
    "PICTURE",
    "ROLES",
    "SANDBOX_CAP",
    "SANDBOX_DAYS",
    "SECTIONS",
    "SIGN_IN",
    "STAGES",
    "Ability",
    "About",
    "Added",
    "AliasMove",
    "ApplicationChange",
    "Applied",
    "ApprovalPolicy",
    "Approvals",
    "BesideServing",
    "CatalogueModel",
    "Change",
    "Chunk",
    "ConfinedTelemetry",
    "Consent",
    "Consenting",
    "Consents",
    "Datasets",
    "DeploymentChange",
    "Difference",
    "Direction",
    "DocumentsState",
    "EmbeddedModel",
    "Experiments",
    "FieldChange",
    "Finding",
    "Fingerprints",
    "Groups",
    "GuardCases",
    "GuardDifference",
    "GuardFieldChange",
    "GuardState",
    "GuardUse",
    "Guards",
    "HeldUseCase",
    "Hub",
    "KeyChange",
    "Kind",
    "KnownDocument",
    "Labelling",
    "Line",
    "Lineage",
    "MadeKey",
    "ManifestChange",
    "MergeReport",
    "MetricForm",
    "Mode",
    "ModelState",
    "Moved",
    "NewApplication",
    "NewBudget",
    "NewExperiment",
    "NewFees",
    "NewItem",
    "NewKey",
    "NewPrice",
    "NewQueue",
    "NewRateLimit",
    "NewShadow",
    "NewTier",
    "Node",
    "Origin",
    "OwnModel",
    "ParsedLimit",
    "Permission",
    "Piece",
    "PinnedBy",
    "Plan",
    "PlanForm",
    "Preset",
    "Proposal",
    "QueueChange",
    "QueueProgress",
    "QueueResult",
    "Queues",
    "Reach",
    "ReadGuard",
    "Registered",
    "ReleaseSaid",
    "ReleaseShadows",
    "RoleRow",
    "RowDiff",
    "Said",
    "SuiteSaid",
    "Translated",
    "UseCases",
    "Verdict",
    "Walk",
    "Wanted",
    "Why",
    "Wish",
    "administers",
    "allows",
    "apply_state",
    "as_shown",
    "bootstrap",
    "bring_back",
    "catalogue",
    "catalogue_checked",
    "catalogue_model",
    "changed_key_entries",
    "check_plan",
    "check_rows",
    "checked_policy",
    "compare_guards",
    "compare_texts",
    "compile_snapshot",
    "context_window",
    "decided_claims",
    "default_digest",
    "default_text",
    "diff_rows",
    "documents_of",
    "done_labels",
    "edge",
    "edges_of_release",
    "erase_from_records",
    "export",
    "fact_items",
    "fact_queue",
    "fact_scores",
    "guard_manifest",
    "held_of",
    "held_rows",
    "home_of",
    "item_of_row",
    "judge_labels",
    "key_entries",
    "label_scores",
    "labelled_rows",
    "labels_in",
    "labels_origin",
    "link",
    "link_prompt",
    "manifest_digest",
    "masked",
    "may_see",
    "measuring",
    "opened",
    "options_of",
    "parse_limit",
    "pinned_by",
    "plan_form",
    "plan_of",
    "policy_document",
    "prepare_prompt",
    "preset",
    "presets",
    "price_form",
    "progress",
    "reach_of",
    "read_guard",
    "read_guard_document",
    "read_state",
    "report_of_commit",
    "report_of_release",
    "require",
    "require_entrance",
    "require_gives",
    "require_scope",
    "results",
    "sees_all",
    "sees_item",
    "severity",
    "show_limit",
    "shown_answers",
    "text_diff",
    "translate_litellm",
    "version_of",
    "whole_rows",
]
