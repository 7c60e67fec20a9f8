"""Tokens of source hosting, builds, package registries and AI services, told by their shape.

Facts (prefixes, lengths, alphabets) are the vendors' own, as their documentation and the list of
secrets that GitHub's scanning knows print them, checked against the rules of gitleaks (MIT).
"""

from reviewloop.secrets.rule import SecretRule, token

_GITHUB = "https://docs.github.com/authentication/keeping-your-account-and-data-secure"

CODE: tuple[SecretRule, ...] = (
    token("github-token", "GitHub token", "gh(p|o|u|s|r)_{a:36-251}", source=_GITHUB),
    token(
        "github-fine-grained-token",
        "GitHub fine-grained token",
        "github_pat_{w:60-255}",
        source=_GITHUB,
    ),
    token(
        "gitlab-token",
        "GitLab token",
        "gl(pat|dt|rt|soat|ft|ffct|imt|oas|agent|wt)-{t:20-300}",
        "glptt-{h:40}",
        "glcbt-{t:20-800}",
        source="https://docs.gitlab.com/security/tokens/",
    ),
    token("gitlab-runner-token", "GitLab runner registration token", "GR1348941{w:20}"),
    token("bitbucket-token", "Bitbucket app password", "ATBB{a:24}{H:8}"),
    token("bitbucket-repository-token", "Bitbucket access token", "ATCTT3xFfGN0{t:100-300}"),
    token("atlassian-token", "Atlassian API token", "ATATT3xFfGF0{t:100-300}"),
    token(
        "sourcegraph-token",
        "Sourcegraph token",
        "sgp_{H:40}",
        "sgp_{H:16}_{H:40}",
        "sgp_local_{H:40}",
    ),
    token("npm-token", "npm token", "npm_{a:36}"),
    token("pypi-token", "PyPI token", "pypi-AgE{w:50-1000}"),
    token("rubygems-token", "RubyGems token", "rubygems_{h:48}"),
    token("clojars-token", "Clojars token", "CLOJARS_{l:60}"),
    token("crates-token", "crates.io token", "cio{a:32}"),
    token("nuget-key", "NuGet API key", "oy2{l:43}"),
    token("docker-token", "Docker access token", "dckr_(pat|oat)_{w:27-40}"),
    token("jfrog-api-key", "JFrog API key", "AKCp{a:69}"),
    token("jfrog-reference-token", "JFrog reference token", "cmVmd{a:59}"),
    token("circleci-token", "CircleCI token", "CCI(PAT|PRJ)_{a:22}_{h:40}"),
    token(
        "buildkite-token", "Buildkite token", "bkua_{h:40}", "bkct_{w:40-200}", "bkaj_{w:40-400}"
    ),
    SecretRule(
        "harness-token",
        "Harness token",
        expression=r"(?<![A-Za-z0-9_\-])(?:pat|sat)\.[A-Za-z0-9_\-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}"
        r"(?![A-Za-z0-9])",
        hints=("pat.", "sat."),
    ),
    token("octopus-key", "Octopus Deploy API key", "API-{u:26}"),
    token("sonar-token", "SonarQube token", "sq(u|p|a)_{h:40}"),
    token("snyk-token", "Snyk token", "snyk_(uat|sat).{h:8}.{w:80-300}"),
    token("postman-key", "Postman API key", "PMAK-{h:24}-{h:34}"),
    token("readme-key", "ReadMe API key", "rdme_{l:70}"),
    token("prefect-token", "Prefect token", "pn(u|b)_{a:36}"),
    token("launchdarkly-key", "LaunchDarkly key", "(sdk|api)-{h:8}-{h:4}-{h:4}-{h:4}-{h:12}"),
    token("private-packagist-token", "Private Packagist token", "packagist_(uut|out|ack)_{h:64}"),
    token("wakatime-key", "WakaTime key", "waka_{h:8}-{h:4}-{h:4}-{h:4}-{h:12}"),
    # The old form is 48 characters without a mark; the new ones carry one in their middle.
    SecretRule(
        "openai-key",
        "OpenAI API key",
        expression=r"(?<![A-Za-z0-9_\-])(?:sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_\-]{20,200}"
        r"T3BlbkFJ[A-Za-z0-9_\-]{20,200}|sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{40,200}"
        r"|sk-[A-Za-z0-9]{48}(?![A-Za-z0-9_\-]))",
        hints=("sk-",),
        entropy=3.0,
    ),
    token("anthropic-key", "Anthropic API key", "sk-ant-(api|admin|oat|sid){d:2}-{w:40-200}"),
    token("openrouter-key", "OpenRouter key", "sk-or-v1-{h:64}"),
    token("huggingface-token", "Hugging Face token", "hf_{a:34-40}", "api_org_{a:34}"),
    token("groq-key", "Groq key", "gsk_{a:52}"),
    token("xai-key", "xAI key", "xai-{a:80}"),
    token("perplexity-key", "Perplexity key", "pplx-{a:48}"),
    token("replicate-token", "Replicate token", "r8_{a:37}"),
    SecretRule("fireworks-key", "Fireworks key", ("fw_{a:22}", "fw_{a:24}"), entropy=3.5),
    token("langsmith-key", "LangSmith key", "lsv2_(pt|sk)_{h:32}_{h:10}"),
    token("nvidia-key", "NVIDIA API key", "nvapi-{w:60-70}"),
    token("elevenlabs-key", "ElevenLabs key", "sk_{h:48}"),
    token("tavily-key", "Tavily key", "tvly-{w:32-50}"),
    token("weights-and-biases-key", "Weights & Biases key", "wandb_v1_{w:70-90}"),
    token("cerebras-key", "Cerebras key", "csk-{l:48}"),
)
