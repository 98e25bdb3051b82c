"""What a pipeline says of itself: commit, branch and pull request, by the variables of GitHub and GitLab."""

import re
from collections.abc import Mapping

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "commit": ("GITHUB_SHA", "CI_COMMIT_SHA"),
    "branch": ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"),
    "pull_request": ("CI_MERGE_REQUEST_IID",),
}
_PULL = re.compile(r"^refs/pull/(\d+)/")


def run_for(environment: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    """What a run is for; what is given wins over what the pipeline says."""
    found: dict[str, str] = {}
    for name, variables in _VARIABLES.items():
        value = given.get(name) or next((environment[each] for each in variables if environment.get(each)), "")
        if value:
            found[name] = value
    pull = _PULL.match(environment.get("GITHUB_REF", ""))
    if pull is not None:
        found.setdefault("pull_request", pull[1])
    return found
