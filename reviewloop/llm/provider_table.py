"""The providers that are detected automatically: requirements, and default models.

Any other provider that LangChain knows works by name; these only need a key. Their order is the
order of preference when several are detected. Names of models are those of the price list
(genai-prices); a test looks every one of them up there.
"""

from collections.abc import Mapping

from reviewloop.dataclass import dataclass

BEDROCK = "bedrock_converse"
OPENAI = "openai"
OLLAMA = "ollama"


@dataclass(frozen=True)
class Provider:
    """One provider: its name in models, and how it is detected, queried and priced."""

    name: str
    title: str
    package: str  # package to install
    minimum: str  # its oldest version that works
    reasoning: str  # default models
    generation: str
    keys: tuple[str, ...] = ()  # variables that hold its key; messages name the first one
    address: str = ""  # of its API
    addresses: tuple[str, ...] = ()  # variables with another address
    models_path: str = ""  # a free request that needs the key
    key_header: str = "authorization"
    headers: tuple[tuple[str, str], ...] = ()
    families: tuple[str, ...] = ()  # prefixes of bare names of its models
    prices: str = ""  # its name in the price list
    client: str = ""  # the provider whose LangChain client is used; "": its own
    extra: str = ""  # of our own package, if not named like the provider

    @property
    def module(self) -> str:
        """The Python module of the package."""
        return self.package.replace("-", "_")


_ALL = (
    Provider(
        name=BEDROCK,
        title="Amazon Bedrock",
        package="langchain-aws",
        minimum="1.9",
        reasoning="global.anthropic.claude-sonnet-5-5",
        generation="amazon.nova-pro-v1:0",
        families=("claude", "nova"),
        prices="aws",
    ),
    Provider(
        name="anthropic",
        title="Anthropic",
        package="langchain-anthropic",
        minimum="1.7",
        reasoning="claude-sonnet-5-5",
        generation="claude-haiku-5-5",
        keys=("ANTHROPIC_API_KEY",),
        address="https://api.anthropic.com",
        addresses=("ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"),
        models_path="/v1/models?limit=1000",
        key_header="x-api-key",
        headers=(("anthropic-version", "2023-06-01"),),
        families=("claude",),
        prices="anthropic",
    ),
    Provider(
        name=OPENAI,
        title="OpenAI",
        package="langchain-openai",
        minimum="1.7",
        reasoning="gpt-6.1-sol",
        generation="gpt-6.1-terra",
        keys=("OPENAI_API_KEY",),
        address="https://api.openai.com/v1",
        addresses=("OPENAI_API_BASE", "OPENAI_BASE_URL"),
        models_path="/models",
        families=("gpt", "o1", "o3", "o4", "codex"),
        prices="openai",
    ),
    Provider(
        name="google_genai",
        title="Google",
        package="langchain-google-genai",
        minimum="4.4",
        reasoning="gemini-3.8-flash",
        generation="gemini-3.5-flash-lite",
        keys=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        address="https://generativelanguage.googleapis.com",
        models_path="/v1beta/models?pageSize=1000",
        key_header="x-goog-api-key",
        families=("gemini", "gemma"),
        prices="google",
        extra="google",
    ),
    Provider(
        name="groq",
        title="Groq",
        package="langchain-groq",
        minimum="1.1",
        reasoning="openai/gpt-oss-120b",
        generation="openai/gpt-oss-20b",
        keys=("GROQ_API_KEY",),
        address="https://api.groq.com",
        addresses=("GROQ_API_BASE",),
        models_path="/openai/v1/models",
        families=("llama",),
        prices="groq",
    ),
    Provider(
        name="mistralai",
        title="Mistral",
        package="langchain-mistralai",
        minimum="1.1",
        reasoning="mistral-large-4",
        generation="mistral-small-2603",
        keys=("MISTRAL_API_KEY",),
        address="https://api.mistral.ai/v1",
        addresses=("MISTRAL_BASE_URL",),
        models_path="/models",
        families=("mistral", "codestral", "devstral", "magistral", "ministral"),
        prices="mistral",
        extra="mistral",
    ),
    Provider(
        name="openrouter",
        title="OpenRouter",
        package="langchain-openai",
        minimum="1.7",
        reasoning="anthropic/claude-sonnet-5.5",
        generation="anthropic/claude-haiku-5.5",
        keys=("OPENROUTER_API_KEY",),
        address="https://openrouter.ai/api/v1",
        addresses=("OPENROUTER_API_BASE", "OPENROUTER_BASE_URL"),
        models_path="/key",  # its list of models needs no key, so it would prove nothing
        families=("claude", "gpt", "gemini", "mistral", "llama", "deepseek", "qwen", "kimi", "glm"),
        prices="openrouter",
        client=OPENAI,
    ),
    Provider(
        name=OLLAMA,
        title="Ollama",
        package="langchain-ollama",
        minimum="1.1",
        reasoning="qwen3-coder",
        generation="qwen3-coder",
        address="http://127.0.0.1:11434",
        addresses=("OLLAMA_HOST",),
        models_path="/api/tags",
    ),
)
KNOWN: Mapping[str, Provider] = {provider.name: provider for provider in _ALL}

# Other common spellings.
ALIASES: Mapping[str, str] = {
    "bedrock": BEDROCK,
    "google": "google_genai",
    "gemini": "google_genai",
    "mistral": "mistralai",
}
