"""A real identity provider (Canaille) in an environment of its own, and a person who signs in there."""

import html
import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx

from benchmarks.gateway.peers import free_port, python_environment
from tests.app.running import environment

PACKAGES = ("canaille[oidc,sqlite]==0.3.6", "authlib==1.9.9", "joserfc==1.8.0", "werkzeug==3.1.9")
PASSWORD = "correct horse"
FIELD = re.compile(r'<input[^>]*name="csrf_token"[^>]*value="([^"]+)"')


class Provider:
    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.issuer = f"http://localhost:{port}"

    def change(self, line: str) -> None:
        """See `provider_process.py`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done"

    def settings(self, **other: str) -> dict[str, str]:
        """The variables of an installation that signs in here."""
        return {
            "GENAIOPS_OIDC_ISSUER": self.issuer,
            "GENAIOPS_OIDC_CLIENT_ID": "genaiops",
            "GENAIOPS_OIDC_CLIENT_SECRET": "OIDC_SECRET",
            "GENAIOPS_OIDC_SCOPES": "openid,profile,email,groups",
            "GENAIOPS_OIDC_LABEL": "Sign in with Canaille",
            "OIDC_SECRET": "of the client",
            **other,
        }


@contextmanager
def running_provider(*callbacks: str) -> Generator[Provider]:
    """With clients' addresses to come back to."""
    python = python_environment("canaille", *PACKAGES)
    port = free_port()
    script = Path(__file__).parent / "provider_process.py"
    with subprocess.Popen(
        [str(python), str(script), str(port), *callbacks],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening")
            yield Provider(process, port)
        finally:
            process.kill()


def to_provider(browser: httpx.Client, base: str, place: str = "/") -> str:
    """Begin at the console; the address at the provider."""
    begun = browser.get(f"{base}/login/oidc", params={"next": place})
    assert begun.status_code == 303, begun.text
    return begun.headers["location"]


def at_provider(address: str, login: str, browser: httpx.Client | None = None) -> str:
    """Log in there as people do; the address that leads back to the console."""
    with browser or httpx.Client(timeout=60) as there:
        answer = there.get(address)
        for _ in range(12):
            while answer.is_redirect:
                onward = urljoin(str(answer.url), answer.headers["location"])
                if httpx.URL(onward).path == "/login/oidc/done":
                    return onward
                answer = there.get(onward)
            assert answer.status_code == 200, answer.text[:2000]
            field = FIELD.search(answer.text)
            assert field is not None, answer.text[:2000]
            wanted = {"password": PASSWORD} if 'type="password"' in answer.text else {"login": login}
            answer = there.post(str(answer.url), data={"csrf_token": field[1], **wanted})
    raise AssertionError("the provider never led back")


def sign_in(browser: httpx.Client, base: str, login: str, place: str = "/") -> httpx.Response:
    """All of it; the page that the console answers with."""
    return browser.get(at_provider(to_provider(browser, base, place), login))


def told(page: httpx.Response) -> tuple[int, str]:
    """Its status, and what it says went wrong."""
    found = re.search(r'role="alert"><p>(.*?)</p>', page.text)
    return page.status_code, "" if found is None else html.unescape(found[1])
