"""Images, speech and transcriptions on a running installation: the official client, then the trace as its three
readers show it (REST, command line, console)."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.app.running import Installation, environment, until

if TYPE_CHECKING:
    import openai

OPERATIONS = ("image_generation", "speech", "transcription", "rerank", "moderations", "video_generation")


def cli(installation: Installation, *arguments: str) -> str:
    variables = {"GENAIOPS_URL": installation.url, "GENAIOPS_API_KEY": installation.key}
    done = subprocess.run(
        [sys.executable, "-m", "genaiops", *arguments],
        capture_output=True,
        text=True,
        env=environment(variables),
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("media")
    with Installation(home, "--no-embedded") as installation:
        installation.start()
        flags = [flag for one in OPERATIONS for flag in ("--operation", one)]
        cli(installation, "model", "add", "studio", "--provider", "echo", *flags)
        yield installation


@pytest.fixture
def client(running: Installation) -> "Iterator[openai.OpenAI]":
    import openai

    with openai.OpenAI(base_url=f"{running.url}/v1", api_key=running.key, max_retries=0) as made:
        yield made


def trace(running: Installation, operation: str, text: str = "") -> dict[str, Any]:
    """The newest trace of an operation that began with this text."""

    def found() -> Any:
        answer = httpx.get(f"{running.url}/api/traces", headers={"authorization": f"Bearer {running.key}"})
        rows = answer.json()["data"]
        return next((one for one in rows if one["operation"] == operation and text in one["input_preview"]), None)

    row = until(found, f"a trace of {operation}")
    return json.loads(cli(running, "trace", "show", row["trace_id"], "--json"))


def test_an_image_is_seen_in_its_trace(running: Installation, client: "openai.OpenAI") -> None:
    made = client.images.generate(model="studio", prompt="a lighthouse at dusk", size="256x256", quality="high")
    assert made.data
    image = base64.b64decode(made.data[0].b64_json or "")
    document = trace(running, "image_generation", "a lighthouse")
    (medium,) = document["media"]
    assert (medium["media_type"], medium["bytes"]) == ("image/png", len(image))
    got = httpx.get(running.url + medium["href"], headers={"authorization": f"Bearer {running.key}"})
    assert (got.content, got.headers["content-type"]) == (image, "image/png")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    shown = cli(running, "trace", "show", document["trace_id"])
    for words in ("image/png", medium["digest"], "image.size", "256x256", "image.quality"):
        assert words in shown
    assert base64.b64encode(image).decode() not in json.dumps(document)
    bare = httpx.get(running.url + medium["href"])
    assert bare.status_code == 401
    wrong = httpx.get(
        running.url + medium["href"][:-8] + "00000000", headers={"authorization": f"Bearer {running.key}"}
    )
    assert wrong.status_code == 404


def test_speech_and_what_is_heard_of_it(running: Installation, client: "openai.OpenAI", tmp_path: Path) -> None:
    spoken = client.audio.speech.create(
        model="studio", voice="nova", input="The ferry leaves at nine.", response_format="wav", speed=0.5
    )
    file = tmp_path / "ferry.wav"
    spoken.write_to_file(file)
    with file.open("rb") as opened:
        heard = client.audio.transcriptions.create(model="studio", file=opened, language="en")
    assert heard.text == "3.3 seconds of audio"
    said, listened = trace(running, "speech"), trace(running, "transcription")
    assert said["attributes"]["genaiops.speech.voice"] == "nova"
    assert said["media"][0]["digest"] == listened["media"][0]["digest"], "the same sound is kept once"
    assert (listened["media"][0]["direction"], listened["media"][0]["name"]) == ("input", "ferry.wav")
    assert said["attributes"]["genaiops.audio.seconds"] == 3.334
    assert listened["attributes"]["genaiops.audio.seconds"] == 4.0, "as its provider counts: whole seconds"
    assert listened["attributes"]["genaiops.audio.language"] == "en"


def test_the_console_shows_media_from_its_own_address(running: Installation, client: "openai.OpenAI") -> None:
    client.images.generate(model="studio", prompt="a harbour", size="64x64")
    document = trace(running, "image_generation", "a harbour")
    with httpx.Client(base_url=running.url, timeout=30) as browser:
        token = browser.get("/login").text.split('name="csrf" value="')[1].split('"')[0]
        assert browser.post("/login", data={"csrf": token, "key": running.key}).status_code == 303
        page = browser.get(f"/traces/{document['trace_id']}")
        source = f"/traces/{document['trace_id']}/media/{document['media'][0]['digest'][7:]}"
        assert f'<img src="{source}"' in page.text
        assert "media-src 'self'" in page.headers["content-security-policy"]
        image = browser.get(source)
    assert image.headers["content-type"] == "image/png"
    assert image.content.startswith(b"\x89PNG")
    assert httpx.get(running.url + source).status_code in (303, 401)


@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
def test_a_video_from_beginning_to_end(running: Installation, client: "openai.OpenAI") -> None:
    made = client.videos.create_and_poll(  # pyright: ignore[reportDeprecated]
        model="studio", prompt="a lighthouse in the rain", seconds="4", size="720x1280", poll_interval_ms=1
    )
    film = client.videos.download_content(made.id).read()  # pyright: ignore[reportDeprecated]
    begun = trace(running, "video_generation", "in the rain")
    assert begun["attributes"]["genaiops.video.id"] == made.id
    assert begun["attributes"]["genaiops.video.seconds"] == 4
    address = f"{running.url}/api/traces"
    authorization = {"authorization": f"Bearer {running.key}"}

    def fetched() -> Any:
        rows = httpx.get(address, headers=authorization).json()["data"]
        found = [httpx.get(f"{address}/{one['trace_id']}", headers=authorization).json() for one in rows[:5]]
        return next((one for one in found if one.get("media") and one["operation"] == "video_job"), None)

    document = until(fetched, "the trace of the download")
    (medium,) = document["media"]
    assert medium["media_type"] == "video/mp4"
    assert httpx.get(running.url + medium["href"], headers=authorization).content == film


def test_seconds_of_video_have_a_price_by_their_size(running: Installation) -> None:
    fees = ("--fee", "video_second=0.30", "--fee", "1792x1024=0.5")
    cli(running, "price", "set", "openai", "film-pro", "--input", "0", "--output", "0", *fees)
    rows = json.loads(cli(running, "price", "list", "--json"))["data"]
    (line,) = (row for row in rows if row["model"] == "film-pro")
    assert (line["fees"]["video_second"], line["fees"]["video_sizes"]) == ("0.3", {"1792x1024": "0.5"})
