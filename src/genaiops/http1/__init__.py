"""HTTP/1.1 on one event loop: a server, and a pool of connections to an upstream.

Everything the wire can do wrong has an error (`genaiops.http1.errors`), a bound and a deadline.
"""

from genaiops.http1._exchange import Exchange
from genaiops.http1._fields import field_block
from genaiops.http1._pool import Pool
from genaiops.http1._reply import Reply
from genaiops.http1._server import ErrorBody, Handler, Server
from genaiops.http1._settings import Origin, ServerLimits, Timeouts
from genaiops.http1._upstream import UpstreamConnection, Waiter

__all__ = [
    "ErrorBody",
    "Exchange",
    "Handler",
    "Origin",
    "Pool",
    "Reply",
    "Server",
    "ServerLimits",
    "Timeouts",
    "UpstreamConnection",
    "Waiter",
    "field_block",
]
