"""The hot path: every model call is checked, limited, recorded, sent, retried, relayed and settled here."""

from genaiops.gateway.control_relay import ControlRelay, Relay
from genaiops.gateway.forwarded import Proxies, through
from genaiops.gateway.gateway import Gateway
from genaiops.gateway.http_transport import HttpTransport
from genaiops.gateway.outside import error_body
from genaiops.gateway.quoting import Expected, LimitQuote, PlanQuote, Quote, Quoting, TargetQuote, sized
from genaiops.gateway.settings import GatewaySettings

__all__ = [
    "ControlRelay",
    "Expected",
    "Gateway",
    "GatewaySettings",
    "HttpTransport",
    "LimitQuote",
    "PlanQuote",
    "Proxies",
    "Quote",
    "Quoting",
    "Relay",
    "TargetQuote",
    "error_body",
    "sized",
    "through",
]
