"""The settings of signing in and of proxies in front, where their texts have a form of their own."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from genaiops.app.settings import OidcOptions
from genaiops.core.errors import ConfigError
from genaiops.ports.secrets import Secrets
from genaiops.ports.sign_in import IdentityProvider

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_sign_in(oidc: OidcOptions) -> None:
    """ConfigError when nobody could sign in like that."""
    if not oidc.issuer:
        if oidc.client_id:
            raise ConfigError(
                "oidc.client_id is set, and oidc.issuer is not.",
                remedy="Set oidc.issuer to the provider's address, or remove the section.",
                param="oidc.issuer",
            )
        return
    parts = urlsplit(oidc.issuer)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or parts.query or parts.fragment or not (parts.scheme == "https" or local):
        raise ConfigError(
            f"oidc.issuer is {oidc.issuer!r}, which is no issuer.",
            remedy="Write its https address as its discovery document has it, without /.well-known.",
            param="oidc.issuer",
        )
    if not oidc.client_id:
        raise ConfigError(
            "oidc.issuer is set, and oidc.client_id is not.",
            remedy="Register genaiops at the provider and write the client's id.",
            param="oidc.client_id",
        )
    if "openid" not in oidc.scopes:
        raise ConfigError("oidc.scopes lacks openid.", remedy='Begin it with "openid".', param="oidc.scopes")
    if not oidc.groups_claim:
        raise ConfigError("oidc.groups_claim is empty.", remedy='Write "groups".', param="oidc.groups_claim")


def open_identity_provider(oidc: OidcOptions, secrets: Secrets) -> IdentityProvider | None:
    """None where people sign in with keys alone. Nothing is asked of the provider yet."""
    if not oidc.issuer:
        return None
    from genaiops.engines.oidc import OidcProvider

    return OidcProvider(
        secrets,
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        scopes=oidc.scopes,
        groups_claim=oidc.groups_claim,
        label=oidc.label,
    )


def read_networks(given: Sequence[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Of `listen.trusted_proxies`. ConfigError when one is no network."""
    found: list[IPv4Network | IPv6Network] = []
    for text in given:
        try:
            found.append(ip_network(text))
        except ValueError as error:
            raise ConfigError(
                f"listen.trusted_proxies holds {text!r}: {error}.",
                remedy="Write addresses or networks, such as 10.0.0.0/8 or 127.0.0.1.",
                param="listen.trusted_proxies",
            ) from error
    return tuple(found)
