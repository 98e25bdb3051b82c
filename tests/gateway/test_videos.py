"""Video jobs with the official client: made, asked for, fetched, changed, listed, ended; whose they are, and what
they cost."""

# pyright: reportDeprecated=false

import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core import media
from genaiops.core.errors import UsageError
from genaiops.core.sealed import KEY_BYTES, seal, unseal
from genaiops.domain import Fees, Usage
from genaiops.gateway.media import decode
from genaiops.providers._echo_media import png
from tests.gateway.harness import KEY, Home, Worker, budget, key, price, running, target
from tests.gateway.upstream import Upstream, answers

if TYPE_CHECKING:
    from openai import AsyncOpenAI

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")

SECOND = 100_000_000
FEES = Fees(video_second=SECOND, video_sizes={"1792x1024": 5 * SECOND})
OTHER = "sk-other-0123456789"
MATE = "sk-mate-0123456789"
LONER = "sk-loner-0123456789"


def echo(**settings: str) -> Any:
    return target(
        None, id="studio", provider="echo", upstream_model="real", settings=settings, operations=("video_generation",)
    )


PRICED = price(provider="echo", model="real", input=0, output=0, fees=FEES)
KEYS = (
    key(),
    key(MATE, key_id="key_2", actor_id="act_2"),
    key(OTHER, key_id="key_3", actor_id="act_1", team_id="sales"),
    key(LONER, key_id="key_4", actor_id="act_1", team_id=None),
)


def api(worker: Worker, text: str = KEY) -> "AsyncOpenAI":
    from openai import AsyncOpenAI

    return AsyncOpenAI(base_url=f"http://127.0.0.1:{worker.port}/v1", api_key=text, max_retries=0, timeout=20)


@asynccontextmanager
async def client(home: Home, **settings: str) -> "AsyncGenerator[tuple[AsyncOpenAI, Worker]]":
    home.publish(*KEYS, targets=(echo(**settings),), prices=(PRICED,))
    async with running(home) as worker, api(worker) as one:
        yield one, worker
        await worker.quiet()


async def test_the_life_of_a_video(home: Home) -> None:
    import openai

    async with client(home) as (one, _):
        made = await one.videos.create_and_poll(
            model="m", prompt="a lighthouse at dusk", seconds="8", size="1280x720", poll_interval_ms=1
        )
        film = await (await one.videos.download_content(made.id)).aread()
        picture = await (await one.videos.download_content(made.id, variant="thumbnail")).aread()
        changed = await one.videos.remix(made.id, prompt="at noon")
        listed = [video.id async for video in one.videos.list(limit=1)]
        gone = await one.videos.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await one.videos.retrieve(made.id)
        left = [video.id async for video in one.videos.list()]
    assert (made.status, made.seconds, made.size) == ("completed", "8", "1280x720")
    assert (media.kind_of(film), media.duration_ms(film)) == ("video/mp4", 8000)
    assert media.kind_of(picture) == "image/png"
    assert (changed.remixed_from_video_id, changed.seconds) == (made.id, "8")
    assert listed == [changed.id, made.id]
    assert (gone.deleted, gone.id) == (True, made.id)
    assert left == [changed.id]


async def test_the_seconds_are_paid_when_a_job_begins_and_nothing_else_is(home: Home) -> None:
    home.publish(key(budgets=(budget("money", 100 * SECOND),)), targets=(echo(),), prices=(PRICED,))
    async with running(home) as worker, api(worker) as one:
        small = await one.videos.create(model="m", prompt="a harbour", seconds="4")
        large = await one.videos.with_raw_response.create(model="m", prompt="a harbour", size="1792x1024")
        await one.videos.retrieve(small.id)
        await (await one.videos.download_content(small.id)).aread()
        await one.videos.remix(small.id, prompt="a fog")
        _ = [video async for video in one.videos.list()]
        await one.videos.delete(small.id)
        await worker.quiet()
        assert worker.used("bud_money") == (4 + 4 * 5 + 4) * SECOND
    assert large.headers["x-genaiops-cost"] == "2.000000000"
    reserved = [record.reserved[0].amount // 1000 * 1000 for record in home.admitted()]
    assert reserved == [4 * SECOND, 20 * SECOND, 0, 0, 4 * SECOND, 0, 0]
    paid = [one.usage for one in home.attempts() if one.usage is not None and one.usage.video_ms]
    assert paid[1] == Usage(video_ms=4000, video_size="1792x1024")
    assert [one.operation for one in home.admitted()].count("video_job") == 4


async def test_a_budget_that_cannot_cover_the_seconds_refuses(home: Home) -> None:
    import openai

    home.publish(key(budgets=(budget("money", 11 * SECOND),)), targets=(echo(),), prices=(PRICED,))
    async with running(home) as worker, api(worker) as one:
        await one.videos.create(model="m", prompt="x", seconds="8")
        with pytest.raises(openai.RateLimitError, match="budget"):
            await one.videos.create(model="m", prompt="x", seconds="4")
        with pytest.raises(openai.RateLimitError, match="budget"):
            await one.videos.create(model="m", prompt="x", seconds="4", size="1792x1024")
        await worker.quiet()
        assert worker.used("bud_money") == 8 * SECOND


async def test_nobody_else_sees_a_video(home: Home) -> None:
    """A team shares its videos; another team, and the same person outside of the team, do not know of them."""
    import openai

    async with client(home) as (one, worker):
        made = await one.videos.create(model="m", prompt="x")
        async with api(worker, MATE) as mate:
            assert (await mate.videos.retrieve(made.id)).id == made.id
            assert [video.id async for video in mate.videos.list()] == [made.id]
        for text in (OTHER, LONER):
            async with api(worker, text) as stranger:
                for ask in (
                    stranger.videos.retrieve(made.id),
                    stranger.videos.delete(made.id),
                    stranger.videos.download_content(made.id),
                    stranger.videos.remix(made.id, prompt="mine"),
                ):
                    with pytest.raises(openai.NotFoundError, match="There is no video"):
                        await ask
                assert [video async for video in stranger.videos.list()] == []
        assert (await one.videos.retrieve(made.id)).status == "completed"
    assert {one.error_type for one in home.refused()} == {"video_not_found"}


async def test_any_worker_serves_it_after_a_restart(home: Home) -> None:
    home.publish(*KEYS, targets=(echo(),), prices=(PRICED,))
    async with running(home) as first, api(first) as one:
        made = await one.videos.create(model="m", prompt="x", seconds="12")
    async with running(home, column=1) as second, api(second) as one:
        again = await one.videos.retrieve(made.id)
        assert [video.id async for video in one.videos.list()] == [made.id]
    assert (again.id, again.created_at, again.seconds) == (made.id, made.created_at, "12")


@pytest.mark.parametrize(
    "change",
    [lambda name: name[:-2], lambda name: name + "A", lambda name: name.swapcase(), lambda _: "x"],
    ids=["cut", "longer", "changed", "another"],
)
async def test_an_id_that_was_touched_is_none(home: Home, change: Any) -> None:
    async with client(home) as (one, worker):
        made = await one.videos.create(model="m", prompt="x")
        got = await worker.get(f"/v1/videos/{change(made.id)}")
        assert (got.status, got.error["code"]) == (404, "video_not_found")


@given(st.binary(max_size=200), st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.data())
def test_a_sealed_word_is_opened_by_its_key_alone(payload: bytes, secret: bytes, data: st.DataObject) -> None:
    word = seal(payload, secret)
    assert unseal(word, secret) == payload
    other = data.draw(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES).filter(lambda one: one != secret))
    assert unseal(word, other) is None
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_ =%é").filter(lambda one: one != word[at]))
    assert unseal(word[:at] + letter + word[at + 1 :], secret) is None


async def test_a_job_that_fails_is_told_and_was_paid(home: Home) -> None:
    import openai

    async with client(home, video_error="The prompt was refused.") as (one, _):
        made = await one.videos.create(model="m", prompt="x")
        video = await one.videos.retrieve(made.id)
        with pytest.raises(openai.BadRequestError, match="not completed"):
            await one.videos.download_content(made.id)
    assert video.status == "failed"
    assert video.error is not None
    assert video.error.message == "The prompt was refused."
    first = home.attempts()[0]
    assert first.cost is not None
    assert first.cost.nano == 4 * SECOND


async def test_a_picture_comes_along(home: Home) -> None:
    """A form with a file goes out as it came; of the model only the name changes."""
    picture = png(64, 64, b"abc")
    made = {"id": "video_1", "object": "video", "status": "queued", "seconds": "4", "size": "720x1280", "created_at": 1}
    async with Upstream(answers(made)) as up:
        sora = target(up.url, id="sora", model="sora-2", upstream_model="mine", operations=("video_generation",))
        home.publish(*KEYS, targets=(sora,))
        async with running(home) as worker, api(worker) as one:
            video = await one.videos.create(prompt="x", input_reference=("a.png", io.BytesIO(picture), "image/png"))
            plain = await worker.post("/v1/videos", {"model": "sora-2", "prompt": "x", "seconds": 8})
            await one.videos.retrieve(video.id)
            await worker.quiet()
        first, second, third = up.seen
    assert (plain.status, plain.json["id"][:6]) == (200, "video_")
    assert first.body.count(b'name="model"\r\n\r\nmine\r\n') == 1
    assert picture in first.body
    assert second.json["model"] == "mine"
    assert (third.path, third.body) == ("/v1/videos/video_1", b"")
    assert home.attempts()[0].response_id == video.id


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": "x", "seconds": "many"}, "seconds"),
        ({"prompt": "x", "seconds": 0}, "seconds"),
        ({"prompt": "x", "seconds": "1e999"}, "seconds"),
        ({"prompt": "x", "seconds": "nan"}, "seconds"),
        ({"prompt": "x", "size": "huge"}, "size"),
        ({"prompt": 1}, "prompt"),
        ({"seconds": 4}, "prompt"),
    ],
)
def test_what_is_no_request_for_a_video(body: Any, param: str) -> None:
    with pytest.raises(UsageError) as caught:
        decode("video_generation", json.dumps({"model": "m", **body}).encode(), b"application/json")
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/v1/videos", 405),
        ("POST", "/v1/videos/x", 405),
        ("DELETE", "/v1/videos/x/content", 405),
        ("GET", "/v1/videos/x/other", 404),
        ("POST", "/v1/videos/edits", 501),
        ("POST", "/v1/videos/extensions", 501),
        ("GET", "/v1/videos/characters/x", 501),
        ("GET", "/v1/videos?limit=0", 400),
        ("GET", "/v1/videos?after=video_x", 400),
        ("GET", "/v1/videos?order=up", 400),
    ],
)
async def test_paths_that_are_none(home: Home, method: str, path: str, status: int) -> None:
    async with client(home) as (_, worker):
        got = await worker.send(method, path, b"")
        assert got.status == status


async def test_a_variant_that_is_none(home: Home) -> None:
    async with client(home) as (one, worker):
        made = await one.videos.create(model="m", prompt="x")
        got = await worker.get(f"/v1/videos/{made.id}/content?variant=script")
        assert (got.status, got.error["param"]) == (400, "variant")


async def test_a_drained_target_still_tells_of_its_videos(home: Home) -> None:
    import openai

    async with client(home) as (one, worker):
        made = await one.videos.create(model="m", prompt="x")
        off = target(
            None, id="studio", provider="echo", upstream_model="real", operations=("video_generation",), enabled=False
        )
        home.publish(targets=(off,), prices=(PRICED,))
        assert (await one.videos.retrieve(made.id)).id == made.id
        with pytest.raises(openai.InternalServerError, match="takes no new"):
            await one.videos.remix(made.id, prompt="y")
        home.publish(targets=(), prices=())
        got = await worker.get(f"/v1/videos/{made.id}")
        assert (got.status, got.error["code"]) == (503, "target_gone")
