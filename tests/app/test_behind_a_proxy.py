"""A real nginx with TLS in front: who asks, by which scheme, for which host; and what is believed of nobody else."""

import datetime
import http.client
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.gateway.peers import free_port
from genaiops.hub import NewKey
from tests.app.running import Installation, until

FORGED = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-forwarded-host": "ai.example.org"}

REFUSED = (401, 403)


class Place(NamedTuple):
    installation: Installation
    outside: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, nginx_path: str) -> Iterator[Place]:
    """nginx asks from 127.0.0.2, which is trusted; everybody else comes from 127.0.0.1, which is not."""
    folder = tmp_path_factory.mktemp("proxy")
    port = free_port()
    variables = {
        "GENAIOPS_LISTEN_TRUSTED_PROXIES": "127.0.0.2",
        "GENAIOPS_LISTEN_NAMES": "ai.example.org",
        "GENAIOPS_OIDC_ISSUER": f"http://localhost:{free_port()}",  # nobody is there
        "GENAIOPS_OIDC_CLIENT_ID": "genaiops",
    }
    with Installation(folder / "home", "--no-embedded", variables=variables) as installation:
        installation.start().add_echo()
        config = folder / "nginx.conf"
        config.write_text(nginx(folder, port, installation.url))
        command = [nginx_path, "-c", str(config), "-p", str(folder), "-g", "daemon off;"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                outside = f"https://127.0.0.1:{port}"
                until(lambda: listens(outside), "nginx")
                yield Place(installation, outside)
            finally:
                process.terminate()


def nginx(folder: Path, port: int, url: str) -> str:
    certificate(folder)
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""{user} worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location / {{
      proxy_pass {url}; proxy_bind 127.0.0.2; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    }}
    location /inner/ {{
      proxy_pass {url}/; proxy_bind 127.0.0.2; proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


def certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ai.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))


def listens(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", verify=False).status_code == 200
    except httpx.TransportError:
        return False


def browser(place: Place) -> httpx.Client:
    headers = {"host": "ai.example.org", "accept": "text/html"}
    return httpx.Client(base_url=place.outside, headers=headers, verify=False, timeout=60)


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    return {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}


def log_in(client: httpx.Client, key: str) -> httpx.Response:
    page = client.get("/login")
    token = page.text.split('name="csrf" value="')[1].split('"')[0]
    cookie = cookies_of(page)["__Host-genaiops_login"].partition(";")[0]
    return client.post("/login", data={"csrf": token, "key": key}, headers={"cookie": cookie})


def test_by_https_cookies_are_bound_to_the_host(place: Place) -> None:
    with browser(place) as client:
        answer = log_in(client, place.installation.key)
        assert answer.status_code == 303, answer.text
        cookie = cookies_of(answer)["__Host-genaiops_session"]
        for part in ("Secure", "HttpOnly", "Path=/", "SameSite=strict"):
            assert part in cookie
        assert "Domain" not in cookie
        value = cookie.partition(";")[0]
        assert client.get("/traces", headers={"cookie": value}).status_code == 200
        api = client.get("/api/me", headers={"cookie": value, "sec-fetch-site": "same-origin"})
        assert api.status_code == 200
        plain = value.removeprefix("__Host-")
        assert client.get("/traces", headers={"cookie": plain}).status_code == 303, "that one anybody could have set"


def test_without_tls_the_cookie_has_its_plain_name(place: Place) -> None:
    page = httpx.get(f"{place.installation.url}/login", headers=FORGED)
    assert "genaiops_login" in cookies_of(page)
    assert "Secure" not in page.headers["set-cookie"]


def test_host_and_origin_are_still_looked_at(place: Place) -> None:
    with browser(place) as client:
        assert client.get("/login", headers={"host": "evil.example"}).status_code == 421
        assert client.get("/inner/login", headers={"host": "evil.example"}).status_code == 421
        assert client.get("/inner/login").status_code == 200, "its X-Forwarded-Host is a name of ours"
        assert client.post("/login", headers={"origin": "https://evil.example"}).status_code == 403
    forged = httpx.get(f"{place.installation.url}/login", headers={**FORGED, "host": "evil.example"})
    assert forged.status_code == 421


def test_the_address_of_the_client_is_found_behind_the_proxy(place: Place) -> None:
    """Of keys for the console and of keys for calls; what the client itself wrote is not believed."""
    with place.installation.hub() as hub:
        new = NewKey(name="local", actor_id="admin", addresses=("127.0.0.1",), scopes=("calls", "api"))
        _, here = hub.keys.create(new, by="admin")
        new = NewKey(name="far", actor_id="admin", addresses=("203.0.113.9",), scopes=("calls", "api"))
        _, far = hub.keys.create(new, by="admin")
    url = place.installation.url

    def status(base: str, path: str, key: str, **headers: str) -> int:
        fields = {"authorization": f"Bearer {key}", "host": "ai.example.org", **headers}
        return httpx.get(base + path, headers=fields, verify=False, timeout=60).status_code

    until(lambda: status(place.outside, "/v1/models", here) == 200, "the key in the workers")
    for path in ("/v1/models", "/api/me"):
        assert status(place.outside, path, here) == 200, path
        assert status(place.outside, path, far) in REFUSED, path
        assert status(place.outside, path, far, **{"x-forwarded-for": "203.0.113.9"}) in REFUSED, (
            "nginx added who it is"
        )
        assert status(url, path, far, **{"x-forwarded-for": "203.0.113.9"}) in REFUSED, (
            "nobody is believed without a proxy"
        )


def test_a_provider_that_is_away_is_told_and_keys_go_on(place: Place) -> None:
    with browser(place) as client:
        page = client.get("/login/oidc")
        assert page.status_code == 503
        assert "Sign in with a key meanwhile" in page.text
        assert log_in(client, place.installation.key).status_code == 303


def test_a_name_of_the_peer_is_no_way_in(place: Place) -> None:
    """Several fields of one name, ports and brackets are read as proxies write them."""
    connection = http.client.HTTPConnection(
        place.installation.url.removeprefix("http://"), source_address=("127.0.0.2", 0)
    )
    connection.putrequest("GET", "/login", skip_host=True)
    connection.putheader("Host", "127.0.0.1")
    for value in ("198.51.100.7", '"nonsense"', "[2001:db8::1]:4711, 127.0.0.2"):
        connection.putheader("X-Forwarded-For", value)
    connection.putheader("X-Forwarded-Proto", "http, https")
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    assert "__Host-" in answer.headers["set-cookie"]
    connection.close()
