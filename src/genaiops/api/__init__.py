"""The REST API of the control process: thin handlers over the parts. `create_ingest(services)` takes OTLP beside it.

`create(services)` gives the router; `EXCEPTION_HANDLERS`, `add_headers` and `openapi_config` belong to the application
that it is put into. `Services` is what the handlers work with, `Sessions` what a console brings along.
"""

from genaiops.api._access import CSRF_HEADER
from genaiops.api._errors import EXCEPTION_HANDLERS
from genaiops.api._openapi import openapi_config
from genaiops.api._otlp import create_ingest
from genaiops.api._request_id import add_headers
from genaiops.api._router import create
from genaiops.api._run_wish import RunRequest, begun_for
from genaiops.api._services import Publishing, Services, Sessions
from genaiops.api._status import Process, Status

__all__ = [
    "CSRF_HEADER",
    "EXCEPTION_HANDLERS",
    "Process",
    "Publishing",
    "RunRequest",
    "Services",
    "Sessions",
    "Status",
    "add_headers",
    "begun_for",
    "create",
    "create_ingest",
    "openapi_config",
]
