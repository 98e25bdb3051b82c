"""Signing in at an identity provider: where people are sent, and who came back."""

from typing import Protocol

import msgspec


class Attempt(msgspec.Struct, frozen=True):
    """A sign-in under way. All but `url` stay here, apart from what the browser sees: `verifier` proves that who
    redeems the code is who asked for it."""

    url: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """Who the provider says it is. `login` is what they are called there; `groups` None: it sent none. `id_token` is
    for leaving."""

    issuer: str
    subject: str
    login: str
    groups: tuple[str, ...] | None
    id_token: str = ""


class IdentityProvider(Protocol):
    """Safe to use from several threads. Unavailable while the provider cannot be reached."""

    @property
    def issuer(self) -> str: ...

    @property
    def label(self) -> str:
        """What the button says."""
        ...

    @property
    def groups_claim(self) -> str: ...

    def begin(self, redirect_uri: str) -> Attempt: ...

    def finish(self, attempt: Attempt, code: str, issuer: str | None) -> Came:
        """Redeem the code. Unauthenticated when what comes for it does not prove who it is. `issuer` is what the
        answer named, if it did."""
        ...

    def leave(self, id_token: str, back: str) -> str | None:
        """Where to send a browser to sign out there as well; None: the provider has no such place."""
        ...
