"""Credentials in their usual places: tokens, headers, addresses, and whatever is called a password."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import (
    chosen,
    json_header,
    looks_drawn,
    opaque,
    said,
    stands_in,
    user_and_password,
)
from genaiops.checks.secrets._shape import ASSIGNED, FAMILY, SAID, key, named

SERVICES: Final = (
    "abuseipdb|accuweather|activecampaign|adafruit|adobe|adyen|airtable|aiven|alchemy|algolia|alibaba|alphavantage|"
    "amadeus|amplitude|anthropic|apiflash|apify|apollo|appcues|appsflyer|artifactory|asana|assemblyai|atlassian|"
    "auth0|avalara|azure|bamboohr|bannerbear|basecamp|baseten|beamer|bintray|bitbucket|bitly|bitrise|bittrex|"
    "bitwarden|box|braintree|brave|braze|brevo|browserstack|bugsnag|buildkite|calendly|capella|cartesia|censys|"
    "cerebras|chargebee|chartmogul|circle_?ci|civo|clarifai|claude|clearbit|clerk|clickup|clockify|cloudant|"
    "cloudflare|cloudinary|cloudsmith|co_api|codacy|codeclimate|codecov|cohere|coinbase|coingecko|coinmarketcap|"
    "confluence|confluent|consul|contentful|convertkit|couchbase|coveralls|crowdin|cryptocompare|currencylayer|"
    "customer[_.-]?io|data[_-]?gov|databento|databricks|datadog|dd_api|dd_app|deepgram|deepseek|delighted|devin|"
    "digicert|digital[_-]?ocean|discord|disqus|docusign|doppler|drone(?:ci)?|dropbox|duffel|dwolla|dynatrace|"
    "easypost|ebay|edamam|elastic|elevenlabs|endor|etherscan|etsy|eventbrite|facebook|fal[_-]?ai|fastly|fastspring|"
    "figma|finicity|finnhub|firebase|fireworks|flickr|flutterwave|fly|foursquare|freshbooks|freshdesk|fullstory|"
    "gemini|geocodio|getresponse|giphy|gitea|github|gitlab|gitter|gocardless|grafana|graphhopper|greptile|groq|"
    "gumroad|hasura|hcp|hellosign|helpscout|heroku|hetzner|honeycomb|hotjar|hubspot|hugging[_-]?face|hunter|ibm|"
    "imagekit|influx(?:db)?|infomaniak|infura|insightly|instagram|instantly|intercom|ipdata|ipgeolocation|ipinfo|"
    "ipstack|iterable|jenkins|jfrog|jira|jotform|jumpcloud|kaggle|kagi|kickbox|kimi|klarna|klaviyo|kraken|kucoin|"
    "langchain|langfuse|langsmith|lark|launchdarkly|lemlist|linear|linked[_-]?in|linode|livekit|llama|lob|logdna|"
    "loggly|logz[_.-]?io|looker|mailchimp|mailerlite|mailersend|mailgun|mailjet|mandrill|mapbox|mapquest|mattermost|"
    "maxmind|meilisearch|mem0|meraki|message[_-]?bird|midtrans|minimax|miro|mistral|mixpanel|mollie|monday|moonshot|"
    "mparticle|mux|neon|netlify|new[ _-]?york[ _-]?times|new[_-]?relic|newsapi|nexmo|ngrok|notion|numverify|nvidia|"
    "nylas|nytimes|okta|ollama|onelogin|onesignal|onfido|openai|openweather|opsgenie|optimizely|ovh|paddle|pagerduty|"
    "pandadoc|papertrail|paypal|paystack|perplexity|pexels|pinecone|pingdom|pinterest|pipedrive|pixabay|plaid|"
    "planetscale|plivo|polygon|polymarket|postman|postmark|prismic|private[_-]?ai|productboard|pubnub|pulumi|"
    "pushbullet|pusher|qdrant|qualtrics|quickbase|quickbooks|railway|rapidapi|razorpay|recurly|redis|render|"
    "replicate|resend|retell|ringcentral|rocketreach|rollbar|runpod|salesforce|saucelabs|scaleway|scalr|scraperapi|"
    "scrapingbee|securitytrails|segment|sendbird|sendgrid|sendinblue|sentry|serpapi|shippo|shodan|shopify|"
    "shutterstock|signalwire|sinch|slack|smartsheet|smartystreets|snipcart|snowflake|snyk|softlayer|sonar(?:qube)?|"
    "sparkpost|splunk|spoonacular|spotify|square(?:space)?|sslmate|stability|statuspage|storyblok|strava|stripe|"
    "stytch|sumo(?:logic)?|supabase|surveymonkey|tableau|tailscale|taxjar|telegr|telegram|telesign|telnyx|temporal|"
    "ticketmaster|together|tomtom|transifex|travis|trello|twelvedata|twilio|twitch|twitter|typeform|typesense|"
    "unsplash|uploadcare|upstash|uptimerobot|vercel|vimeo|virustotal|vonage|voyage|vultr|wakatime|wandb|weatherstack|"
    "weaviate|webflow|weights|wistia|wiz|woocommerce|workos|wrike|xendit|yandex|yelp|z[._-]?ai|zapier|zendesk|"
    "zerobounce|zoho|zoom"
)
_KEYS: Final = (
    "api access account app auth client consumer encryption license master private secret service signing subscription "
    "write"
)
_OWN: Final = (
    rf"(?:(?:{'|'.join(_KEYS.split())})[ _.-]?key|secret|token|credential)[\w.-]{{0,20}}|"
    "creds|authorization|auth|pat|jwt|[ _.-]key|[a-z]key"
)
_TOLD_APART: Final = (
    "id ids uuid guid hash hashes sha sha1 sha224 sha256 sha384 sha512 md5 digest checksum integrity commit revision "
    "etag fingerprint base64 cursor nonce txid cid pubkey ssh-rsa ssh-ed25519"
)
"""What tells things apart, proves or carries them."""
_ENDING: Final = (
    r"(?:[_. -]?(?:id|value|string|text|base|key|secret|token|hash|prod|dev|staging|live|test|v?[0-9]{1,2}))?"
    r"(?:[_.-][\w.-]{0,20})?"
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
    Pattern(
        kind="prefixed_key",
        family=FAMILY,
        regex=r"[A-Za-z0-9][\w-]{26,159}",
        left=r"\w/+@#%&\\-",
        right=r"\w/+=%@,-",
        unless=tuple(_TOLD_APART.split()),
        reach=16,
        valid=looks_drawn,
        title="Key by its looks, of no service that is known",
        source="an entropy test of ours",
    ),
)
