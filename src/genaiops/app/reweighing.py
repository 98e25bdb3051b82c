"""Cases with weights under which their label goes along with no group, for `genaiops suite reweigh`."""

from pathlib import Path
from typing import Any

import msgspec

from genaiops.app.expanding import check_name, read_cases, write_cases
from genaiops.checks.statistics.reweighing import reweighed
from genaiops.core.errors import UsageError
from genaiops.domain import Case


def reweigh_file(file: str, by: str, to: Path) -> list[dict[str, Any]]:
    """Writes the cases with `metadata.weight`; of each group and label its number, its share in the group, and its
    weight. `by`: a field of the cases' metadata. UsageError for cases without group or label, and as of `reweighed`."""
    check_name(to)
    cases = read_cases(file)
    groups, labels = [_group(case, by) for case in cases], [_label(case) for case in cases]
    weights = reweighed(groups, labels)
    pairs = list(zip(groups, labels, strict=True))
    write_cases([_weighed(case, weights[pair]) for case, pair in zip(cases, pairs, strict=True)], to)
    return [
        {
            "group": group,
            "label": label,
            "cases": pairs.count((group, label)),
            "share": pairs.count((group, label)) / groups.count(group),
            "weight": weight,
            "share_weighed": labels.count(label) / len(labels),
        }
        for (group, label), weight in sorted(weights.items())
    ]


def _weighed(case: Case, weight: float) -> Case:
    return msgspec.structs.replace(case, metadata={**case.metadata, "weight": weight})


def _group(case: Case, by: str) -> str:
    found = case.metadata.get(by)
    if found is None:
        raise UsageError(
            f"The case {case.id!r} has no {by!r} in its metadata.",
            remedy="Name a field that all have: --by",
            param="by",
        )
    return str(found)


def _label(case: Case) -> str:
    found = case.label if case.label is not None else case.expected
    if not isinstance(found, str) or not found:
        raise UsageError(f"The case {case.id!r} has no label.", remedy="Give each a label, or one expected answer.")
    return found
