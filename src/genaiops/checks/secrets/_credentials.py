"""Credentials in their usual places: tokens, headers, addresses, and whatever is called a password."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import chosen, json_header, opaque, said, stands_in, user_and_password
from genaiops.checks.secrets._shape import key, named

_SERVICES: Final = (
    "adafruit|adobe|airtable|algolia|alibaba|amplitude|artifactory|asana|atlassian|auth0|azure|beamer|bintray|"
    "bitbucket|bittrex|bugsnag|cloudflare|cloudinary|codecov|cohere|co_api|coinbase|confluence|confluent|consul|contentful|"
    "datadog|dd_api|dd_app|deepgram|deepseek|discord|drone(?:ci)?|dropbox|etsy|facebook|fastly|finicity|finnhub|flickr|"
    "freshbooks|freshdesk|gemini|gitter|github|gitlab|gocardless|hetzner|heroku|hubspot|intercom|instagram|jenkins|"
    "jfrog|jira|kraken|kucoin|launchdarkly|linear|linked[_-]?in|linode|lob|looker|mailchimp|mailgun|mailjet|mandrill|"
    "mapbox|mattermost|meraki|message[_-]?bird|mistral|netlify|new[_-]?relic|nytimes|new[ _-]?york[ _-]?times|okta|openai|opsgenie|pagerduty|"
    "paypal|pipedrive|plaid|postmark|private[_-]?ai|rapidapi|rollbar|salesforce|sendbird|sendgrid|sentry|shodan|slack|"
    "snyk|sonar(?:qube)?|splunk|square(?:space)?|sumo(?:logic)?|telegram|telegr|travis|trello|twilio|twitch|twitter|"
    "typeform|virustotal|vultr|wakatime|wandb|weatherstack|yandex|zapier|zendesk|zoom"
)
_OWN: Final = (
    r"api[_.-]?key|access[_.-]?key|account[_.-]?key|app[_.-]?key|auth[_.-]?key|client[_.-]?key|consumer[_.-]?key|"
    r"encryption[_.-]?key|license[_.-]?key|master[_.-]?key|private[_.-]?key|secret[_.-]?key|service[_.-]?key|"
    r"signing[_.-]?key|subscription[_.-]?key|write[_.-]?key|secret|token|credentials?|creds|authorization|"
    r"auth|_key|[a-z]key"
)
_ENDING: Final = (
    r"(?:[_.-]?(?:id|value|string|text|base|key|secret|token|hash|prod|dev|staging|live|test|v?[0-9]{1,2}))?"
)
_CALLED: Final = r"pass(?:word|wd|phrase|code|wort|wrd)?|pwd|mot[ _]de[ _]passe|contrase(?:n|\xf1)a|senha|kennwort"
_VALUE: Final = r"[A-Za-z0-9_.~+/=-]"
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
        r"(?i:\b(?:bearer|token))[ \t]{1,4}([\w.~+/-]{16,1000}={0,2})",
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
        r"\bcurl\b[^\n]{0,300}?\s(?:-u|--user)(?:=|\s{0,4})[\"']?([^\s\"':]{1,64}:[^\s\"'$]{3,64})",
        "curl.se/docs/manpage.html",
        valid=lambda value: not stands_in(value),
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
        rf"(?:{_OWN}){_ENDING}",
        rf"{_VALUE}{{10,200}}",
        "an entropy test of ours",
        valid=opaque,
    ),
    named(
        "service_key",
        "Key of a service, by the name it is given to",
        rf"(?:{_SERVICES})[\w \t.-]{{0,20}}",
        rf"{_VALUE}{{14,200}}",
        "an entropy test of ours",
        valid=opaque,
    ),
)
