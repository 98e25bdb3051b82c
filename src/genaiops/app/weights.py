"""Files of weights, for the command line: what they are, and whether they can run code when they are loaded."""

from pathlib import Path

from genaiops.checks.weights import check_weights
from genaiops.core.errors import UsageError


def looked_into(path: Path) -> dict[str, str | None]:
    """`file`, `format`, `danger` (None: nothing of it can run). UsageError when it cannot be read."""
    try:
        with path.open("rb") as file:
            found = check_weights(file)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Check the file.", param="files") from error
    return {"file": str(path), "format": found.format, "danger": found.danger}
