"""How our processes log, and how they end when something is wrong: a sentence and a remedy, no stack."""

import logging
import sys
from collections.abc import Callable

from genaiops.core.errors import GenaiopsError


def configure_logging(level: str) -> None:
    """To standard error, which the supervisor keeps in logs/."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    logging.getLogger("alembic").setLevel(max(logging.WARNING, logging.getLogger().level))


def run_reporting(work: Callable[[], object]) -> int:
    """Run it; the exit status. An error of ours becomes `error:` and `remedy:` lines, any other keeps its stack."""
    try:
        work()
    except GenaiopsError as error:
        sys.stderr.write(f"error: {error.message}\n")
        if error.remedy:
            sys.stderr.write(f"remedy: {error.remedy}\n")
        return error.exit_code
    return 0
