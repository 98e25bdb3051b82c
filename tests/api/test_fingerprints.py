"""Registered documents over HTTP: pieces, versions, and the policies that pin them."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from genaiops.app.services import Services
from genaiops.checks.verbatim import Index
from genaiops.engines.document_files import DocumentFiles
from genaiops.guard import PolicyJudge
from genaiops.hub import Hub
from tests.api.conftest import Api
from tests.checks.test_verbatim import CLAUSE, OPENING

RULE = {"id": "copies", "detector": "verbatim", "action": "block", "options": {"documents": ["plans"]}}


@pytest.fixture(scope="module", autouse=True)
def judging(services: Services) -> Iterator[None]:
    """The Hub with its judge, as the application hands it one."""
    former = services.hub
    judge = PolicyJudge(documents=DocumentFiles(services.home.documents, services.blobs).find)
    services.hub = Hub(former.records, consenting=former.consents, judge=judge)
    yield
    services.hub = former


def sent(api: Api, method: str, path: str, body: dict[str, Any]) -> Any:
    answer = api.send(method, path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def test_documents_from_the_first_piece_to_the_policy_that_pins_them(admin: Api) -> None:
    text = sent(admin, "POST", "/fingerprints/pieces", {"id": "acme.txt", "text": CLAUSE})
    assert (text["id"], text["marks"] > 3) == ("acme.txt", True)
    made = Index.exact([("novel.txt", OPENING)]).write()
    piece = sent(admin, "POST", "/fingerprints/pieces", {"marks": b64encode(made).decode()})["piece"]
    unknown = "sha256:" + "0" * 64
    assert sent(admin, "POST", "/fingerprints/missing", {"pieces": [piece, unknown]})["data"] == [unknown]
    first = sent(admin, "PUT", "/fingerprints/plans", {"pieces": [text["piece"]], "title": "Plans"})
    assert (first["documents"], first["aliases"]) == (1, {"current": first["digest"]})
    pushed = sent(admin, "PUT", "/guards/plain", {"policy": {"rules": [RULE]}})
    assert pushed["policy"]["rules"][0]["options"]["documents"] == [f"plans@{first['digest']}"]
    second = sent(admin, "PUT", "/fingerprints/plans", {"pieces": [piece]})
    assert [one["id"] for one in second["listed"]] == ["acme.txt", "novel.txt"]
    assert [(use["id"], use["reference"]) for use in second["uses"]] == [("plain@current", f"plans@{first['digest']}")]
    alone = sent(admin, "PUT", "/fingerprints/plans", {"remove": ["acme.txt"], "alias": None})
    assert [one["id"] for one in alone["listed"]] == ["novel.txt"]
    assert alone["aliases"] == {"current": second["digest"]}
    back = sent(admin, "PUT", "/fingerprints/plans/aliases/current", {"undo": True})
    assert back["version_id"] == f"index/plans@{first['digest']}"
    assert admin.get("/fingerprints/plans")["documents"] == 1
    assert admin.get("/fingerprints/plans", version=second["digest"][:15])["documents"] == 2
    assert [one["name"] for one in admin.get("/fingerprints")["data"]] == ["plans"]


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        ("/fingerprints/pieces", {}, 400, "marks"),
        ("/fingerprints/pieces", {"marks": "AAAA", "id": "x"}, 400, "marks"),
        ("/fingerprints/pieces", {"marks": "AAAA"}, 400, None),
        ("/fingerprints/pieces", {"id": "", "text": "x"}, 400, "id"),
        ("/fingerprints/missing", {"pieces": ["x"]}, 400, None),
    ],
)
def test_what_is_wrong_is_told(admin: Api, path: str, body: object, status: int, param: str | None) -> None:
    error = admin.refused("POST", path, body, status=status)
    assert param is None or error["param"] == param


def test_what_is_not_there(admin: Api) -> None:
    admin.refused("GET", "/fingerprints/nope", status=404)
    admin.refused("PUT", "/fingerprints/nope", json={"remove": ["x"]}, status=404)
    admin.refused("PUT", "/fingerprints/nope", json={}, status=400)
    admin.refused("PUT", "/fingerprints/nope/aliases/current", json={"undo": True}, status=404)
