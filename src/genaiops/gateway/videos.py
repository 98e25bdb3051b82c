"""Video jobs: calls about something that goes on living at its provider.

Nothing of a job has to be kept here: the id that a client gets is sealed (`core/sealed`) and says at which target the
job is, under which id, and whose it is. So any worker serves it, also after a restart. A job belongs to the team of the
key that began it, or to the key's actor where it has no team, in its tenant and environment; to everybody else it is
not there, as if the id were made up.
"""

import contextlib
import functools
import hashlib
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Raw

from genaiops.core.errors import Forbidden, NotFound, StoreError, Unavailable, UpstreamError, UsageError
from genaiops.core.sealed import seal, unseal
from genaiops.domain import Usage, matches
from genaiops.gateway.admit import Grant
from genaiops.gateway.body import Common, decode_with
from genaiops.gateway.call import Call
from genaiops.gateway.media import MediaBody
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.ports.providers import Answer, VideoJob
from genaiops.ports.videos import Videos

PREFIX = "video_"
VARIANTS = ("video", "thumbnail", "spritesheet")


class Where(msgspec.Struct, frozen=True, array_like=True):
    """What an id carries: `name` is what was called, `video_ms` and `size` what a remix of it will have."""

    owner: bytes
    target_id: str
    name: str
    id: str
    video_ms: int
    size: str | None = None


class Opened(msgspec.Struct, frozen=True):
    """A job that the caller may know of: the id it gave, what that means, and what is asked."""

    given: str
    where: Where
    job: VideoJob


class _Remix(Common, frozen=True, kw_only=True):
    model: str = ""
    prompt: str


class _Made(msgspec.Struct, frozen=True):
    id: str
    seconds: Any = None
    size: Any = None
    remixed_from_video_id: Any = None


_NOTHING = Usage()
_decode_where = msgspec.msgpack.Decoder(Where).decode
_encode = msgspec.msgpack.Encoder().encode
_remix = msgspec.json.Decoder(_Remix).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_made = msgspec.json.Decoder(_Made).decode


class VideoJobs:
    """Those of one worker. `store` None: this installation has no place for what they need."""

    def __init__(self, store: Videos | None) -> None:
        self._store = store

    @property
    def store(self) -> Videos:
        if self._store is None:
            raise Unavailable("This gateway keeps no videos.", remedy="Give it a place to keep their key in.")
        return self._store

    # -- a call comes

    def begin(self, call: Call) -> None:
        """A job is to be made: what its answer needs is there. StoreError otherwise, before anything was paid."""
        self.store.key()
        call.amend = functools.partial(self._born, call)

    def understand(self, call: Call, raw: bytes | bytearray) -> tuple[MediaBody, Lineup | None]:
        """A call about jobs that are there, and where it goes (None: to many places). What is kept as its request says
        what its path said. NotFound for an id that is none, or is another's."""
        ask = call.place.video
        assert ask is not None
        if ask.action == "list":
            call.raw = msgspec.json.encode({"action": "list"})
            return _body_of(""), None
        opened = self.open(call.key, ask.id)
        variant = _variant(call.exchange.query.decode("latin-1")) if ask.action == "content" else None
        where = opened.where
        call.video = Opened(ask.id, where, VideoJob(ask.action, where.id, variant))
        candidate = reached(call.key, where)
        if ask.action == "remix":
            if not candidate.target.enabled:
                raise Unavailable(
                    f"The target {where.target_id!r} takes no new videos.", remedy="Have it enabled.", code="no_target"
                )
            body = decode_with(_remix, raw)
            units = Usage(video_ms=where.video_ms, video_size=where.size)
            self.begin(call)
            found = msgspec.structs.replace(
                _body_of(where.name, units), user=body.user, metadata=body.metadata, genaiops=body.genaiops
            )
            return found, Lineup(where.name, None, ((candidate, 1),))
        asked = {"action": ask.action, "video": ask.id, "variant": variant}
        call.raw = msgspec.json.encode({name: value for name, value in asked.items() if value is not None})
        if ask.action != "content":
            call.amend = functools.partial(self._told, call)
        return _body_of(where.name, stream=ask.action == "content"), _pinned(where.name, candidate)

    # -- ids

    def open(self, key: Grant, given: str) -> Opened:
        """NotFound when it is no id of this installation, or not of this key's owner."""
        where = self._read(given)
        if where is None or where.owner != owner_of(key):
            raise _no_video(given)
        return Opened(given, where, VideoJob("retrieve", where.id))

    def mine(self, key: Grant) -> list[Opened]:
        """The newest of an owner, oldest first. What is not readable is left out."""
        owner = owner_of(key)
        found: list[Opened] = []
        for given in self.store.recent(owner):
            where = self._read(given)
            if where is not None and where.owner == owner:
                found.append(Opened(given, where, VideoJob("retrieve", where.id)))
        return found

    def _read(self, given: str) -> Where | None:
        payload = unseal(given.removeprefix(PREFIX), self.store.key()) if given.startswith(PREFIX) else None
        try:
            return None if payload is None else _decode_where(payload)
        except msgspec.DecodeError:
            return None

    def sealed(self, where: Where) -> str:
        return PREFIX + seal(_encode(where), self.store.key())

    # -- answers

    def _born(self, call: Call, candidate: Candidate, answer: Answer, body: bytes) -> tuple[Answer, bytes]:
        made = _read_made(body)
        usage = answer.usage or Usage()
        where = Where(owner_of(call.key), candidate.target.id, call.model, made.id, usage.video_ms, usage.video_size)
        given = self.sealed(where)
        with contextlib.suppress(StoreError):  # it will be missing in lists; it is paid for, and its id works
            self.store.add(where.owner, given)
        return msgspec.structs.replace(answer, response_id=given), rewritten(body, given, self._source(call, made))

    def _told(self, call: Call, _: Candidate, answer: Answer, body: bytes) -> tuple[Answer, bytes]:
        opened = call.video
        assert opened is not None
        if opened.job.action == "delete":
            with contextlib.suppress(StoreError):  # a list asks its provider anyway
                self.store.drop(opened.where.owner, opened.given)
        return msgspec.structs.replace(answer, response_id=opened.given), self.renamed(opened, body)

    def renamed(self, opened: Opened, body: bytes) -> bytes:
        """An answer about a job under the id that its client knows. UpstreamError when it is none."""
        made = _read_made(body)
        source = None
        if isinstance(made.remixed_from_video_id, str):
            source = self.sealed(msgspec.structs.replace(opened.where, id=made.remixed_from_video_id))
        return rewritten(body, opened.given, source)

    def _source(self, call: Call, made: _Made) -> str | None:
        if call.video is not None:
            return call.video.given
        return None if made.remixed_from_video_id is None else ""


def owner_of(key: Grant) -> bytes:
    """Whose a job is that this key begins: short, and it says nothing."""
    entry = key.entry
    whose = ("team", entry.team_id) if entry.team_id is not None else ("actor", entry.actor_id)
    return hashlib.sha256(_encode((entry.tenant_id, entry.environment_id, *whose))).digest()[:12]


def rewritten(body: bytes, given: str, source: str | None) -> bytes:
    """The same with our ids in place of the provider's. Everything else keeps its bytes."""
    fields: dict[str, Any] = dict(_fields(body))
    fields["id"] = given
    if "remixed_from_video_id" in fields:
        fields["remixed_from_video_id"] = source or None
    return msgspec.json.encode(fields)


def _read_made(body: bytes) -> _Made:
    try:
        return _made(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"its answer is no video: {error}.", code="upstream_bad_answer") from None


def reached(key: Grant, where: Where) -> Candidate:
    """The target of a job, also one that takes no new ones. The key must still be allowed to call it."""
    candidate = key.plan.candidates.get(where.target_id)
    if candidate is None:
        raise Unavailable(
            f"The target {where.target_id!r}, where this video is, is not configured any more.",
            remedy="Have it added again, under the same name.",
            code="target_gone",
        )
    target, entry = candidate.target, key.entry
    names = (*entry.models, *entry.routes)
    if (
        (target.environments and entry.environment_id not in target.environments)
        or (entry.regions and target.region not in entry.regions)
        or (names and not any(matches(one, name) for one in names for name in (where.name, target.model)))
    ):
        raise Forbidden(
            f"The API key {entry.key_name!r} may not call {where.name!r}.",
            remedy="Use a key that may.",
            code="model_not_allowed",
        )
    return candidate


def _pinned(name: str, candidate: Candidate) -> Lineup:
    """Only that target knows of it, and asking costs nothing."""
    return Lineup(name, None, ((Candidate(candidate.upstream, (), free=True), 1),))


def _body_of(name: str, units: Usage = _NOTHING, *, stream: bool = False) -> MediaBody:
    return MediaBody(model=name, stream=stream, most=lambda _: (0, 0, units))


def _variant(query: str) -> str | None:
    given = parse_qs(query[:1024]).get("variant", [])
    if not given:
        return None
    if len(given) > 1 or given[0] not in VARIANTS:
        raise UsageError(
            f"There is no variant {given[0][:32]!r} of a video.",
            remedy=f"Ask for one of {', '.join(VARIANTS)}.",
            code="invalid_value",
            param="variant",
        )
    return given[0]


def _no_video(given: str) -> NotFound:
    return NotFound(
        f"There is no video {given[:64]!r} here.",
        remedy="Use an id that this installation gave to your team.",
        code="video_not_found",
        param="video_id",
    )
