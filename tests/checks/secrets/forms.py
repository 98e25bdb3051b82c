"""A secret of every kind, made when asked for, so that no scanner takes this repository for leaking."""

import base64
import hashlib
import json
import random
import string
import zlib
from typing import Final

_CHANCE: Final = random.Random(20)
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


def of(alphabet: str, size: int) -> str:
    return "".join(_CHANCE.choices(alphabet, k=size))


def mixed(size: int) -> str:
    """Base 62, with a letter first and a digit among them."""
    return "k" + of(_BASE62, size - 3) + "7Q"


def low(size: int) -> str:
    return of(string.ascii_lowercase + string.digits, size)


def high(size: int) -> str:
    return of(string.ascii_uppercase + string.digits, size)


def hexa(size: int) -> str:
    return of("0123456789abcdef", size)


def digits(size: int) -> str:
    return "4" + of(string.digits, size - 1)


def base64_of(size: int) -> str:
    """So many characters without padding."""
    return base64.b64encode(_CHANCE.randbytes(size)).decode()[:size]


def uuid() -> str:
    return "-".join(hexa(size) for size in (8, 4, 4, 4, 12))


def with_crc(prefix: str) -> str:
    body = mixed(30)
    number, told = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        told = _BASE62[digit] + told
    return prefix + body + told.rjust(6, "0")


def grafana() -> str:
    body = "glsa_" + mixed(32)
    return f"{body}_{zlib.crc32(body.encode()):08x}"


def base58_check(data: bytes) -> str:
    number = int.from_bytes(data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4], "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text


def _polymod(values: list[int]) -> int:
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]):
            state ^= generator if top >> bit & 1 else 0
    return state


def bech32(prefix: str) -> str:
    data = [_CHANCE.randrange(32) for _ in range(52)]
    expanded = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    told = _polymod(expanded + data + [0] * 6) ^ 1
    return prefix + "1" + "".join(_BECH32[each] for each in data + [told >> 5 * (5 - index) & 31 for index in range(6)])


def _segment(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt() -> str:
    return f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment({'sub': '1234567890', 'name': 'Ann'})}.{mixed(43)}"


def pem(label: str = "RSA PRIVATE KEY", lines: int = 14) -> str:
    body = "\n".join(base64_of(64) for _ in range(lines))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


SECRETS: Final[dict[str, list[str]]] = {
    "genaiops_key": ["gok_" + low(26) + "_" + mixed(43)],
    "anthropic_key": ["sk-ant-api03-" + mixed(93) + "AA", "sk-ant-oat01-" + mixed(93) + "AA"],
    "openai_key": [
        "sk-" + mixed(20) + "T3BlbkFJ" + mixed(20),
        "sk-proj-" + mixed(74) + "T3BlbkFJ" + mixed(74),
        "sk-proj-" + mixed(60),
    ],
    "openrouter_key": ["sk-or-v1-" + hexa(64)],
    "langfuse_key": ["sk-lf-" + uuid()],
    "sk_key": ["sk-" + hexa(32), "sk-" + mixed(22)],
    "huggingface_token": ["hf_" + mixed(34)],
    "replicate_token": ["r8_" + mixed(37)],
    "groq_key": ["gsk_" + mixed(52)],
    "xai_key": ["xai-" + mixed(80)],
    "perplexity_key": ["pplx-" + mixed(48)],
    "together_key": ["tgp_v1_" + mixed(43)],
    "fireworks_key": ["fw_" + mixed(24)],
    "nvidia_key": ["nvapi-" + mixed(64)],
    "cerebras_key": ["csk-" + low(48)],
    "elevenlabs_key": ["sk_" + hexa(48)],
    "jina_key": ["jina_" + hexa(32) + mixed(28)],
    "voyage_key": ["pa-" + mixed(43)],
    "tavily_key": ["tvly-dev-" + mixed(32)],
    "firecrawl_key": ["fc-" + hexa(32)],
    "apify_token": ["apify_api_" + mixed(36)],
    "pinecone_key": ["pcsk_" + mixed(6) + "_" + mixed(63)],
    "langsmith_key": ["lsv2_pt_" + hexa(32) + "_" + hexa(10)],
    "wandb_key": ["wandb_v1_" + mixed(77)],
    "runpod_key": ["rpa_" + high(40)],
    "aws_access_key_id": ["AKIA" + of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)],
    "aws_mws_token": ["amzn.mws." + uuid()],
    "aws_bedrock_api_key": ["ABSK" + mixed(128)],
    "aws_bedrock_short_term_key": ["bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t" + mixed(80)],
    "google_api_key": ["AIza" + mixed(35)],
    "google_oauth_client_secret": ["GOCSPX-" + mixed(28)],
    "google_oauth_access_token": ["ya29." + mixed(120)],
    "google_oauth_refresh_token": ["1//0" + mixed(70)],
    "azure_client_secret": [mixed(3) + "8Q~" + mixed(34)],
    "alibaba_access_key_id": ["LTAI" + mixed(20)],
    "tencent_secret_id": ["AKID" + mixed(32)],
    "yandex_api_key": ["AQVN" + mixed(36)],
    "yandex_iam_token": ["t1." + mixed(40) + "." + mixed(86)],
    "yandex_static_key": ["YCA" + mixed(37)],
    "digitalocean_token": ["dop_v1_" + hexa(64)],
    "cloudflare_token": ["cfut_" + mixed(48)],
    "cloudflare_origin_ca_key": ["v1.0-" + hexa(24) + "-" + hexa(146)],
    "heroku_api_key": ["HRKU-AA" + mixed(58)],
    "fly_token": ["fo1_" + mixed(43), "fm2_" + mixed(300)],
    "netlify_token": ["nfp_" + mixed(36)],
    "render_api_key": ["rnd_" + mixed(32)],
    "scalingo_token": ["tk-us-" + mixed(48)],
    "supabase_token": ["sbp_" + hexa(40)],
    "supabase_secret_key": ["sb_secret_" + mixed(31)],
    "planetscale_token": ["pscale_tkn_" + mixed(43)],
    "neon_api_key": ["napi_" + low(64)],
    "clickhouse_cloud_key": ["4b1d" + mixed(38)],
    "databricks_token": ["dapi" + hexa(32)],
    "vault_token": ["hvs." + mixed(95)],
    "terraform_token": [mixed(14) + ".atlasv1." + mixed(67)],
    "pulumi_token": ["pul-" + hexa(40)],
    "doppler_token": ["dp.pt." + mixed(43)],
    "openshift_token": ["sha256~" + mixed(43)],
    "harness_token": ["pat." + mixed(22) + "." + mixed(24) + "." + mixed(20)],
    "infracost_key": ["ico-" + mixed(32)],
    "prefect_key": ["pnu_" + mixed(36)],
    "defined_networking_key": ["dnkey-" + mixed(26) + "-" + mixed(52)],
    "tailscale_key": ["tskey-auth-" + mixed(17) + "-" + mixed(32)],
    "maxmind_key": [mixed(6) + "_" + mixed(29) + "_mmk"],
    "github_token": [with_crc("ghp_"), "ghs_" + mixed(36), "gho_" + mixed(76)],
    "github_fine_grained_token": ["github_pat_" + mixed(22) + "_" + mixed(59)],
    "gitlab_token": ["glpat-" + mixed(20), "glrt-t1_" + mixed(27) + ".01.1a2b3c4d5"],
    "gitlab_runner_registration": ["GR1348941" + mixed(20)],
    "bitbucket_app_password": ["ATBB" + mixed(24) + of("0123456789ABCDEF", 8)],
    "atlassian_token": ["ATATT3xFfGF0" + mixed(172) + "=" + of("0123456789ABCDEF", 8)],
    "npm_token": [with_crc("npm_"), "npm_" + mixed(36)],
    "pypi_token": ["pypi-AgEIcHlwaS5vcmc" + mixed(150)],
    "rubygems_key": ["rubygems_" + hexa(48)],
    "crates_token": ["cio" + mixed(32)],
    "nuget_key": ["oy2" + low(43)],
    "clojars_token": ["CLOJARS_" + low(60)],
    "packagist_token": ["packagist_ut_" + hexa(68)],
    "docker_token": ["dckr_pat_" + mixed(27)],
    "artifactory_key": ["AKCp" + mixed(69)],
    "artifactory_reference_token": ["cmVmdGtu" + mixed(56)],
    "sonar_token": ["squ_" + hexa(40)],
    "circleci_token": ["CCIPAT_" + mixed(22) + "_" + hexa(40)],
    "buildkite_token": ["bkua_" + hexa(40)],
    "octopus_key": ["API-" + high(26)],
    "sourcegraph_token": ["sgp_" + hexa(16) + "_" + hexa(40)],
    "postman_key": ["PMAK-" + hexa(24) + "-" + hexa(34)],
    "figma_token": ["figd_" + mixed(40)],
    "linear_key": ["lin_api_" + mixed(40)],
    "notion_token": ["ntn_" + digits(11) + mixed(35), "secret_" + mixed(43)],
    "airtable_token": ["pat" + mixed(14) + "." + hexa(64)],
    "asana_token": ["1/" + digits(16) + ":" + hexa(32)],
    "clickup_token": ["pk_" + digits(8) + "_" + high(32)],
    "contentful_token": ["CFPAT-" + mixed(43)],
    "readme_key": ["rdme_" + low(70)],
    "frameio_token": ["fio-u-" + mixed(64)],
    "typeform_token": ["tfp_" + mixed(59)],
    "onepassword_service_account": ["ops_eyJ" + mixed(300)],
    "onepassword_secret_key": ["A3-" + "-".join(high(size) for size in (6, 6, 5, 5, 5, 5))],
    "intra42_secret": ["s-s4t2ud-" + hexa(64)],
    "adobe_client_secret": ["p8e-" + mixed(32)],
    "authress_key": ["sc_" + mixed(20) + ".k3f9." + "acc-" + low(12) + "." + mixed(60)],
    "settlemint_token": ["sm_pat_" + mixed(16)],
    "grafana_service_account": [grafana(), "glsa_" + mixed(32) + "_" + hexa(8)],
    "grafana_cloud_token": ["glc_" + mixed(120)],
    "grafana_api_key": ["eyJrIjoi" + mixed(80) + "=="],
    "sentry_user_token": ["sntryu_" + hexa(64)],
    "sentry_organization_token": ["sntrys_eyJ" + mixed(120) + "==_" + mixed(43)],
    "new_relic_key": ["NRAK-" + high(27), "NRII-" + mixed(32), "NRJS-" + hexa(19)],
    "new_relic_license_key": ["eu01xx" + hexa(30) + "NRAL"],
    "dynatrace_token": ["dt0c01." + high(24) + "." + high(64)],
    "honeycomb_key": ["hcaik_" + low(58)],
    "launchdarkly_key": ["sdk-" + uuid()],
    "posthog_key": ["phx_" + mixed(43)],
    "elastic_token": ["essu_" + mixed(80) + "=="],
    "slack_token": ["xoxb-" + digits(12) + "-" + digits(12) + "-" + mixed(24), "xoxe.xoxp-1-" + mixed(166)],
    "slack_app_token": ["xapp-1-A0" + high(9) + "-" + digits(13) + "-" + hexa(64)],
    "slack_webhook": ["hooks.slack.com/services/T" + high(9) + "/B" + high(9) + "/" + mixed(24)],
    "discord_token": ["M" + mixed(25) + ".G" + mixed(5) + "." + mixed(38)],
    "discord_webhook": ["discord.com/api/webhooks/" + digits(18) + "/" + mixed(68)],
    "teams_webhook": [f".webhook.office.com/webhookb2/{uuid()}@{uuid()}/IncomingWebhook/{low(32)}/{uuid()}"],
    "telegram_token": [digits(10) + ":AA" + mixed(33)],
    "twilio_api_key": ["SK" + hexa(32)],
    "twilio_account_sid": ["AC" + hexa(32)],
    "sendgrid_key": ["SG." + mixed(22) + "." + mixed(43)],
    "mailgun_key": ["key-" + hexa(32), hexa(32) + "-" + hexa(8) + "-" + hexa(8)],
    "mailchimp_key": [hexa(32) + "-us21"],
    "brevo_key": ["xkeysib-" + hexa(64) + "-" + mixed(16)],
    "resend_key": ["re_" + mixed(8) + "_" + mixed(24)],
    "stripe_secret_key": ["sk_live_" + mixed(24), "rk_test_" + mixed(99)],
    "stripe_webhook_secret": ["whsec_" + mixed(32)],
    "square_token": ["EAAA" + "lw-" + mixed(57)],
    "square_secret": ["sq0csp-" + mixed(43)],
    "paypal_braintree_token": ["access_token$production$" + low(16) + "$" + hexa(32)],
    "shopify_token": ["shpat_" + hexa(32)],
    "plaid_token": ["access-sandbox-" + uuid()],
    "flutterwave_key": ["FLWSECK_TEST-" + hexa(32) + "-X"],
    "razorpay_key": ["rzp_live_" + mixed(14)],
    "paddle_key": ["pdl_live_apikey_" + low(26) + "_" + mixed(22) + "_" + mixed(3)],
    "lob_key": ["live_" + hexa(35)],
    "gocardless_token": ["sandbox_" + mixed(40)],
    "shippo_token": ["shippo_live_" + hexa(40)],
    "easypost_key": ["EZAK" + mixed(54)],
    "duffel_token": ["duffel_test_" + mixed(43)],
    "facebook_token": ["EAACEdEose0cBA" + mixed(150)],
    "facebook_app_token": [digits(15) + "|" + mixed(27)],
    "twitter_bearer_token": ["A" * 22 + mixed(90)],
    "twitter_access_token": [digits(18) + "-" + mixed(40)],
    "twitch_token": ["oauth:" + low(30)],
    "dropbox_token": ["sl." + mixed(135)],
    "hubspot_token": ["pat-na1-" + uuid()],
    "mapbox_token": ["sk.eyJ" + mixed(60) + "." + mixed(22)],
    "private_key": [
        pem(),
        pem("OPENSSH PRIVATE KEY", 40),
        pem("PRIVATE KEY").replace("\n", "\\n"),
        pem("PGP PRIVATE KEY BLOCK", 60),
    ],
    "age_secret_key": [bech32("age-secret-key-").upper(), "AGE-SECRET-KEY-1" + of(_BECH32, 58).upper()],
    "nostr_private_key": [bech32("nsec")],
    "bitcoin_extended_private_key": [base58_check(bytes.fromhex("0488ade4") + bytes(range(74)))],
    "bitcoin_private_key": [base58_check(b"\x80" + bytes(range(7, 39)))],
    "password_hash": ["$2b$12$" + mixed(53), "$6$saltsalt$" + mixed(86)],
    "json_web_token": [jwt()],
}
"""Those that their own form betrays."""

NAMED: Final[dict[str, list[tuple[str, str]]]] = {
    "aws_secret_access_key": [("aws_secret_access_key = {}", mixed(38) + "/+"), ('"SecretAccessKey": "{}"', mixed(40))],
    "aws_session_token": [("AWS_SESSION_TOKEN={}", mixed(356))],
    "google_service_account_key": [('"private_key_id": "{}",', hexa(40))],
    "azure_storage_key": [("AccountName=a;AccountKey={};EndpointSuffix=b", mixed(86) + "==")],
    "azure_shared_access_key": [("SharedAccessKeyName=all;SharedAccessKey={}", mixed(43) + "=")],
    "azure_shared_access_signature": [
        ("https://a.blob.core.windows.net/c?sv=2024-01-01&sig={}&se=1", mixed(43) + "%3D")
    ],
    "azure_app_configuration": [("Endpoint=https://a.azconfig.io;Id=ab-c1;Secret={}", mixed(43) + "=")],
    "gitlab_session": [("Cookie: _gitlab_session={}", hexa(32))],
    "npm_auth": [("//registry.example.org/:_authToken={}", uuid())],
    "putty_private_key": [("{}", "Private-Lines: 14\n" + "\n".join(base64_of(64) for _ in range(14)))],
    "wireguard_private_key": [("PrivateKey = {}", mixed(42) + "A=")],
    "kubernetes_client_key": [("client-key-data: {}", mixed(800))],
    "basic_authorization": [("Authorization: Basic {}", base64.b64encode(b"ann:open sesame").decode())],
    "bearer_token": [("Authorization: Bearer {}", mixed(40))],
    "docker_credential": [('{{"auth": "{}"}}', base64.b64encode(b"ann:opensesame").decode())],
    "connection_string": [
        ("postgresql+psycopg://app:{}@db.internal:5432/app", "s3cr-Et!"),
        ("mongodb+srv://ann:{}@cluster0.abcde.mongodb.net/x", "Quiet4Sea"),
        ("redis://:{}@cache:6379/0", "p4ssw0rdy"),
    ],
    "url_password": [("git clone https://ann:{}@git.example.org/a.git", "Tr0ub4dor")],
    "curl_user": [("curl -s -u {} https://example.org", "ann:sesame77")],
    "nuget_password": [('<add key="ClearTextPassword" value="{}" />', "33f!!lloppa")],
    "password": [
        ("password = '{}'", "Tr0ub4dor&3"),
        ('"db_password": "{}"', "hunter42!"),
        ("PASSWORD={}", "x9!kTq2z"),
        ("Password={};Server=x", "x9!kTq2z"),
        ("contraseña: {}", "luna44verde"),
    ],
    "password_said": [("My password is {}, please help.", "Quiet4Sea!"), ("das Passwort ist: {}", "Blau2Himmel")],
    "secret_value": [
        ("client_secret: {}", mixed(32)),
        ("API_KEY={}", hexa(32)),
        ('x = {{"token": "{}"}}', mixed(24)),
        ("datadog = '{}'", hexa(40)),
        ("MISTRAL: {}", mixed(32)),
        (r'{{"body": "{{\"api_key\": \"{}\"}}"}}', hexa(40)),
        ("deploy --service-token {} --force", hexa(40)),
        ("My weather api key is {}, but", mixed(32)),
        ("Authorization: token {}", hexa(40)),
        ("<apiKey>{}</apiKey>", mixed(30)),
    ],
}
"""Those that are told by what stands around them."""
