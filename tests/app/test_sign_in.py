"""The section `oidc` and `listen.trusted_proxies`: what is wrong is said with its key and what to do."""

import pytest

from genaiops.app import config
from genaiops.core.errors import ConfigError

ISSUER = {"GENAIOPS_OIDC_ISSUER": "https://login.example.org/realms/main", "GENAIOPS_OIDC_CLIENT_ID": "genaiops"}


@pytest.mark.parametrize(
    ("variables", "param"),
    [
        ({"GENAIOPS_OIDC_CLIENT_ID": "genaiops"}, "oidc.issuer"),
        ({**ISSUER, "GENAIOPS_OIDC_ISSUER": "http://login.example.org"}, "oidc.issuer"),
        ({**ISSUER, "GENAIOPS_OIDC_ISSUER": "login.example.org"}, "oidc.issuer"),
        ({**ISSUER, "GENAIOPS_OIDC_CLIENT_ID": ""}, "oidc.client_id"),
        ({**ISSUER, "GENAIOPS_OIDC_SCOPES": "profile"}, "oidc.scopes"),
        ({**ISSUER, "GENAIOPS_OIDC_GROUPS_CLAIM": ""}, "oidc.groups_claim"),
        ({"GENAIOPS_LISTEN_TRUSTED_PROXIES": "10.0.0.0/8,proxy"}, "listen.trusted_proxies"),
        ({"GENAIOPS_LISTEN_TRUSTED_PROXIES": "10.0.0.1/8"}, "listen.trusted_proxies"),
    ],
)
def test_what_is_wrong_is_named(variables: dict[str, str], param: str) -> None:
    with pytest.raises(ConfigError) as found:
        config.read({}, {"HOME": "/nowhere", **variables})
    assert found.value.param == param
    assert found.value.remedy


def test_a_provider_on_this_machine_needs_no_tls() -> None:
    variables = {"HOME": "/nowhere", **ISSUER, "GENAIOPS_OIDC_ISSUER": "http://localhost:8080/realms/x"}
    settings = config.read({}, variables).settings
    assert settings.oidc.issuer == "http://localhost:8080/realms/x"
