"""One provider and one installation that signs in there, for all tests of this folder."""

from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from benchmarks.gateway.peers import free_port
from genaiops.domain import GroupMapping
from tests.app.running import Installation
from tests.oidc.provider import Provider, running_provider

BACK = "/login/oidc/done"


class Place(NamedTuple):
    provider: Provider
    installation: Installation

    @property
    def url(self) -> str:
        return self.installation.url


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    port = free_port()
    with running_provider(f"http://127.0.0.1:{port}{BACK}") as provider:
        home = tmp_path_factory.mktemp("oidc") / "home"
        flags = ("--no-embedded", "--port", str(port))
        with Installation(home, *flags, variables=provider.settings()) as installation:
            installation.start()
            with installation.hub() as hub:
                hub.tenants.create("retail", by="admin")
                hub.groups.put(GroupMapping(id="platform", roles=("admin",), created_us=0), by="admin")
                retail = GroupMapping(
                    id="retail-engineers", tenant_id="retail", team_id="retail", roles=("ml-engineer",), created_us=0
                )
                hub.groups.put(retail, by="admin")
            yield Place(provider, installation)


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"accept": "text/html"}, timeout=60) as client:
        yield client
