"""Keys of model providers, and of what stands around them; our own."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import opaque
from genaiops.checks.secrets._shape import key

_OPENAI: Final = "platform.openai.com/docs/api-reference/authentication"

PATTERNS: Final[tuple[Pattern, ...]] = (
    key("genaiops_key", "Key of this gateway", r"gok_[0-9a-z]{26}_[\w-]{43}", "docs/security.md"),
    key(
        "anthropic_key",
        "Anthropic API key",
        r"sk-ant-[a-z]{2,8}[0-9]{2}-[\w-]{60,130}",
        "docs.claude.com/en/api/overview",
    ),
    key(
        "openai_key",
        "OpenAI API key",
        r"sk-(?:(?:(?:proj|svcacct|admin|service|None)-)?[\w-]{16,180}T3BlbkFJ[\w-]{16,180}"
        r"|(?:proj|svcacct|admin|service)-[\w-]{40,200})",
        _OPENAI,
        valid=opaque,
    ),
    key(
        "openrouter_key",
        "OpenRouter API key",
        r"sk-or-v1-[a-f0-9]{64}",
        "openrouter.ai/docs/api-reference/authentication",
    ),
    key(
        "langfuse_key",
        "Langfuse secret key",
        r"sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "langfuse.com/docs",
    ),
    key("sk_key", "API key that begins with sk-", r"sk-[A-Za-z0-9_-]{20,100}", _OPENAI, valid=opaque),
    key(
        "huggingface_token",
        "Hugging Face token",
        r"(?:hf|api_org)_[A-Za-z0-9]{34,37}",
        "huggingface.co/docs/hub/security-tokens",
    ),
    key("replicate_token", "Replicate API token", r"r8_[A-Za-z0-9]{37}", "replicate.com/docs/reference/http"),
    key("groq_key", "Groq API key", r"gsk_[A-Za-z0-9]{52}", "console.groq.com/docs"),
    key("xai_key", "xAI API key", r"xai-[\w-]{80}", "docs.x.ai"),
    key("perplexity_key", "Perplexity API key", r"pplx-[A-Za-z0-9]{48}", "docs.perplexity.ai"),
    key("together_key", "Together API key", r"tgp_v1_[\w-]{43}", "docs.together.ai"),
    key("fireworks_key", "Fireworks API key", r"fw_[A-Za-z0-9]{22,24}", "docs.fireworks.ai", valid=opaque),
    key("nvidia_key", "NVIDIA API key", r"nvapi-[\w-]{60,70}", "docs.nvidia.com/ngc"),
    key("cerebras_key", "Cerebras API key", r"csk-[a-z0-9]{48}", "inference-docs.cerebras.ai"),
    key("elevenlabs_key", "ElevenLabs API key", r"sk_[a-f0-9]{48}", "elevenlabs.io/docs/api-reference/authentication"),
    key("jina_key", "Jina API key", r"jina_[A-Za-z0-9_-]{60}", "jina.ai/api-dashboard"),
    key("voyage_key", "Voyage API key", r"pa-[\w-]{43}", "docs.voyageai.com", valid=opaque),
    key("tavily_key", "Tavily API key", r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}", "docs.tavily.com"),
    key("firecrawl_key", "Firecrawl API key", r"fc-[a-f0-9]{32}", "docs.firecrawl.dev"),
    key("apify_token", "Apify token", r"apify_(?:api|proxy)_[A-Za-z0-9]{30,40}", "docs.apify.com/api"),
    key("pinecone_key", "Pinecone API key", r"pcsk_[A-Za-z0-9]{4,8}_[A-Za-z0-9]{60,66}", "docs.pinecone.io"),
    key(
        "langsmith_key",
        "LangSmith API key",
        r"ls(?:v2_(?:pt|sk)_[A-Fa-f0-9]{32}_[A-Fa-f0-9]{10}|__[a-f0-9]{32})",
        "docs.langchain.com/langsmith",
    ),
    key("wandb_key", "Weights & Biases API key", r"wandb_v1_[\w-]{60,90}", "docs.wandb.ai"),
    key("runpod_key", "RunPod API key", r"rpa_[A-Z0-9]{36,50}", "docs.runpod.io"),
)
