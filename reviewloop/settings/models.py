"""The settings of the models: which ones are asked, how patiently and how fast."""

from pydantic import Field

from reviewloop.settings.section import Section

AUTO = "auto"


class Models(Section):
    """Which models answer, and how they are reached."""

    reasoning: str = Field(
        default=AUTO,
        min_length=1,
        description="Model of every step (provider:model); auto takes what AWS or a key allows.",
    )
    generation: str = Field(
        default=AUTO,
        min_length=1,
        description='Cheaper model for the agents that per_agent sends to "generation".',
    )
    per_agent: dict[str, str] = Field(
        default_factory=dict,
        description='Agent name to "reasoning", "generation" or a provider:model of its own.',
    )
    fallbacks: tuple[str, ...] = Field(
        default=(), description="Models asked in this order when the chosen one stays unavailable."
    )
    region: str = Field(default="", description="AWS region; empty means the usual AWS chain.")
    profile: str = Field(default="", description="AWS profile; empty means the usual AWS chain.")
    role_arn: str = Field(
        default="", description="AWS role to assume before asking; empty means none."
    )
    endpoint_url: str = Field(
        default="",
        description="Bedrock runtime endpoint; empty means AWS_ENDPOINT_URL_BEDROCK_RUNTIME.",
    )
    base_url: str = Field(
        default="",
        description="OpenAI-compatible server for openai: models; empty means OPENAI_BASE_URL.",
    )
    max_output_tokens: int = Field(
        default=16_384, ge=256, description="Longest reply asked for, in tokens."
    )
    read_timeout_seconds: float = Field(
        default=600, gt=0, description="Longest silence inside a reply."
    )
    connect_timeout_seconds: float = Field(
        default=10, gt=0, description="Longest wait for a connection."
    )
    max_attempts: int = Field(
        default=6, ge=1, le=20, description="Attempts per call, the first one included."
    )
    concurrency: int = Field(
        default=16, ge=1, le=256, description="Calls under way at once, of all runs of a batch."
    )
    requests_per_minute: int = Field(
        default=0, ge=0, description="Most requests a minute to one model by all runs; 0: no limit."
    )
    tokens_per_minute: int = Field(
        default=0, ge=0, description="Most tokens a minute to one model by all runs; 0: no limit."
    )
    cache: bool = Field(
        default=True, description="Mark the shared part of prompts for prompt caching."
    )
    tracing: bool = Field(
        default=False, description="Let LangSmith tracing send prompts elsewhere."
    )
