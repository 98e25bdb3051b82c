"""Canaille, a real identity provider, with people and groups of ours: run by the Python of its own environment.

`python provider_process.py PORT CALLBACK...` prints a line when it listens. People have the password `correct horse`.
A line on standard input changes something: `rotate` signs with a new key, `group ann platform` puts ann into that
group and no other, `group ann` into none.
"""

import logging
import secrets
import sys
import tempfile
import threading
import warnings

warnings.simplefilter("ignore")

import canaille  # type: ignore[import-not-found]  # noqa: E402
from canaille.app import models  # type: ignore[import-not-found]  # noqa: E402
from canaille.backends import Backend  # type: ignore[import-not-found]  # noqa: E402
from canaille.oidc import provider  # type: ignore[import-not-found]  # noqa: E402
from joserfc.jwk import RSAKey  # type: ignore[import-not-found]  # noqa: E402
from werkzeug.serving import make_server  # type: ignore[import-not-found]  # noqa: E402

PEOPLE = {"ann": "Ann Archer", "bob": "Bob Baker", "cara": "Cara Cole", "dora": "Dora Dale"}
GROUPS = {"platform": ("ann",), "retail-engineers": ("bob",), "visitors": ("cara",)}


def main(folder: str, port: int, callbacks: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    # Two tokens of one person within a second would be equal, and its store refuses the second: a random text instead.
    provider.generate_access_token = lambda *_, **__: secrets.token_urlsafe(36)
    app = canaille.create_app(
        {
            "SECRET_KEY": "of a test",
            "SERVER_NAME": f"localhost:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "sql", "JAVASCRIPT": False, "CAPTCHA_ENABLED": False},
            # Its store in memory mixes up codes that nobody redeemed.
            "CANAILLE_SQL": {
                "DATABASE_URI": f"sqlite:///{folder}/canaille.sqlite",
                "PASSWORD_HASH_PARAMS": {"pbkdf2_sha512__rounds": 1},
            },
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [new_key()]},
        }
    )
    with app.app_context():
        Backend.instance.install(app)
        with Backend.instance.session():
            fill(callbacks)
    server = make_server("127.0.0.1", port, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on {port}", flush=True)
    for line in sys.stdin:
        with app.app_context(), Backend.instance.session():
            obey(app, line.split())
        print("done", flush=True)


def new_key() -> dict[str, str]:
    return RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)


def fill(callbacks: list[str]) -> None:
    users = {
        name: models.User(
            user_name=name,
            formatted_name=title,
            family_name=title.split()[1],
            emails=[f"{name}@example.org"],
            password="correct horse",
        )
        for name, title in PEOPLE.items()
    }
    for user in users.values():
        Backend.instance.save(user)
    for name, members in GROUPS.items():
        Backend.instance.save(models.Group(display_name=name, members=[users[each] for each in members]))
    client = models.Client(
        client_id="genaiops",
        client_name="genaiops",
        client_secret="of the client",
        client_uri="http://127.0.0.1",
        redirect_uris=callbacks,
        post_logout_redirect_uris=[each.replace("/login/oidc/done", "/login") for each in callbacks],
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=["openid", "profile", "email", "groups"],
        token_endpoint_auth_method="client_secret_basic",
        id_token_signed_response_alg="RS256",
    )
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)


def obey(app: object, words: list[str]) -> None:
    if words[0] == "rotate":
        app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"] = [new_key()]  # type: ignore[attr-defined]
        return
    _, name, *wanted = words
    user = Backend.instance.get(models.User, user_name=name)
    for group in Backend.instance.query(models.Group):
        others = [each for each in group.members if each.user_name != name]
        group.members = [*others, user] if group.display_name in wanted else others
        Backend.instance.save(group)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(place, int(sys.argv[1]), sys.argv[2:])
