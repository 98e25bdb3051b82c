"""Settings: file, environment, flags; every error names the place, the key and the remedy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.app import config, settings
from genaiops.core.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "genaiops.toml"
    path.write_text(text)
    return path


def read(home: Path, flags: Mapping[str, Any] | None = None, **environ: str) -> config.Loaded:
    return config.read({"home": str(home), **(flags or {})}, environ)


def test_nothing_given_is_the_default_installation(tmp_path: Path) -> None:
    loaded = config.read({}, {"HOME": str(tmp_path)})
    assert loaded.settings == settings.Settings(home=str(tmp_path / ".local/share/genaiops"))
    assert loaded.file is None
    assert loaded.settings.url == "http://127.0.0.1:4000"


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    write(tmp_path, "[listen]\nport = 1111\nhost = 'localhost'\nnames = ['a.example']\n[gateway]\nworkers = 2\n")
    loaded = read(tmp_path, {"gateway.workers": 4}, GENAIOPS_PORT="2222", GENAIOPS_GATEWAY_WORKERS="3")
    assert loaded.settings.listen == settings.Listen(host="localhost", port=2222, names=("a.example",))
    assert loaded.settings.gateway.workers == 4
    assert loaded.origins["listen.port"] == "GENAIOPS_PORT"
    assert loaded.origins["listen.host"] == str(tmp_path / "genaiops.toml")
    assert loaded.origins["gateway.workers"] == "--workers"


@pytest.mark.parametrize("key", sorted(key for key in config.all_keys() if "." in key))
def test_every_setting_has_its_variable(tmp_path: Path, key: str) -> None:
    default = settings.Settings(home="/x")
    section, _, name = key.partition(".")
    value = getattr(getattr(default, section), name)
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    loaded = read(tmp_path, None, **{f"GENAIOPS_{section.upper()}_{name.upper()}": text})
    assert getattr(getattr(loaded.settings, section), name) == value
    assert key in loaded.origins


def test_lists_and_truths_in_variables(tmp_path: Path) -> None:
    loaded = read(tmp_path, GENAIOPS_EMBEDDED_ENABLED="false", GENAIOPS_LISTEN_NAMES="a.example, b.example")
    assert loaded.settings.embedded.enabled is False
    assert loaded.settings.listen.names == ("a.example", "b.example")


def test_other_variables_of_ours_are_left_alone(tmp_path: Path) -> None:
    environ = {"GENAIOPS_API_KEY": "x", "GENAIOPS_TEST_STRICT": "1", "GENAIOPS_EMBEDDED_KEY": "x", "PATH": "/bin"}
    assert read(tmp_path, None, **environ).settings == settings.Settings(home=str(tmp_path))


def test_a_file_can_be_named_and_place_the_home(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.toml"
    path.write_text("home = 'data'\n")
    assert config.read({}, {}, file=path).settings.home == str(tmp_path / "data")
    assert config.read({}, {"GENAIOPS_CONFIG": str(path)}).settings.home == str(tmp_path / "data")


def test_the_file_of_the_home_that_a_variable_names(tmp_path: Path) -> None:
    write(tmp_path, "[log]\nlevel = 'debug'\n")
    assert config.read({}, {"GENAIOPS_HOME": str(tmp_path)}).settings.log.level == "debug"


BAD_FILES = {
    "unknown key": ("[listen]\nprot = 1\n", "listen.prot", "Did you mean listen.port?"),
    "key without its section": ("workers = 2\n", "workers", "Did you mean gateway.workers?"),
    "key in another section": ("[listen]\nmodel_threads = 2\n", "listen.model_threads", "embedded.model_threads?"),
    "unknown empty section": ("[gatewya]\n", "gatewya", "docs/configuration.md"),
    "text for a number": ("[listen]\nport = 'x'\n", "listen.port is 'x'", "docs/configuration.md"),
    "truth for a number": ("[listen]\nport = true\n", "listen.port is True", "docs/configuration.md"),
    "out of range": ("[gateway]\nworkers = 0\n", "gateway.workers is 0", "docs/configuration.md"),
    "not one of": ("[content]\ncapture = 'some'\n", "content.capture is 'some'", "docs/configuration.md"),
    "list for a text": ("[log]\nlevel = ['debug']\n", "log.level is ['debug']", "docs/configuration.md"),
    "not TOML": ("[listen\n", "is not TOML", "Correct the place"),
    "home in the home": ("home = '/y'\n", "home in", "--config"),
    "no such engine": ("[stores]\nrecords = 'mysql://x/y'\n", "'mysql'", "sqlite:// or postgresql://"),
    "engine of later": ("[stores]\ntelemetry = 'clickhouse://x/y'\n", "'clickhouse'", "sqlite://"),
    "relative path": ("[stores]\nblobs = 'file://x/y'\n", "holds no absolute path", "file:///"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_what_a_bad_file_is_told(tmp_path: Path, case: str) -> None:
    text, what, remedy = BAD_FILES[case]
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path)
    assert what in caught.value.message
    assert str(path) in caught.value.message
    assert remedy in (caught.value.remedy or "")
    assert caught.value.exit_code == 2


BAD_ENVIRONMENTS = {
    "unknown key": ({"GENAIOPS_LISTEN_PROT": "1"}, "GENAIOPS_LISTEN_PROT", "Did you mean GENAIOPS_LISTEN_PORT?"),
    "text for a number": ({"GENAIOPS_PORT": "web"}, "listen.port is 'web' in GENAIOPS_PORT", "docs/"),
    "not a truth": ({"GENAIOPS_EMBEDDED_ENABLED": "maybe"}, "embedded.enabled is 'maybe'", "docs/"),
    "missing file": ({"GENAIOPS_CONFIG": "/no/such.toml"}, "/no/such.toml, which GENAIOPS_CONFIG names", "Check"),
}


@pytest.mark.parametrize("case", BAD_ENVIRONMENTS)
def test_what_a_bad_environment_is_told(tmp_path: Path, case: str) -> None:
    environ, what, remedy = BAD_ENVIRONMENTS[case]
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, None, **environ)
    assert what in caught.value.message
    assert remedy in (caught.value.remedy or "")


def test_a_missing_file_that_a_flag_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="which --config names"):
        config.read({}, {}, file=tmp_path / "no.toml")


def test_a_flag_out_of_range_names_the_flag(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"listen\.port is 70000 in --port"):
        read(tmp_path, {"listen.port": 70000})


def test_settings_travel_to_the_children(tmp_path: Path) -> None:
    given = settings.Settings(home="/x", only="gateway", listen=settings.Listen(names=("a",)))
    path = tmp_path / "settings.json"
    settings.save(given, path)
    assert settings.load(path) == given
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    documented = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    missing = sorted(set(config.all_keys()) - documented)
    assert not missing, f"docs/configuration.md has no row for {', '.join(missing)}"
    stale = sorted(key for key in documented if "." in key and key not in config.all_keys())
    assert not stale, f"docs/configuration.md describes {', '.join(stale)}, which is no setting"


def test_defaults_on_the_page_are_the_defaults() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    default: dict[str, Any] = msgspec.to_builtins(settings.Settings(home=""))
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        key = cells[1].strip("`") if len(cells) > 3 else ""
        if "." in key:
            section, _, name = key.partition(".")
            assert cells[2].strip("`") == msgspec.json.encode(default[section][name]).decode(), key
