"""Keys of platforms that applications are built upon: hosting, data, identity, messages and money by way of an API."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import opaque
from genaiops.checks.secrets._shape import key

_BETTERLEAKS: Final = "github.com/betterleaks/betterleaks config/betterleaks.toml"

PATTERNS: Final[tuple[Pattern, ...]] = (
    key("aikido_key", "Aikido key", r"AIK_(?:CI|SECRET)_[A-Za-z0-9]{28,64}", _BETTERLEAKS),
    key("aiven_token", "Aiven token or password", r"AVNS_[\w-]{19,24}", "aiven.io/docs"),
    key("asaas_key", "Asaas API key", r"\$aact_(?:prod|hmlg)_[A-Za-z0-9+/=]{40,200}", "docs.asaas.com", left=""),
    key("astra_token", "Astra DB token", r"AstraCS:[A-Za-z0-9]{20,40}(?::[a-f0-9]{64})?", "docs.datastax.com", left=""),
    key("bitbucket_data_center_token", "Bitbucket Data Center token", r"BBDC-[\w+/@-]{36,60}", _BETTERLEAKS),
    key("brave_search_key", "Brave Search API key", r"BSA[\w-]{27,40}", _BETTERLEAKS),
    key("canva_secret", "Canva client secret", r"cnvca[\w-]{50,56}", _BETTERLEAKS),
    key("cartesia_key", "Cartesia API key", r"sk_car_[\w-]{20,50}", "docs.cartesia.ai"),
    key("cloudsmith_key", "Cloudsmith API key", r"csa_[A-Za-z0-9]{30,40}", _BETTERLEAKS),
    key("cockroach_key", "CockroachDB Cloud key", r"CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}", "cockroachlabs.com/docs"),
    key("configcat_key", "ConfigCat SDK key", r"configcat-sdk-[0-9]/[\w-]{22}/[\w-]{22}", "configcat.com/docs"),
    key("databento_key", "Databento API key", r"db-[A-Za-z0-9]{29}", "databento.com/docs", valid=opaque),
    key("deno_token", "Deno token", r"dd[opw]_[A-Za-z0-9]{36}", "docs.deno.com/deploy"),
    key("devcycle_key", "DevCycle SDK key", r"dvc_(?:server|mobile|client)_\w{8,80}", _BETTERLEAKS),
    key("devin_key", "Devin API key", r"(?:cog|apk_user|apk)_[A-Za-z0-9=_]{48,140}", _BETTERLEAKS),
    key(
        "docker_swarm_key",
        "Key of a Docker swarm",
        r"SWM(?:TKN|KEY)-1-[A-Za-z0-9+/-]{40,90}",
        "docs.docker.com/engine/swarm",
    ),
    key(
        "ebay_secret",
        "eBay secret",
        r"(?:PRD|SBX)-[a-f0-9]{12}(?:-[a-f0-9]{4}){2,5}(?:-?[a-f0-9]{2,8})?",
        "developer.ebay.com",
    ),
    key("endorlabs_key", "Endor Labs key", r"endr\+[A-Za-z0-9-]{16}", _BETTERLEAKS),
    key("exoscale_key", "Exoscale API key", r"EXO[A-Za-z0-9]{20,40}", "community.exoscale.com", valid=opaque),
    key("gemini_key", "Gemini API key", r"AQ\.Ab8[\w-]{40,70}", "ai.google.dev/gemini-api/docs/api-key"),
    key("hex_key", "Key of 28 or 64 hexadecimal digits", r"key_(?:[a-f0-9]{64}|[a-f0-9]{28,32})", _BETTERLEAKS),
    key("ionic_token", "Ionic token", r"ion_[a-z0-9]{42}", "ionic.io/docs"),
    key("jumpcloud_key", "JumpCloud API key", r"jca_[A-Za-z0-9]{36}", "docs.jumpcloud.com"),
    key(
        "klaviyo_key", "Klaviyo API key", r"pk_[a-f0-9]{34}|pk_[a-z0-9]{26,36}", "developers.klaviyo.com", valid=opaque
    ),
    key("lichess_token", "Lichess token", r"li[po]_\w{20,64}", "lichess.org/api"),
    key("llama_cloud_key", "LlamaCloud API key", r"llx-[A-Za-z0-9]{48}", "docs.cloud.llamaindex.ai"),
    key("mailersend_token", "MailerSend token", r"mlsn\.[A-Za-z0-9]{40,70}", "developers.mailersend.com"),
    key("mem0_key", "Mem0 API key", r"m0-[A-Za-z0-9]{40,48}", "docs.mem0.ai"),
    key("mercury_token", "Mercury token", r"mercury_(?:production|sandbox)_[\w-]{36,120}", _BETTERLEAKS),
    key("mergify_key", "Mergify key", r"mergify_application_key_[\w-]{40,120}", _BETTERLEAKS, left=""),
    key("midtrans_key", "Midtrans key", r"Mid-(?:server|client)-[\w-]{12,24}", "docs.midtrans.com"),
    key("miro_token", "Miro token", r"eyJtaXJv[\w-]{20,200}", _BETTERLEAKS),
    key(
        "mongodb_atlas_secret",
        "MongoDB Atlas service account secret",
        r"mdb_sa_sk_[\w-]{38,50}",
        "mongodb.com/docs/atlas",
    ),
    key("nylas_key", "Nylas API key", r"nyk_(?:v0_)?[A-Za-z0-9]{40,64}", "developer.nylas.com"),
    key("onesignal_key", "OneSignal key", r"os_v2_(?:app|org)_[a-z0-9]{80,120}", "documentation.onesignal.com"),
    key(
        "onfido_token",
        "Onfido token",
        r"api_(?:live|sandbox)(?:_[a-z]{2})?\.[\w-]{11,100}(?:\.[\w-]{32})?",
        "documentation.onfido.com",
    ),
    key("persona_key", "Persona API key", r"persona_(?:production|sandbox)_[\w-]{20,120}", "docs.withpersona.com"),
    key("pinterest_token", "Pinterest token", r"pin[acr]_[A-Za-z0-9]{50,90}", "developers.pinterest.com", valid=opaque),
    key("polar_token", "Polar token", r"polar_[a-z]{2,3}_[\w-]{20,120}", "polar.sh/docs"),
    key("postman_collection_token", "Postman collection token", r"PMAT-[A-Za-z0-9]{26}", "learning.postman.com"),
    key("ramp_secret", "Ramp client secret", r"ramp_sec_[A-Za-z0-9]{40,60}", "docs.ramp.com"),
    key("rootly_key", "Rootly API key", r"rootly_[a-f0-9]{64}", "docs.rootly.com"),
    key(
        "salesforce_token",
        "Salesforce access token",
        r"00D[A-Za-z0-9]{12,15}![\w.]{80,260}",
        "developer.salesforce.com",
    ),
    key("samsara_token", "Samsara token", r"samsara_api_[A-Za-z0-9]{24,40}", "developers.samsara.com"),
    key("scaleway_access_key", "Scaleway access key", r"SCW[A-Z0-9]{17}", "scaleway.com/en/docs", valid=opaque),
    key("segment_token", "Segment public API token", r"sgp_[A-Za-z0-9]{64}", "docs.segmentapis.com"),
    key(
        "telnyx_key",
        "Telnyx API key",
        r"KEY[0-9A-Za-z]{28,58}_[\w-]{20,24}|KEY[0-9A-Za-z]{50,58}",
        "developers.telnyx.com",
    ),
    key("thunderstore_token", "Thunderstore token", r"tss_[\w-]{24,120}", _BETTERLEAKS),
    key("unkey_key", "Unkey root key", r"unkey_[A-Za-z0-9]{18,40}", "unkey.com/docs"),
    key("upcloud_token", "UpCloud API token", r"ucat_[A-Z0-9]{26}", "developers.upcloud.com"),
    key("upstage_key", "Upstage API key", r"up_[A-Za-z0-9]{29}", "console.upstage.ai/docs", valid=opaque),
    key("val_town_token", "Val Town token", r"vtwn_[\w-]{24,40}", "docs.val.town"),
    key("vercel_token", "Vercel token", r"vc[kpaicr]_[\w-]{24,64}", "vercel.com/docs/rest-api", valid=opaque),
    key("wakatime_key", "WakaTime API key", r"waka_[A-Za-z0-9-]{30,66}", "wakatime.com/developers"),
    key("woocommerce_key", "WooCommerce key", r"c[ks]_[a-f0-9]{40}", "woocommerce.com/document/woocommerce-rest-api"),
    key("xendit_key", "Xendit API key", r"xnd_(?:production|development)_[A-Za-z0-9]{40,80}", "docs.xendit.co"),
    key("zoho_token", "Zoho token", r"\b100[0-9]\.[a-f0-9]{32}\.[a-f0-9]{32}", "zoho.com/accounts/protocol/oauth.html"),
    key("zuplo_key", "Zuplo key", r"zpka_[a-z0-9]{32,40}_[a-f0-9]{8}", "zuplo.com/docs"),
)
