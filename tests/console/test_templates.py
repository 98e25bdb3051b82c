"""Templates that were compiled once are read, not compiled again, and nothing that keeps them from being kept stops a
page."""

from pathlib import Path

import jinja2
import pytest

from genaiops.console import _templates
from genaiops.console._templates import Compiled


def environment(folder: Path, text: str) -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.DictLoader({"one.html": text}), bytecode_cache=Compiled(str(folder)))


def test_what_was_compiled_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment(tmp_path, "{{ 1 + 1 }}").get_template("one.html").render() == "2"
    assert len(list(tmp_path.iterdir())) == 1
    with monkeypatch.context() as patched:
        patched.setattr(jinja2.Environment, "compile", lambda *_: pytest.fail("it was compiled again"))
        assert environment(tmp_path, "{{ 1 + 1 }}").get_template("one.html").render() == "2"
    assert environment(tmp_path, "{{ 1 + 2 }}").get_template("one.html").render() == "3"


def test_other_filters_need_another_compilation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Compiled(str(tmp_path))
    before = kept.get_cache_key("one.html")
    other = tmp_path / "filters.py"
    other.write_text("")
    monkeypatch.setattr(_templates._format, "__file__", str(other))
    assert kept.get_cache_key("one.html") != before


def test_a_disk_without_room_stops_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    assert environment(tmp_path, "{{ 1 + 1 }}").get_template("one.html").render() == "2"
