"""Keys of what software is built, kept and watched with: forges, registries, builds, observability."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import crc32_base62, crc32_hex, varied
from genaiops.checks.secrets._shape import key

_GITHUB: Final = "github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats"
_GITLAB: Final = "docs.gitlab.com/security/tokens"
_GITLEAKS: Final = "github.com/gitleaks/gitleaks config/gitleaks.toml"
_GRAFANA: Final = "grafana.com/docs/grafana/latest/administration/service-accounts"
_NEW_RELIC: Final = "docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys"

PATTERNS: Final[tuple[Pattern, ...]] = (
    key("github_token", "GitHub token", r"gh[pousr]_[A-Za-z0-9]{36}", _GITHUB, valid=crc32_base62),
    key("github_token", "GitHub token", r"gh[pousr]_[A-Za-z0-9]{36,255}", _GITHUB),
    key("github_fine_grained_token", "GitHub fine-grained token", r"github_pat_\w{82}", _GITHUB, left=""),
    key(
        "gitlab_token",
        "GitLab token",
        r"gl(?:pat|oas|dt|rt|ptt|ft|imt|agent|soat|ffct|cbt|rtr|wt)-[\w.-]{20,320}",
        _GITLAB,
    ),
    key("gitlab_runner_registration", "GitLab runner registration token", r"GR1348941[\w-]{20,50}", _GITLAB),
    key("gitlab_session", "GitLab session", r"_gitlab_session=([0-9a-z]{32})", _GITLEAKS, group=1, left=""),
    key(
        "bitbucket_app_password",
        "Bitbucket app password",
        r"ATBB[A-Za-z0-9]{24}[A-F0-9]{8}",
        "support.atlassian.com/bitbucket-cloud",
    ),
    key("atlassian_token", "Atlassian token", r"AT[AC]TT3[\w=-]{60,300}", "support.atlassian.com/atlassian-account"),
    key(
        "npm_token",
        "npm token",
        r"npm_[A-Za-z0-9]{36}",
        "github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format",
        valid=crc32_base62,
    ),
    key("npm_token", "npm token", r"npm_[A-Za-z0-9]{36}", "docs of npm, about access tokens"),
    key(
        "npm_auth",
        "npm registry credential",
        r":_(?:authToken|auth|password)\s{0,2}=\s{0,2}['\"]?([A-Za-z0-9+/=_-]{16,200})",
        "docs of npm, npmrc",
        group=1,
        left="",
    ),
    key(
        "pypi_token",
        "PyPI token",
        r"pypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZw)[\w-]{50,1000}",
        "docs of the Python Package Index, API tokens",
        left="",
    ),
    key("rubygems_key", "RubyGems API key", r"rubygems_[a-f0-9]{48}", "guides.rubygems.org/api-key-scopes", left=""),
    key("crates_token", "crates.io token", r"cio[A-Za-z0-9]{32}", "github.com/rust-lang/crates.io"),
    key("nuget_key", "NuGet API key", r"oy2[a-z0-9]{43}", "learn.microsoft.com/nuget/nuget-org/scoped-api-keys"),
    key("clojars_token", "Clojars token", r"(?i:clojars)_[A-Za-z0-9]{60}", _GITLEAKS),
    key("packagist_token", "Packagist token", r"packagist_[a-z]{2,3}_[a-f0-9]{64,90}", "packagist.com/docs"),
    key(
        "docker_token",
        "Docker token",
        r"dckr_(?:pat|oat)_[\w-]{27,36}",
        "docs.docker.com/security/access-tokens",
        left="",
    ),
    key(
        "artifactory_key",
        "Artifactory API key",
        r"AKC[A-Za-z0-9]{10,80}",
        "docs.jfrog.com",
        valid=lambda value: varied(value) and any(map(str.isdigit, value)),
    ),
    key("artifactory_reference_token", "Artifactory reference token", r"cmVmd[A-Za-z0-9]{59}", _GITLEAKS),
    key(
        "sonar_token",
        "SonarQube token",
        r"sq[upa]_[a-f0-9]{40}",
        "docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens",
    ),
    key(
        "circleci_token",
        "CircleCI token",
        r"CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[a-z0-9]{40}",
        "circleci.com/docs/managing-api-tokens",
    ),
    key(
        "buildkite_token",
        "Buildkite token",
        r"bk(?:ua|at|ct|st|aj)_[a-z0-9]{40,64}",
        "buildkite.com/docs/apis/managing-api-tokens",
    ),
    key("octopus_key", "Octopus Deploy API key", r"API-[A-Z0-9]{25,32}", _GITLEAKS),
    key(
        "sourcegraph_token",
        "Sourcegraph token",
        r"sgp_(?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40}",
        "sourcegraph.com/docs/cli/how-tos/creating-an-access-token",
    ),
    key(
        "postman_key",
        "Postman API key",
        r"PMAK-[A-Fa-f0-9]{24}-[A-Fa-f0-9]{34}",
        "learning.postman.com/docs/developer/postman-api/authentication",
    ),
    key("figma_token", "Figma token", r"fig[dour]h?_[\w-]{38,60}", "developers.figma.com/docs/rest-api/authentication"),
    key("linear_key", "Linear key", r"lin_(?:api_[A-Za-z0-9]{40}|oauth_[a-f0-9]{64})", "linear.app/developers"),
    key("notion_token", "Notion token", r"ntn_[A-Za-z0-9]{40,50}|secret_[A-Za-z0-9]{43}", "developers.notion.com"),
    key(
        "airtable_token",
        "Airtable token",
        r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}",
        "airtable.com/developers/web/guides/personal-access-tokens",
    ),
    key(
        "asana_token",
        "Asana token",
        r"\b[012]/[0-9]{16}(?:/[0-9]{16})?:[a-f0-9]{32}",
        "developers.asana.com/docs/personal-access-token",
    ),
    key(
        "clickup_token", "ClickUp token", r"pk_[0-9]{5,10}_[A-Za-z0-9]{32}", "developer.clickup.com/docs/authentication"
    ),
    key(
        "contentful_token",
        "Contentful management token",
        r"CFPAT-[\w-]{43}",
        "contentful.com/developers/docs/references/authentication",
    ),
    key("readme_key", "ReadMe API key", r"rdme_[a-z0-9]{70}", _GITLEAKS),
    key("frameio_token", "Frame.io token", r"fio-u-[\w=-]{64}", _GITLEAKS),
    key(
        "typeform_token",
        "Typeform token",
        r"tfp_[\w.=-]{40,60}",
        "typeform.com/developers/get-started/personal-access-token",
    ),
    key(
        "onepassword_service_account",
        "1Password service account token",
        r"ops_eyJ[A-Za-z0-9+/_-]{240,1000}={0,3}",
        "developer.1password.com/docs/service-accounts",
    ),
    key(
        "onepassword_secret_key",
        "1Password secret key",
        r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
        "support.1password.com/secret-key-security",
    ),
    key("intra42_secret", "42 intra client secret", r"s-s4t2(?:ud|af)-[a-f0-9]{64}", _GITLEAKS),
    key("adobe_client_secret", "Adobe client secret", r"p8e[-_][A-Za-z0-9_-]{32}", _GITLEAKS),
    key(
        "authress_key",
        "Authress access key",
        r"(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}",
        _GITLEAKS,
    ),
    key("settlemint_token", "SettleMint token", r"sm_[aps]at_[A-Za-z0-9]{16}", _GITLEAKS),
    key(
        "grafana_service_account",
        "Grafana service account token",
        r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}",
        _GRAFANA,
        valid=crc32_hex,
    ),
    key("grafana_service_account", "Grafana service account token", r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}", _GRAFANA),
    key("grafana_cloud_token", "Grafana Cloud token", r"glc_[A-Za-z0-9+/]{32,400}={0,3}", _GRAFANA),
    key("grafana_api_key", "Grafana API key", r"eyJrIjoi[A-Za-z0-9+/]{60,400}={0,3}", _GRAFANA),
    key("sentry_user_token", "Sentry user token", r"sntryu_[a-f0-9]{64}", "docs.sentry.io/account/auth-tokens"),
    key(
        "sentry_organization_token",
        "Sentry organization token",
        r"sntrys_eyJ[A-Za-z0-9+/]{40,600}={0,2}_[A-Za-z0-9+/]{43}",
        "docs.sentry.io/account/auth-tokens",
    ),
    key(
        "new_relic_key",
        "New Relic key",
        r"NR(?:AK|AL|RA|SP)-[A-Za-z0-9]{27}|NRJS-[a-f0-9]{19}|NRAA-[a-f0-9]{27}|NRII-[A-Za-z0-9_-]{32}",
        _NEW_RELIC,
    ),
    key(
        "new_relic_license_key",
        "New Relic license key",
        r"\b(?:(?:eu|us|gov)[0-9]{2}xx)?[a-f0-9]{30,36}(?:FFFF)?NRAL",
        _NEW_RELIC,
    ),
    key(
        "dynatrace_token",
        "Dynatrace token",
        r"dt0[a-z][0-9]{2}\.[A-Za-z0-9]{8,24}\.[A-Za-z0-9]{64}",
        "docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients",
    ),
    key("honeycomb_key", "Honeycomb key", r"hc[abxmi][a-z]{1,2}_[a-z0-9]{58}", "docs.honeycomb.io"),
    key(
        "launchdarkly_key",
        "LaunchDarkly key",
        r"(?:sdk|api|mob)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "launchdarkly.com/docs",
    ),
    key("posthog_key", "PostHog personal API key", r"phx_[\w-]{40,60}", "posthog.com/docs/api"),
    key("elastic_token", "Elastic API key", r"essu_[A-Za-z0-9+/=_-]{60,140}", "elastic.co/docs/deploy-manage/api-keys"),
)
