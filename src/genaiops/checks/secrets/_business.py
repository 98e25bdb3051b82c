"""Keys of payments, messages, shops and mail."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._shape import key

_UUID: Final = "[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}"
_GITLEAKS: Final = "github.com/gitleaks/gitleaks config/gitleaks.toml"
_SLACK: Final = "docs.slack.dev/authentication/tokens"
_SQUARE: Final = "developer.squareup.com/docs/build-basics/access-tokens"

PATTERNS: Final[tuple[Pattern, ...]] = (
    key(
        "slack_token",
        "Slack token",
        r"(?i:xox[abcdeoprs](?:\.xox[bp])?)-[0-9A-Za-z%-]{8,255}",
        _SLACK,
    ),
    key(
        "slack_app_token",
        "Slack app-level token",
        r"(?i:xapp-[0-9]{1,20}-[A-Z0-9]{1,100}-[0-9]{1,100}-[a-z0-9]{10,100})",
        _SLACK,
    ),
    key(
        "slack_webhook",
        "Slack webhook",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,80}",
        "docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
        left="",
    ),
    key(
        "discord_token",
        "Discord bot token",
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[\w-]{6}\.[\w-]{27,38}",
        "discord.com/developers/docs/reference",
    ),
    key(
        "discord_webhook",
        "Discord webhook",
        r"discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{16,20}/[\w-]{60,80}",
        "discord.com/developers/docs/resources/webhook",
        left="",
    ),
    key(
        "teams_webhook",
        "Microsoft Teams webhook",
        rf"\.webhook\.office\.com/webhookb2/{_UUID}@{_UUID}/IncomingWebhook/[a-z0-9]{{32}}/{_UUID}",
        "learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors",
        left="",
    ),
    key("telegram_token", "Telegram bot token", r"\b[0-9]{5,16}:A[\w-]{34}", "core.telegram.org/bots/api"),
    key("twilio_api_key", "Twilio API key", r"SK[0-9a-fA-F]{32}", "twilio.com/docs/iam/api-keys"),
    key("twilio_account_sid", "Twilio account SID", r"AC[0-9a-f]{32}", "twilio.com/docs/iam/api"),
    key(
        "sendgrid_key",
        "SendGrid API key",
        r"SG\.[\w=-]{16,32}\.[\w=-]{16,64}|SG\.[\w=.-]{66}",
        "twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
    ),
    key(
        "mailgun_key",
        "Mailgun key",
        r"(?:pub)?key-[a-f0-9]{32}|\b[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}",
        "documentation.mailgun.com",
    ),
    key(
        "mailchimp_key",
        "Mailchimp API key",
        r"\b[a-f0-9]{32}-us[0-9]{1,2}",
        "mailchimp.com/developer/marketing/guides/quick-start",
    ),
    key("brevo_key", "Brevo API key", r"x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}", "developers.brevo.com"),
    key("resend_key", "Resend API key", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}", "resend.com/docs"),
    key(
        "stripe_secret_key",
        "Stripe secret key",
        r"[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,247}",
        "docs.stripe.com/keys",
    ),
    key(
        "stripe_webhook_secret",
        "Stripe webhook secret",
        r"whsec_[A-Za-z0-9+/]{32,88}={0,2}",
        "docs.stripe.com/webhooks",
    ),
    key("square_token", "Square access token", r"EAAA[\w-]{60}|EAAA[\w-]{22,59}", _SQUARE),
    key("square_secret", "Square OAuth secret", r"sq0(?:atp|csp|idp)-[\w-]{22,60}", _SQUARE),
    key(
        "paypal_braintree_token",
        "PayPal Braintree access token",
        r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
        "developer.paypal.com/braintree",
        left="",
    ),
    key(
        "shopify_token",
        "Shopify token",
        r"shp(?:at|ca|pa|ss|tka|ua)_[a-fA-F0-9]{32}",
        "shopify.dev/docs/apps/build/authentication-authorization",
        left="",
    ),
    key(
        "plaid_token",
        "Plaid access token",
        rf"access-(?:sandbox|development|production)-{_UUID}",
        "plaid.com/docs/api/tokens",
    ),
    key(
        "flutterwave_key",
        "Flutterwave key",
        r"FLW(?:SECK|PUBK)(?:_TEST)?-[A-Za-z0-9]{12,40}(?:-X)?",
        "developer.flutterwave.com",
    ),
    key(
        "razorpay_key", "Razorpay key", r"rzp_(?:live|test)_[A-Za-z0-9]{14,24}", "razorpay.com/docs/api/authentication"
    ),
    key(
        "paddle_key",
        "Paddle API key",
        r"pdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}",
        "developer.paddle.com/api-reference/about/api-keys",
    ),
    key("lob_key", "Lob API key", r"(?:live|test)_(?:pub_)?[a-f0-9]{31,35}", "docs.lob.com"),
    key(
        "gocardless_token",
        "GoCardless token",
        r"(?:live|sandbox)_[\w=-]{40}",
        "developer.gocardless.com/getting-started/api",
    ),
    key("shippo_token", "Shippo token", r"shippo_(?:live|test)_[a-fA-F0-9]{40}", "docs.goshippo.com", left=""),
    key("easypost_key", "EasyPost API key", r"EZ[AT]K[A-Za-z0-9]{54}", "docs.easypost.com"),
    key("duffel_token", "Duffel token", r"duffel_(?:live|test)_[\w=-]{43}", "duffel.com/docs", left=""),
    key(
        "facebook_token",
        "Facebook access token",
        r"EAA[A-Z][A-Za-z0-9]{80,400}",
        "developers.facebook.com/docs/facebook-login/guides/access-tokens",
    ),
    key(
        "facebook_app_token",
        "Facebook app access token",
        r"\b[0-9]{15,16}(?:\||%7C|%)[\w-]{27,40}",
        "developers.facebook.com/docs/facebook-login/guides/access-tokens",
    ),
    key("twitter_bearer_token", "X (Twitter) bearer token", r"A{20,22}[A-Za-z0-9%]{80,110}", "docs.x.com"),
    key("twitter_access_token", "X (Twitter) access token", r"\b[0-9]{15,25}-[A-Za-z0-9]{40}", "docs.x.com"),
    key("twitch_token", "Twitch chat token", r"oauth:[a-z0-9]{30}", "dev.twitch.tv/docs/authentication"),
    key("dropbox_token", "Dropbox token", r"sl\.(?:u\.)?[\w=-]{130,1000}", "developers.dropbox.com/oauth-guide"),
    key(
        "hubspot_token", "HubSpot private app token", rf"pat-(?:na|eu|ap)[0-9]{{1,2}}-{_UUID}", "developers.hubspot.com"
    ),
    key(
        "mapbox_token",
        "Mapbox token",
        r"[spt]k\.eyJ[\w-]{20,300}\.[\w-]{20,60}|[spt]k\.[a-z0-9]{60}\.[a-z0-9]{22}",
        "docs.mapbox.com/help/getting-started/access-tokens",
    ),
)
