"""Foreign configurations, for the command line: read here, because they may hold secrets that should go nowhere."""

import os
from typing import Any

from genaiops.hub import Translated, translate_litellm
from genaiops.providers import PROVIDERS


def import_litellm(config: Any) -> Translated:
    """What is read of a `config.yaml`, with the providers of this version and this process's environment."""
    return translate_litellm(config, providers=tuple(PROVIDERS), environ=os.environ)
