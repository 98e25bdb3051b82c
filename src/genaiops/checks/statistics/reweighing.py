"""Weights of rows under which a label goes along with no group: a mitigation before anything is trained.

Kamiran and Calders, "Data preprocessing techniques for classification without discrimination", Knowledge and
Information Systems 33, 2012 (as AIF360's `Reweighing`): a row of group g and label y weighs P(g) P(y) / P(g, y).
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from genaiops.core.errors import UsageError


def reweighed(groups: Sequence[str], labels: Sequence[str]) -> Mapping[tuple[str, str], float]:
    """(group, label) -> the weight of its rows; all weights together are as many as rows. UsageError when a group lacks
    a label altogether (no weight can put it there), or where there is only one group or label."""
    rows = len(groups)
    group, label, both = Counter(groups), Counter(labels), Counter(zip(groups, labels, strict=True))
    for name, found in (("group", group), ("label", label)):
        if len(found) < 2:
            raise UsageError(
                f"There is only one {name}: {next(iter(found), 'none')}.", remedy="Give cases of several.", param="by"
            )
    for g in group:
        for y in label:
            if not both[g, y]:
                raise UsageError(
                    f"No case of {g!r} has the label {y!r}, and no weight can put one there.",
                    remedy="Collect some, or leave the group or the label out.",
                    param="by",
                )
    return {(g, y): group[g] * label[y] / (rows * n) for (g, y), n in both.items()}
