"""The inbox of approvals, and what people of a business unit see of the console."""

import html
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from genaiops.core.errors import ConsentNeeded
from genaiops.hub import NewKey
from tests.app.running import Installation

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


class Person:
    """Somebody who is logged in, without a browser."""

    def __init__(self, url: str, key: str) -> None:
        self.client = httpx.Client(base_url=url, headers={"accept": "text/html"}, timeout=30)
        token = TOKEN.findall(self.client.get("/login").text)[0]
        answer = self.client.post("/login", data={"csrf": token, "key": key, "next": "/"})
        assert answer.status_code == 303, answer.text
        self.home = answer.headers["location"]

    def read(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return html.unescape(answer.text)

    def decide(self, approval: str, verb: str) -> str:
        form = {"csrf": TOKEN.findall(self.read("/approvals"))[0], "id": approval, "verb": verb, "comment": "seen"}
        assert self.client.post("/approvals", data=form).status_code == 303
        return self.read("/approvals")


@pytest.fixture
def people(installation: Installation) -> Iterator[dict[str, Person]]:
    """Name -> somebody with their own key: another approver, and the administrator of a business unit."""
    found = {"admin": Person(installation.url, installation.key)}
    made: list[str] = []
    with installation.hub() as hub:
        if "retail" not in {tenant.id for tenant in hub.tenants.list()}:
            hub.tenants.create("retail", admin="rita", by="admin")
            hub.actors.create("sam", "person", roles=("product-owner",), by="admin")
        for name, environment in (("rita", "retail-dev"), ("sam", "dev")):
            actor = hub.actors.named(name)
            assert actor is not None
            hub.actors.enable(actor.id, by="admin")
            new = NewKey(name=name, actor_id=actor.id, scopes=("api",), environment_id=environment)
            found[name] = Person(installation.url, hub.keys.create(new, by="admin")[1])
            made.append(actor.id)
    yield found
    with installation.hub() as hub:
        for actor_id in made:
            hub.actors.disable(actor_id, by="admin")
    for person in found.values():
        person.client.close()


def asked(installation: Installation, text: str) -> str:
    with installation.hub() as hub:
        version = hub.artifacts.register("suite", "answer", said(text), by="admin")
        with pytest.raises(ConsentNeeded) as caught:
            hub.artifacts.move("suite/answer", "prod", version.id, reason="shorter", by="admin")
    return caught.value.approval_id


def test_the_inbox(installation: Installation, people: dict[str, Person]) -> None:
    sam, admin = people["sam"], people["admin"]
    approval = asked(installation, "Answer in a line.")
    page = sam.read("/approvals")
    assert "Approvals (1)" in page
    assert "admin asked on" in page
    assert "shorter" in page
    assert re.search("<ins>[^<]*Answer in a line.[^<]*</ins>", page)
    assert "not gated" in page
    own = admin.read("/approvals")
    assert "Withdraw" in own
    assert 'value="approve"' not in own
    assert "nobody consents to their own change" in admin.decide(approval, "approve")
    assert "That is no decision" in sam.decide(approval, "shrug")
    assert "alias:suite/answer@prod is changed." in sam.decide(approval, "approve")
    with installation.hub() as hub:
        assert hub.artifacts.resolve("suite/answer@prod").manifest == said("Answer in a line.")
    refused = asked(installation, "Do not answer.")
    assert "stays as it is" in sam.decide(refused, "refuse")


def test_roles_have_homes(people: dict[str, Person]) -> None:
    assert (people["sam"].home, people["admin"].home) == ("/costs", "/")


def test_a_business_unit_sees_its_own(people: dict[str, Person]) -> None:
    rita = people["rita"]
    settings = rita.read("/settings")
    assert "retail-prod" in settings
    assert "<th>prod</th>" not in settings
    keys = rita.read("/gateway/keys")
    assert "rita" in keys
    assert ">admin<" not in keys
    assert "trace=" not in rita.read("/traces")
    assert rita.client.get("/gateway/budgets").status_code == 200
    assert rita.client.get("/costs?since=7d&by=key").status_code == 200
    assert rita.client.get("/").status_code == 200
    assert rita.client.get("/system").status_code == 200
