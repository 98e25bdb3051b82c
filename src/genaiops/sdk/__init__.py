"""The Python client: a small synchronous client of the REST API on the standard library. Imports in milliseconds.

    with Client() as client:
        for key in client.pages("/api/keys"):
            print(key["name"])

`Client()` finds the running installation and its key by itself; see `find_address` for the order.
"""

from genaiops.sdk._address import Address, default_home, find_address
from genaiops.sdk._client import Answer, Client, Query, Stream, path_of
from genaiops.sdk._events import Event

__all__ = ["Address", "Answer", "Client", "Event", "Query", "Stream", "default_home", "find_address", "path_of"]
