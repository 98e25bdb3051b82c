"""Erasing what is kept of one person."""

import msgspec


class Person(msgspec.Struct, frozen=True):
    """An end user as traces name them. `tenant_id` None: in all business units."""

    user_id: str
    tenant_id: str | None = None


class Belongings(msgspec.Struct, frozen=True, kw_only=True):
    """What traces hold of a person. `contents`: spans with prompts, answers, previews or attributes; `scores` of their
    traces, `comments` of these with a text."""

    traces: int = 0
    spans: int = 0
    contents: int = 0
    scores: int = 0
    comments: int = 0
    sessions: int = 0
    first_us: int | None = None
    last_us: int | None = None


class HeldRows(msgspec.Struct, frozen=True):
    """Rows of an immutable version that were made of a person's traces."""

    version: str
    rows: int


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure and how far it is; who was erased is not in it. `finished_us` None: it goes on, also after a crash;
    `error` says what it waits for. `events`: of the audit log whose payload was erased; `caches`: routes whose kept
    answers were forgotten; `held`: answers and requests that waited for a person, and what items of queues showed;
    `cases`: of runs of suites that were made of the person's traces; `experiments`: that knew the person by a
    digest; `datasets`: what stays, because versions are immutable."""

    id: str
    tenant_id: str | None = None
    reason: str = ""
    begun_us: int
    begun_by: str
    finished_us: int | None = None
    traces: int = 0
    spans: int = 0
    contents: int = 0
    comments: int = 0
    blobs: int = 0
    events: int = 0
    views: int = 0
    caches: int = 0
    held: int = 0
    cases: int = 0
    experiments: int = 0
    datasets: tuple[HeldRows, ...] = ()
    error: str | None = None


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure would take away, and the rows of datasets that it cannot."""

    belongings: Belongings
    datasets: tuple[HeldRows, ...] = ()
