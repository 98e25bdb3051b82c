"""Where the model servers of this installation listen."""

from collections.abc import Mapping

import msgspec

from genaiops.app.home import Home

KEY_VARIABLE = "GENAIOPS_EMBEDDED_KEY"
"""The name of the secret that the embedded targets use, and of the variable that holds it."""
GUARD = "guard"
"""The server of classifiers: no model that clients call, over the weights of an encoder."""
PORTS = "ports.json"


def last_ports(home: Home) -> Mapping[str, int]:
    """Name -> port of the model servers of the present start, or of the last one: the targets need no change then."""
    try:
        return msgspec.json.decode((home.run / PORTS).read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}
