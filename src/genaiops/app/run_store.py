"""The runs of a home, with the pictures that they show."""

from pathlib import Path

from genaiops.app import settings as settings_file
from genaiops.app import stores
from genaiops.app.home import Home
from genaiops.app.settings import Settings
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.runs import Runs


def open_run_store(settings: Settings, home: Home) -> Runs:
    """Those of the installation, where its settings say."""
    return open_runs(stores.runs_url(settings, home), open_blobs(stores.blobs_folder(settings, home)))


def open_home_runs(home: Home) -> Runs:
    """Those in the home itself, which commands read and write without a server. Pictures lie where the server of that
    home keeps its blobs, if one was ever started there."""
    return open_runs(f"sqlite:///{home.runs}", open_blobs(_blobs(home)))


def _blobs(home: Home) -> Path:
    return stores.blobs_folder(settings_file.load(home.settings), home) if home.settings.exists() else home.blobs
