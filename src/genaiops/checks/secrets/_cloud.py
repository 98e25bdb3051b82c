"""Keys of clouds, their databases and platforms."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._shape import key, named

_UUID: Final = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_AWS: Final = "docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"
_AZURE: Final = "learn.microsoft.com/purview/sit-defn-all-creds"
_GOOGLE: Final = "docs.cloud.google.com/docs/authentication/api-keys"
_GITLEAKS: Final = "github.com/gitleaks/gitleaks config/gitleaks.toml"

PATTERNS: Final[tuple[Pattern, ...]] = (
    key("aws_access_key_id", "AWS access key ID", r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}", _AWS),
    named(
        "aws_secret_access_key",
        "AWS secret access key",
        r"aws[\w. -]{0,20}secret[\w. -]{0,20}|secret_?access_?key|aws_?(?:secret|sec)?_?(?:access)?_?key|aws_?secret",
        r"[A-Za-z0-9/+]{40}",
        _AWS,
        right="A-Za-z0-9/+=",
    ),
    named("aws_session_token", "AWS session token", r"aws_?session_?token", r"[A-Za-z0-9/+]{100,1000}={0,2}", _AWS),
    key("aws_mws_token", "Amazon MWS token", rf"amzn\.mws\.{_UUID}", _AWS),
    key("aws_bedrock_api_key", "Amazon Bedrock API key", r"ABSK[A-Za-z0-9+/]{109,269}={0,2}", _GITLEAKS),
    key(
        "aws_bedrock_short_term_key",
        "Amazon Bedrock short-term API key",
        r"bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/=]{0,1000}",
        "docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
    ),
    key("google_api_key", "Google API key", r"AIza[\w-]{35}", _GOOGLE),
    key("google_oauth_client_secret", "Google OAuth client secret", r"GOCSPX-[\w-]{28}", _GOOGLE),
    key("google_oauth_access_token", "Google OAuth access token", r"ya29\.[\w-]{20,500}", _GOOGLE, left=r"\w."),
    key("google_oauth_refresh_token", "Google OAuth refresh token", r"1//0[\w-]{40,120}", _GOOGLE, left=r"\w/."),
    key(
        "google_service_account_key",
        "Google service account key",
        r"""\\?["']private_key_id\\?["']\s{0,4}:\s{0,4}\\?["']([0-9a-f]{40})""",
        "docs.cloud.google.com/iam/docs/keys-create-delete",
        group=1,
        left="",
    ),
    named("azure_storage_key", "Azure storage account key", r"account_?key", r"[A-Za-z0-9+/]{86}==", _AZURE),
    named(
        "azure_shared_access_key",
        "Azure shared access key",
        r"(?:shared_?access_?|primary_?|secondary_?)key",
        r"[A-Za-z0-9+/]{43}=",
        _AZURE,
    ),
    key(
        "azure_shared_access_signature",
        "Azure shared access signature",
        r"[?&]sig=((?:[A-Za-z0-9/+]|%2[bBfF]){43,60}(?:%3[dD]|=){1,2})",
        _AZURE,
        group=1,
        left="",
    ),
    key(
        "azure_app_configuration",
        "Azure App Configuration connection string",
        r"Endpoint=https://[A-Za-z0-9-]{1,63}\.azconfig\.io;Id=[^;\s]{4,64};Secret=([A-Za-z0-9+/=]{40,90})",
        _AZURE,
        group=1,
    ),
    key(
        "azure_client_secret",
        "Microsoft Entra client secret",
        r"\b[\w~.]{3}[0-9]Q~[\w~.-]{31,34}",
        _AZURE,
        left=r"\w~.",
        right=r"\w~.-",
    ),
    key("alibaba_access_key_id", "Alibaba Cloud AccessKey ID", r"LTAI[A-Za-z0-9]{12,26}", _GITLEAKS),
    key(
        "tencent_secret_id", "Tencent Cloud SecretId", r"AKID[A-Za-z0-9]{32}", "cloud.tencent.com/document/product/598"
    ),
    key("yandex_api_key", "Yandex Cloud API key", r"AQVN[\w-]{35,38}", _GITLEAKS),
    key("yandex_iam_token", "Yandex Cloud IAM token", r"t1\.[\w-]{1,300}={0,2}\.[\w-]{86}={0,2}", _GITLEAKS),
    key("yandex_static_key", "Yandex Cloud static access key", r"YC[AO][\w-]{37}", _GITLEAKS),
    key(
        "digitalocean_token",
        "DigitalOcean token",
        r"do[opr]_v1_[a-f0-9]{64}",
        "docs.digitalocean.com/reference/api/create-personal-access-token",
        left="",
    ),
    key(
        "cloudflare_token",
        "Cloudflare API token or key",
        r"cf(?:k|ut|at)_[A-Za-z0-9]{40}[A-Za-z0-9]{4,12}",
        "developers.cloudflare.com/fundamentals/api/get-started/token-formats",
    ),
    key("cloudflare_origin_ca_key", "Cloudflare Origin CA key", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}", _GITLEAKS),
    key("heroku_api_key", "Heroku API key", r"HRKU-[\w-]{36,62}", "devcenter.heroku.com/articles/authentication"),
    key(
        "fly_token",
        "Fly.io access token",
        r"fo1_[\w-]{43}|fm[12][ar]?_[A-Za-z0-9+/_-]{100,900}={0,3}",
        "fly.io/docs/security/tokens",
    ),
    key("netlify_token", "Netlify token", r"nf[pcoub]_[A-Za-z0-9]{36}", "docs.netlify.com/api/get-started"),
    key("render_api_key", "Render API key", r"rnd_[A-Za-z0-9]{28,36}", "render.com/docs/api"),
    key("scalingo_token", "Scalingo token", r"tk-us-[\w-]{48}", _GITLEAKS),
    key("supabase_token", "Supabase token", r"sbp_(?:oauth_|v0_)?[\w-]{40}", "supabase.com/docs/reference/api"),
    key(
        "supabase_secret_key",
        "Supabase secret key",
        r"sb_secret_[\w-]{22,40}",
        "supabase.com/docs/guides/api/api-keys",
    ),
    key(
        "planetscale_token",
        "PlanetScale token or password",
        r"pscale_(?:tkn|pw|oauth|api)_[\w=.-]{32,64}",
        "planetscale.com/docs/api/reference/service-tokens",
    ),
    key("neon_api_key", "Neon API key", r"napi_[a-z0-9]{64}", "neon.com/docs/manage/api-keys"),
    key("clickhouse_cloud_key", "ClickHouse Cloud secret key", r"4b1d[A-Za-z0-9]{38}", _GITLEAKS),
    key(
        "databricks_token",
        "Databricks token",
        r"(?:dapi|dkea|dose|ddbk)[a-f0-9]{32}(?:-[0-9])?",
        "docs.databricks.com/dev-tools/auth/pat",
    ),
    key(
        "vault_token",
        "HashiCorp Vault token",
        r"hv[sbr]\.[\w-]{24,300}|\bs\.[A-Za-z0-9]{24}",
        "developer.hashicorp.com/vault/docs/concepts/tokens",
    ),
    key(
        "terraform_token",
        "HCP Terraform API token",
        r"(?:\b[A-Za-z0-9]{14})?\.atlasv1\.[\w=-]{60,70}",
        "developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",
    ),
    key("pulumi_token", "Pulumi access token", r"pul-[a-f0-9]{40}", "pulumi.com/docs/pulumi-cloud/access-management"),
    key(
        "doppler_token",
        "Doppler token",
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,90}",
        "docs.doppler.com/docs/enclave-tokens",
    ),
    key("openshift_token", "OpenShift user token", r"sha256~[\w-]{43}", _GITLEAKS),
    key("harness_token", "Harness token", r"[ps]at\.[\w-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}", _GITLEAKS),
    key("infracost_key", "Infracost API key", r"ico-[A-Za-z0-9]{32}", _GITLEAKS),
    key("prefect_key", "Prefect API key", r"pn[ub]_[A-Za-z0-9]{36}", "docs.prefect.io"),
    key(
        "defined_networking_key",
        "Defined Networking key",
        r"dnkey-[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}",
        _GITLEAKS,
    ),
    key(
        "tailscale_key",
        "Tailscale key",
        r"tskey-(?:[a-z]{2,10}-)?[A-Za-z0-9]{6,24}-[A-Za-z0-9]{10,48}",
        "tailscale.com/kb/1085/auth-keys",
    ),
    key("maxmind_key", "MaxMind license key", r"\b[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk", _GITLEAKS),
)
