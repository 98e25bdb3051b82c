"""The console: server-rendered pages over the same parts that the REST API stands on. Thin: handler -> part -> port.

`create` gives the routes for the control process; `Services` is what it needs for them, `Sessions` who is logged in;
`nothing_there` is the page at an unknown address.
"""

from genaiops.console._routes import create, nothing_there, wants_page
from genaiops.console._services import Services
from genaiops.console._sessions import SESSION_COOKIE, Sessions

__all__ = ["SESSION_COOKIE", "Services", "Sessions", "create", "nothing_there", "wants_page"]
