"""Where the model servers of this installation listen, and the guard server among them as who is asked."""

import os
from collections.abc import Callable, Mapping

import msgspec

from genaiops.app.asking import HttpAsk
from genaiops.app.home import Home
from genaiops.engines.classifier_http import GuardClassifiers
from genaiops.ports.classifiers import Classifiers

KEY_VARIABLE = "GENAIOPS_EMBEDDED_KEY"
"""The name of the secret that the embedded targets use, and of the variable that holds it."""
GUARD = "guard"
"""The server of classifiers: no model that clients call, over the weights of an encoder."""
PORTS = "ports.json"
_ASKED = ("injection", "toxicity")


def last_ports(home: Home) -> Mapping[str, int]:
    """Name -> port of the model servers of the present start, or of the last one: the targets need no change then."""
    try:
        return msgspec.json.decode((home.run / PORTS).read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}


def guard_server(home: Home, *, timeout: float) -> Callable[[], Classifiers | None]:
    """Who is asked, as soon as there is a guard server; for one event loop. `timeout` of one answer, in seconds."""
    made: dict[int, GuardClassifiers] = {}

    def find() -> Classifiers | None:
        port = last_ports(home).get(GUARD)
        if port is None:
            return None
        found = made.get(port)
        if found is None:
            ask = HttpAsk(f"http://127.0.0.1:{port}/v1/classify", key=os.environ.get(KEY_VARIABLE), timeout=timeout)
            made.clear()
            found = made[port] = GuardClassifiers(ask, classifiers=_ASKED, timeout=timeout)
        return found

    return find
