"""Governance: the audit log of all that happened to the records: signed, proven, verified; controls of risks.

`Auditor` signs and proves; `verify` reads everything and names the first row that does not hold; `write_bundle` and
`verify_bundle` make and check an export that needs no installation. `risks_of` says which controls of risks are in
force.
"""

from genaiops.govern._auditor import AUDIT_KEY, Auditor, Consistency, Proof
from genaiops.govern._bundle import BundleReport, verify_bundle, write_bundle
from genaiops.govern._diff import Explained, FieldDifference, explain
from genaiops.govern._note import SigningKey, Verifier, checkpoint_text, read_checkpoint, read_note
from genaiops.govern._risks import Measurement, RiskFacts, RuleInForce, risks_of
from genaiops.govern._verify import Finding, Report, Witnessed, verify

__all__ = [
    "AUDIT_KEY",
    "Auditor",
    "BundleReport",
    "Consistency",
    "Explained",
    "FieldDifference",
    "Finding",
    "Measurement",
    "Proof",
    "Report",
    "RiskFacts",
    "RuleInForce",
    "SigningKey",
    "Verifier",
    "Witnessed",
    "checkpoint_text",
    "explain",
    "read_checkpoint",
    "read_note",
    "risks_of",
    "verify",
    "verify_bundle",
    "write_bundle",
]
