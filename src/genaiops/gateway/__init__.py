"""The hot path: every model call is checked, limited, recorded, sent, retried, relayed and settled here."""

from genaiops.gateway.control_relay import ControlRelay
from genaiops.gateway.gateway import Gateway, Relay, error_body
from genaiops.gateway.http_transport import HttpTransport
from genaiops.gateway.settings import GatewaySettings

__all__ = ["ControlRelay", "Gateway", "GatewaySettings", "HttpTransport", "Relay", "error_body"]
