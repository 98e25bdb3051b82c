"""Credentials in their usual places: tokens, headers, addresses, and whatever is called a password."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import chosen, json_header, opaque, prefixed, said, stands_in, user_and_password
from genaiops.checks.secrets._shape import ASSIGNED, SAID, key, named

SERVICES: Final = (
    "abuseipdb|adafruit|adobe|airtable|algolia|alibaba|amplitude|anthropic|apollo|artifactory|asana|assemblyai|"
    "atlassian|auth0|azure|beamer|bintray|bitbucket|bitly|bitrise|bittrex|bitwarden|box|brave|browserstack|bugsnag|"
    "capella|cartesia|cerebras|civo|claude|clerk|cloudant|cloudflare|cloudinary|co_api|codecov|cohere|coinbase|"
    "confluence|confluent|consul|contentful|couchbase|coveralls|data[_-]?gov|databento|datadog|dd_api|dd_app|"
    "deepgram|deepseek|devin|discord|disqus|doppler|drone(?:ci)?|dropbox|ebay|elastic|endor|etsy|facebook|"
    "fal[_-]?ai|fastly|finicity|finnhub|fireworks|flickr|fly|freshbooks|freshdesk|fullstory|gemini|gitea|github|"
    "gitlab|gitter|gocardless|greptile|groq|gumroad|hcp|heroku|hetzner|honeycomb|hubspot|hunter|ibm|influx(?:db)?|"
    "infomaniak|instagram|instantly|intercom|jenkins|jfrog|jira|jumpcloud|kagi|kimi|klaviyo|kraken|kucoin|langfuse|"
    "langsmith|lark|launchdarkly|linear|linked[_-]?in|linode|llama|lob|looker|mailchimp|mailersend|mailgun|mailjet|"
    "mandrill|mapbox|mattermost|mem0|meraki|message[_-]?bird|midtrans|minimax|miro|mistral|monday|moonshot|mux|neon|"
    "netlify|new[ _-]?york[ _-]?times|new[_-]?relic|ngrok|nvidia|nylas|nytimes|okta|ollama|onesignal|onfido|openai|"
    "openweather|opsgenie|ovh|pagerduty|paypal|perplexity|pinecone|pinterest|pipedrive|plaid|planetscale|plivo|"
    "polymarket|postmark|private[_-]?ai|railway|rapidapi|razorpay|redis|render|replicate|resend|retell|rollbar|"
    "runpod|salesforce|scaleway|scalr|segment|sendbird|sendgrid|sentry|shodan|slack|snowflake|snyk|softlayer|"
    "sonar(?:qube)?|splunk|square(?:space)?|sslmate|stability|sumo(?:logic)?|supabase|tableau|tailscale|telegr|"
    "telegram|telnyx|temporal|together|travis|trello|twilio|twitch|twitter|typeform|upstash|vercel|virustotal|"
    "voyage|vultr|wakatime|wandb|weatherstack|weights|wiz|workos|xendit|yandex|z[._-]?ai|zapier|zendesk|zoho|zoom"
)
_KEYS: Final = (
    "api access account app auth client consumer encryption license master private secret service signing subscription "
    "write"
)
_OWN: Final = (
    rf"(?:{'|'.join(_KEYS.split())})[ _.-]?key|secret|token|credentials?|creds|authorization|auth|pat|jwt|[ _.-]key|"
    "[a-z]key"
)
_ENDING: Final = (
    r"(?:[_. -]?(?:id|value|string|text|base|key|secret|token|hash|prod|dev|staging|live|test|v?[0-9]{1,2}))?"
)
_CALLED: Final = r"pass(?:word|wd|phrase|code|wort|wrd)?|pwd|mot[ _]de[ _]passe|contrase(?:n|\xf1)a|senha|kennwort"
_VALUE: Final = r"[A-Za-z0-9_.~+/=:%|$!-]"
_OPEN: Final = r"[^\s\"'\x60,;<>(){}\[\]\\]"
_SCHEMES: Final = (
    "postgres(?:ql)?|mysql|mariadb|mssql|sqlserver|oracle|mongodb|redis|rediss|valkey|amqps?|kafka|nats|mqtts?|"
    "clickhouse|cockroachdb|cassandra|neo4j|bolt|elasticsearch|ldaps?|smtps?|imaps?|s?ftps?|ssh|socks5h?|influxdb|couchbase"
)


def _in_address(value: str) -> bool:
    return len(value) >= 3 and not stands_in(value) and not set(value) & set("${}<>*") and value.lower() not in _WORDS


_WORDS: Final = frozenset(["pass", "password", "passwd", "pwd", "secret", "user", "x", "xxx", "token", "changeme"])


def _userinfo(scheme: str) -> str:
    return rf"\b(?i:{scheme})(?:\+\w{{1,16}})?://[^\s/:@\"'<>]{{0,64}}:([^\s/@\"'<>]{{3,128}})@[\w.\[-]"


PATTERNS: Final[tuple[Pattern, ...]] = (
    key(
        "json_web_token",
        "JSON Web Token",
        r"eyJ[\w-]{14,1000}\.eyJ[\w-]{14,1000}(?:[\w-]{1000})?(?:\.[\w-]{10,700}|\.)",
        "RFC 7519",
        valid=json_header,
    ),
    key(
        "json_web_token",
        "JSON Web Token",
        r"ey[\w-]{17,1000}\.ey[\w\\/-]{17,1000}\.(?:[\w\\/-]{10,1000}={0,2})?",
        "RFC 7519",
    ),
    key(
        "basic_authorization",
        "Basic authorization",
        r"(?i:\bbasic)[ \t]{1,4}([A-Za-z0-9+/_-]{6,200}={0,2})",
        "RFC 7617",
        valid=user_and_password,
        group=1,
    ),
    key(
        "bearer_token",
        "Bearer token",
        r"(?i:\bbearer)[ \t]{1,4}([\w.~+/=:-]{16,1000})",
        "RFC 6750",
        valid=opaque,
        group=1,
    ),
    key(
        "docker_credential",
        "Credential in a Docker configuration",
        r"""\\?"(?:auth|identitytoken)\\?"\s{0,8}:\s{0,8}\\?"([A-Za-z0-9+/_-]{8,400}={0,2})""",
        "docs.docker.com/reference/cli/docker/login",
        valid=user_and_password,
        group=1,
        left="",
    ),
    key(
        "connection_string",
        "Connection string with a password",
        _userinfo(_SCHEMES),
        "RFC 3986, section 3.2.1",
        valid=_in_address,
        group=1,
        left="",
        right="",
    ),
    key(
        "url_password",
        "Password in a URL",
        _userinfo("https?|wss?|git"),
        "RFC 3986, section 3.2.1",
        valid=_in_address,
        group=1,
        left="",
        right="",
    ),
    key(
        "curl_user",
        "User and password of curl",
        r"\s(?:-u|--user)(?:=|\s{1,4})[\"']?([^\s\"':]{1,64}:[^\s\"'$]{3,64})",
        "curl.se/docs/manpage.html",
        valid=lambda value: _in_address(value.partition(":")[2]) and not value.isdecimal(),
        group=1,
        left="",
        right="",
    ),
    key(
        "nuget_password",
        "Password in a NuGet configuration",
        r'''<add key="(?i:cleartext)?(?i:password)"\s{1,20}value="([^"\s]{6,128})"''',
        "learn.microsoft.com/nuget/reference/nuget-config-file",
        valid=_in_address,
        group=1,
        left="",
    ),
    named(
        "password",
        "Password",
        rf"(?:{_CALLED}){_ENDING}",
        rf"{_OPEN}{{6,128}}",
        "an entropy test of ours",
        valid=chosen,
        right="",
    ),
    key(
        "password_said",
        "Password in a sentence",
        rf"(?i:\b(?:{_CALLED})(?: for [\w .@-]{{1,40}})? (?:is|was|ist|es|est)):? [\"'\x60]?({_OPEN}{{6,64}})",
        "an entropy test of ours",
        valid=said,
        group=1,
        left="",
        right="",
    ),
    named(
        "secret_value",
        "Value that is called a secret",
        rf"(?:{_OWN}){_ENDING}|(?:{SERVICES})[\w \t.-]{{0,20}}",
        rf"{_VALUE}{{10,400}}",
        "an entropy test of ours",
        valid=opaque,
        between=f"{ASSIGNED}|{SAID}",
    ),
    key(
        "prefixed_key",
        "Key by its looks, of no service that is known",
        r"\b[a-z][a-z0-9]{1,11}[_-][\w-]{24,160}",
        "an entropy test of ours",
        valid=prefixed,
        left=r"\w./+=-",
    ),
)
