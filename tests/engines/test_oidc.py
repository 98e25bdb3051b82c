"""What is believed of an identity provider's answers: a small provider that can be told to lie, on a real socket."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from genaiops.core.errors import Unauthenticated, Unavailable
from genaiops.engines.oidc import OidcProvider, groups_of
from genaiops.ports.secrets import SecretInfo
from genaiops.ports.sign_in import Attempt, Came

BACK = "https://console.example/login/oidc/done"


class Liar:
    """Answers as a provider does; `change` alters the claims, `sign` how they are signed."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.kid = "one"
        self.change: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            claims, self.key, "RS256", headers={"kid": self.kid}
        )
        self.nonce = ""
        self.forms: list[dict[str, str]] = []
        self.authorization: str | None = None
        self.documents: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.asked: list[str] = []

    def answer(self, path: str) -> Any:
        self.asked.append(path)
        if path in self.documents:
            return self.documents[path]
        if path == "/jwks":
            key = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
            return {"keys": [{**key, "kid": self.kid, "use": "sig"}]}
        if path == "/userinfo":
            return self.userinfo
        claims = {
            "iss": self.url,
            "sub": "subject-1",
            "aud": "genaiops",
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "nonce": self.nonce,
            "preferred_username": "ann@example.org",
            "groups": ["a", "b"],
        }
        return {"id_token": self.sign(self.change(claims)), "access_token": "for-userinfo", "token_type": "Bearer"}

    url = ""


@pytest.fixture
def liar() -> Iterator[Liar]:
    made = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(made.answer(urlsplit(self.path).path))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            made.forms.append({name: values[0] for name, values in form.items()})
            made.authorization = self.headers["authorization"]
            self._send(made.answer(self.path))

        def _send(self, document: Any) -> None:
            status = document.pop("status", 200) if isinstance(document, dict) else 200
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    made.documents["/.well-known/openid-configuration"] = {
        "issuer": made.url,
        "authorization_endpoint": f"{made.url}/authorize",
        "token_endpoint": f"{made.url}/token",
        "jwks_uri": f"{made.url}/jwks",
        "userinfo_endpoint": f"{made.url}/userinfo",
        "end_session_endpoint": f"{made.url}/leave",
    }
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


class Kept:
    def __init__(self, **values: str) -> None:
        self.values = values

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def put(self, name: str, value: str) -> None:
        self.values[name] = value

    def remove(self, name: str) -> None:
        del self.values[name]

    def names(self) -> list[SecretInfo]:
        return []

    def rotate_key(self) -> None: ...


@pytest.fixture
def provider(liar: Liar) -> OidcProvider:
    return OidcProvider(Kept(SECRET="s:p %"), issuer=liar.url, client_id="genaiops", client_secret="SECRET")


def come_back(liar: Liar, provider: OidcProvider, issuer: str | None = None) -> Came:
    attempt = provider.begin(BACK)
    liar.nonce = attempt.nonce
    return provider.finish(attempt, "the-code", issuer)


def test_what_is_asked(liar: Liar, provider: OidcProvider) -> None:
    attempt = provider.begin(BACK)
    query = {name: values[0] for name, values in parse_qs(urlsplit(attempt.url).query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
    assert query == {
        "response_type": "code",
        "client_id": "genaiops",
        "redirect_uri": BACK,
        "scope": "openid",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    liar.nonce = attempt.nonce
    came = provider.finish(attempt, "the-code", None)
    assert (came.subject, came.login, came.groups) == ("subject-1", "ann@example.org", ("a", "b"))
    assert liar.forms == [
        {
            "grant_type": "authorization_code",
            "code": "the-code",
            "redirect_uri": BACK,
            "code_verifier": attempt.verifier,
        }
    ]
    assert liar.authorization == "Basic " + base64.b64encode(b"genaiops:s%3Ap%20%25").decode()


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def with_(**other: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {**claims, **other}


LIES = {
    "nonce": with_(nonce="of another sign-in"),
    "no nonce": without("nonce"),
    "audience": with_(aud="another-client"),
    "no audience": without("aud"),
    "another party": with_(azp="another-client"),
    "several audiences and no party": with_(aud=["genaiops", "another-client"]),
    "issuer": with_(iss="https://evil.example"),
    "expired": with_(exp=int(time.time()) - 120),
    "no end": without("exp"),
    "of the future": with_(iat=int(time.time()) + 86_400),
    "not yet": with_(nbf=int(time.time()) + 86_400),
    "nobody": with_(sub=""),
    "no subject": without("sub"),
    "groups that are no list": with_(groups={"a": 1}),
}


@pytest.mark.parametrize("lie", LIES)
def test_wrong_claims_are_refused(liar: Liar, provider: OidcProvider, lie: str) -> None:
    liar.change = LIES[lie]
    with pytest.raises(Unauthenticated, match="not accepted"):
        come_back(liar, provider)


def test_a_minute_of_leeway(liar: Liar, provider: OidcProvider) -> None:
    liar.change = with_(exp=int(time.time()) - 30)
    assert come_back(liar, provider).subject == "subject-1"


def test_wrong_signatures_are_refused(liar: Liar, provider: OidcProvider) -> None:
    come_back(liar, provider)
    other = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    head, body = (base64.urlsafe_b64encode(text).rstrip(b"=").decode() for text in (b'{"alg":"none"}', b"{}"))
    signs: list[Callable[[dict[str, Any]], str]] = [
        lambda claims: jwt.encode(claims, "", "none"),
        lambda claims: jwt.encode(claims, "shared" * 12, "HS256", headers={"kid": "one"}),
        lambda claims: jwt.encode(claims, other, "RS256", headers={"kid": "one"}),
        lambda claims: jwt.encode(claims, curve, "ES256", headers={"kid": "one"}),
        lambda claims: jwt.encode(claims, other, "RS256", headers={"kid": "unknown"}),
        lambda _: f"{head}.{body}.",
        lambda _: "no token at all",
    ]
    for sign in signs:
        liar.sign = sign
        with pytest.raises(Unauthenticated, match="not accepted"):
            come_back(liar, provider)


def test_new_keys_are_fetched_once(liar: Liar, provider: OidcProvider) -> None:
    come_back(liar, provider)
    come_back(liar, provider)
    assert liar.asked.count("/jwks") == 1
    liar.key, liar.kid = rsa.generate_private_key(65537, 2048), "two"
    come_back(liar, provider)
    assert liar.asked.count("/jwks") == 2


def test_groups_may_be_told_apart(liar: Liar, provider: OidcProvider) -> None:
    liar.change = without("groups")
    liar.userinfo = {"sub": "subject-1", "groups": ["c"]}
    assert come_back(liar, provider).groups == ("c",)
    liar.userinfo = {"sub": "somebody-else", "groups": ["admins"]}
    with pytest.raises(Unauthenticated, match="somebody else"):
        come_back(liar, provider)


def test_where_groups_stand() -> None:
    claims = {"a.b": ["literal"], "realm_access": {"roles": ["deep"]}, "one": "alone"}
    assert groups_of(claims, "a.b") == ("literal",)
    assert groups_of(claims, "realm_access.roles") == ("deep",)
    assert groups_of(claims, "one") == ("alone",)
    assert groups_of(claims, "none.there") is None


def test_the_answer_may_name_its_issuer(liar: Liar, provider: OidcProvider) -> None:
    assert come_back(liar, provider, liar.url).subject == "subject-1"
    with pytest.raises(Unauthenticated, match="issuer"):
        come_back(liar, provider, "https://evil.example")
    again = OidcProvider(Kept(SECRET="s"), issuer=liar.url, client_id="genaiops", client_secret="SECRET")
    liar.documents["/.well-known/openid-configuration"]["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(Unauthenticated, match="issuer"):
        come_back(liar, again)


def test_a_refused_code(liar: Liar, provider: OidcProvider) -> None:
    liar.documents["/token"] = {"status": 400, "error": "invalid_grant", "error_description": "used already"}
    with pytest.raises(Unauthenticated, match="invalid_grant: used already"):
        come_back(liar, provider)


def test_a_missing_secret_is_named(liar: Liar) -> None:
    provider = OidcProvider(Kept(), issuer=liar.url, client_id="genaiops", client_secret="SECRET")
    with pytest.raises(Unavailable, match="genaiops secret set SECRET"):
        come_back(liar, provider)


def test_a_provider_that_is_away_is_not_waited_for() -> None:
    now = [0.0]
    provider = OidcProvider(Kept(), issuer="http://127.0.0.1:1", client_id="genaiops", clock=lambda: now[0])
    with pytest.raises(Unavailable, match="Sign in with a key meanwhile") as first:
        provider.begin(BACK)
    with pytest.raises(Unavailable) as second:
        provider.begin(BACK)
    assert second.value is first.value, "nothing was asked again"
    assert provider.leave("token", BACK) is None
    with pytest.raises(Unavailable):
        provider.finish(Attempt("", "", "", "", BACK), "code", None)


def test_it_must_be_the_issuer_that_was_configured(liar: Liar) -> None:
    liar.documents["/.well-known/openid-configuration"]["issuer"] = "https://evil.example"
    provider = OidcProvider(Kept(), issuer=liar.url, client_id="genaiops")
    with pytest.raises(Unavailable, match="it calls itself"):
        provider.begin(BACK)


def test_endpoints_in_the_clear_are_not_used(liar: Liar, provider: OidcProvider) -> None:
    liar.documents["/.well-known/openid-configuration"]["token_endpoint"] = "http://login.example.org/token"
    with pytest.raises(Unavailable, match="no https address"):
        come_back(liar, provider)


def test_leaving(liar: Liar, provider: OidcProvider) -> None:
    place = provider.leave("the-token", "https://console.example/login")
    assert place is not None
    assert place.startswith(f"{liar.url}/leave?id_token_hint=the-token&post_logout_redirect_uri=https%3A%2F%2Fconsole")
