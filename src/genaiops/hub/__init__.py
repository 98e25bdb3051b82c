"""The registry: who may call, where calls can go, what they cost and may cost, and what the models are.

`Hub` holds one service a noun; every write is validated, is one unit of the records, and names the actor it is `by`.
`compile_snapshot`, `key_entries` and `changed_key_entries` make of the records what the gateway workers need.
"""

from genaiops.hub._access import PERMISSIONS, Permission, allows, require, require_scope
from genaiops.hub._actors import administers
from genaiops.hub._apply import Applied, MadeKey, Wish, apply_state, export
from genaiops.hub._bootstrap import ADMIN, EmbeddedModel, bootstrap, bring_back
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
from genaiops.hub._forms import SECTIONS
from genaiops.hub._hub import Hub
from genaiops.hub._key_checks import NewKey
from genaiops.hub._keys import KeyChange
from genaiops.hub._limit_text import ParsedLimit, parse_limit, show_limit
from genaiops.hub._litellm import Translated, translate_litellm
from genaiops.hub._litellm_section import Finding
from genaiops.hub._plan import Change, FieldChange, Plan
from genaiops.hub._price_forms import price_form
from genaiops.hub._prices import NewFees, NewPrice, NewTier
from genaiops.hub._rate_limits import NewRateLimit
from genaiops.hub._state_text import read_state
from genaiops.hub._targets import masked

__all__ = [
    "ADMIN",
    "PERMISSIONS",
    "SECTIONS",
    "Ability",
    "Applied",
    "CatalogueModel",
    "Change",
    "EmbeddedModel",
    "FieldChange",
    "Finding",
    "Hub",
    "KeyChange",
    "MadeKey",
    "ModelState",
    "NewBudget",
    "NewFees",
    "NewKey",
    "NewPrice",
    "NewRateLimit",
    "NewTier",
    "ParsedLimit",
    "Permission",
    "Plan",
    "Preset",
    "Translated",
    "Wish",
    "administers",
    "allows",
    "apply_state",
    "bootstrap",
    "bring_back",
    "catalogue",
    "catalogue_checked",
    "catalogue_model",
    "changed_key_entries",
    "compile_snapshot",
    "export",
    "key_entries",
    "masked",
    "parse_limit",
    "preset",
    "presets",
    "price_form",
    "read_state",
    "require",
    "require_scope",
    "show_limit",
    "translate_litellm",
]
