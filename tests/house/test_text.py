"""What no committed file may say, and the form of the pages that people read first."""

import re
import tomllib

import pytest

from tests.house.tree import ROOT, files, named, relative

# Written in pieces, so that this file passes its own test.
REGISTRIES = (
    "pypi." + "org",
    "python" + "hosted.",
    "npm" + "js.",
    "registry.yarn" + "pkg.",
    "deb.debian" + ".org",
    "/simple" + "/",
)
# Absolute paths below the folders where people and mirrors live on one machine.
MACHINE_PATH = re.compile(
    r"(?<![\w.$}~-])/(?:home/[a-z]|Users/[A-Za-z]|work/[a-z]|mnt/[a-z]|opt/[a-z]+/(?:simple|files))"
)

SECTION = re.compile(r"## (\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2})")
KINDS = {"### Added", "### Changed", "### Deprecated", "### Removed", "### Fixed", "### Security"}
PIN = re.compile(r"^([a-z0-9-]+)==\S+", re.MULTILINE)


def text_of_committed_files() -> list[tuple[str, str]]:
    return [(relative(path), text) for path in files() if (text := decoded(path.read_bytes())) is not None]


def decoded(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    return content.decode("utf-8")


def test_no_registry_address() -> None:
    found = [f"{name}: {word}" for name, text in text_of_committed_files() for word in REGISTRIES if word in text]
    assert not found, found


def test_no_path_of_a_single_machine() -> None:
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in text_of_committed_files()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["cd /home/" + "ann/x", "'/work/" + "main'", "(/Users/" + "Ann/y)"])
def test_a_path_of_a_single_machine_is_seen(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("text", ["https://example.com/home/a", "~/work/x", "$GENAIOPS_HOME/models", "network/home/a"])
def test_other_paths_are_let_through(text: str) -> None:
    assert not MACHINE_PATH.search(text)


def test_changelog() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Changelog"
    sections = [line for line in lines if line.startswith("## ")]
    assert sections[0] == "## [Unreleased]"
    assert all(SECTION.fullmatch(line) for line in sections)
    versions = [
        tuple(map(int, match[1].split("."))) for line in sections if (match := re.match(r"## \[(\d.*?)\]", line))
    ]
    assert versions == sorted(versions, reverse=True)
    assert {line for line in lines if line.startswith("### ")} <= KINDS
    entries = re.split(r"\n(?=- )", "\n".join(line for line in lines if not line.startswith("#")).strip())
    unfinished = [entry for entry in entries if entry.startswith("- ") and not entry.rstrip().endswith(".")]
    assert not unfinished, f"an entry is a sentence about the outcome: {unfinished}"


@pytest.mark.parametrize("lock", ["core", "dev"])
def test_lock_holds_every_declared_dependency_with_hashes(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["build"]]
    if lock == "dev":
        declared += [entry for entry in project["dependency-groups"]["dev"] if isinstance(entry, str)]
    names = {re.split(r"[\[<>=~!; ]", requirement)[0].lower() for requirement in declared}
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert names <= set(PIN.findall(text)), f"run make lock: {sorted(names - set(PIN.findall(text)))} are not locked"
    for block in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "://" not in text
    assert not re.search(r"^(--?[a-z]|-[a-z] )", text, re.MULTILINE), "an option of this machine's in the lock"


def test_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_python_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == ">=" + project["tool"]["pyright"]["pythonVersion"]
    assert project["tool"]["ruff"]["target-version"] == "py" + project["tool"]["pyright"]["pythonVersion"].replace(
        ".", ""
    )


def test_every_source_file_ends_with_one_newline() -> None:
    bad = [
        relative(path)
        for path in named(".py", ".md", ".toml", ".js", ".css", ".html", ".sql")
        if (content := path.read_bytes())
        and (not content.endswith(b"\n") or content.endswith(b"\n\n") or b"\r" in content)
    ]
    assert not bad, bad
