"""The settings of traces that come in and go out, where their texts have a form of their own."""

from collections.abc import Mapping, Sequence

from genaiops.core.errors import ConfigError


def read_shares(given: Sequence[str]) -> Mapping[str, float]:
    """Of `ingest.sample`: `prod=0.1` of an environment, `key:KEY_ID=0.5` of a key. ConfigError when it is no share."""
    found: dict[str, float] = {}
    for entry in given:
        name, _, text = entry.rpartition("=")
        try:
            share = float(text)
        except ValueError:
            share = -1.0
        if not name or not 0 <= share <= 1:
            raise ConfigError(
                f"ingest.sample holds {entry!r}, which is no share.",
                remedy="Write ENVIRONMENT=0.1 or key:KEY_ID=0.1, with a share from 0 to 1.",
                param="ingest.sample",
            )
        found[name] = share
    return found


def check_export(otlp: str, headers: Sequence[str]) -> None:
    """ConfigError when stored spans cannot be passed on like that."""
    if otlp and not otlp.startswith(("http://", "https://")):
        raise ConfigError(
            f"export.otlp is {otlp!r}, which is no address of OTLP/HTTP.",
            remedy="Write http://HOST:4318/v1/traces.",
            param="export.otlp",
        )
    for header in headers:
        name, sign, _ = header.partition("=")
        if not name.strip() or not sign:
            raise ConfigError(
                "export.headers holds a header without a value.",
                remedy="Write NAME=VALUE, or NAME=secret:NAME for a secret.",
                param="export.headers",
            )
