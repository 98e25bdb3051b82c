"""`/api/redteam`: packs of attacks, and the suites that are made of them. Their runs are ordinary ones."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody
from msgspec import Meta

from genaiops.api._access import needs
from genaiops.api._documents import Listing
from genaiops.arena import suite_manifest
from genaiops.arena.redteam import Building, PackCard, built, cards, packs_named
from genaiops.domain import JudgeMember


class RedTeamRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`packs`: names, or `all` for those that ship. `targets` as in a suite. `limit`: at most so many cases of each
    pack. `own_system`: the targets have their own instructions, with `canary` planted in them. `attacker`: a model that
    writes the turns of attacks that go on. `tolerance`: the share that may succeed."""

    packs: Annotated[Sequence[str], Meta(min_length=1, max_length=100)]
    targets: Annotated[Sequence[dict[str, Any]], Meta(max_length=50)] = ()
    limit: Annotated[int, Meta(ge=1)] | None = None
    seed: int = 0
    repeats: Annotated[int, Meta(ge=1, le=1000)] = 1
    own_system: bool = False
    canary: str = ""
    converters: Sequence[str] = ()
    attacker: str | None = None
    judge: str = ""
    tolerance: Annotated[float, Meta(gt=0, le=1)] | None = None


class RedTeamSuite(msgspec.Struct, frozen=True, kw_only=True):
    """A suite that runs as any other: POST /api/runs with it as `document`."""

    document: dict[str, Any]
    cases: int


class RedTeamController(Controller):
    path = "/redteam"
    tags = ("ARENA",)

    @get("/packs", summary="List packs of attacks", guards=[needs("read")], sync_to_thread=True)
    def packs(self) -> Listing[PackCard]:
        """Those that ship, and those made of packages that are installed on the server. Without their texts."""
        return Listing(list(cards()))

    @post("/suites", summary="Make a suite of packs", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def suite(self, data: JSONBody[RedTeamRequest]) -> RedTeamSuite:
        """Nothing is kept, and nobody is asked."""
        fields = msgspec.structs.asdict(data)
        packs = packs_named(fields.pop("packs"))
        attacker = fields.pop("attacker")
        member = None if attacker is None else JudgeMember(model=attacker, parameters={"temperature": 0.7})
        suite = built(packs, Building(attacker=member, **fields))
        return RedTeamSuite(document=suite_manifest(suite), cases=len(suite.case))
