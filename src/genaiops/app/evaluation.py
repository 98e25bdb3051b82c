"""The process of one run of a suite: `python -m genaiops.app.evaluation --settings FILE --run ID`, begun by the control
process. SIGTERM lets what is asked end, and stops; SIGKILL loses the answers of a moment, which are asked again.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from genaiops.app import settings as settings_file
from genaiops.app.children import READY_OPTION
from genaiops.app.evaluating import Wanted, evaluate
from genaiops.app.home import Home
from genaiops.app.lifeline import die_with_supervisor
from genaiops.app.reporting import configure_logging, run_reporting
from genaiops.app.run_store import open_run_store
from genaiops.app.settings import Settings
from genaiops.app.stores import records_url
from genaiops.arena import WATCH, Endpoint, changed_suite, pinned_suite, read_suite_document
from genaiops.core.errors import NotFound
from genaiops.domain import Run, Suite
from genaiops.engines.records_sql import open_records
from genaiops.engines.secrets_file import open_secrets
from genaiops.hub import Hub

KEYS_VARIABLE: Final = "GENAIOPS_RUN_KEYS"
"""JSON: the name of a target -> the key that it is asked with. No argument, for those are seen by other users."""
JUDGES: Final = ""
"""In place of a target's name, which is never empty: models that judge."""


def suite_of(hub: Hub, run: Run) -> Suite:
    """The suite that it is of, as it pinned it. NotFound where it is not registered here."""
    version = hub.artifacts.resolve(run.inputs["suite"])
    suite = pinned_suite(read_suite_document(version.manifest).checked(), run)
    # A copy of an earlier answer would hide that what answers has changed.
    return changed_suite(suite, {"cache": False}) if WATCH in run.environment else suite


def work(settings: Settings, run_id: str, keys: Mapping[str, str]) -> None:
    """Ask what is left, judge it, and keep the verdict."""
    home = Home(settings.home)
    secrets = open_secrets(home.path)

    def secret(name: str) -> str:
        value = secrets.get(name)
        if value is None:
            raise NotFound(
                f"There is no secret {name!r}.", remedy=f"Set it: genaiops secret set {name}", param="secret"
            )
        return value

    with closing(open_run_store(settings, home)) as store:
        run = store.get(run_id)
        with closing(open_records(records_url(settings, home))) as records:
            suite = suite_of(Hub(records), run)
        gateways = {name: Endpoint(url=settings.url, key=key) for name, key in keys.items()}
        wanted = Wanted(
            suite=suite,
            name=run.name,
            gateway=gateways.pop(JUDGES, None),
            gateways=gateways,
            secret=secret,
            models=home.path,
            weak=settings.runs.sandbox == "weak",
        )
        asyncio.run(evaluate(store, run, wanted))


def main(arguments: list[str]) -> int:
    die_with_supervisor()
    parser = argparse.ArgumentParser(prog="python -m genaiops.app.evaluation", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument(READY_OPTION, type=int, dest="ready")
    given = parser.parse_args(arguments)
    settings = settings_file.load(given.settings)
    configure_logging(settings.log.level)
    keys = msgspec.json.decode(os.environ.pop(KEYS_VARIABLE, "{}"), type=dict[str, str])
    return run_reporting(lambda: work(settings, given.run, keys))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
