"""What secrets look like: one table, by vendors' prefixes, so that ordinary code does not trip it.

The last rule only guesses from a name and therefore never stops anything and masks nothing.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class SecretRule:
    """One kind of secret; group `secret` of the pattern (or all of it) is the value."""

    name: str
    what: str
    hints: tuple[str, ...]  # the text must contain one of these: a cheap test before the pattern
    pattern: re.Pattern[str]
    stops: bool = True  # False: worth a remark, but it may be a harmless value
    entropy: float = 2.5  # bits per character below which a value is a placeholder
    masks: bool = True


def _rule(
    name: str,
    what: str,
    hints: str,
    pattern: str,
    *,
    stops: bool = True,
    entropy: float = 2.5,
    masks: bool = True,
    ignore_case: bool = False,
) -> SecretRule:
    flags = re.IGNORECASE if ignore_case else 0
    compiled = re.compile(pattern, flags)
    return SecretRule(name, what, tuple(hints.split()), compiled, stops, entropy, masks)


_START = r"(?<![A-Za-z0-9_\-])"  # a prefix in the middle of a longer word is no prefix
_END = r"(?![A-Za-z0-9_\-])"
_ASSIGN = r"[\"']?\s{0,8}(?::=|=>|[:=,])\s{0,8}[\"']?"

RULES: tuple[SecretRule, ...] = (
    _rule(
        "aws-access-key-id",
        "AWS access key id",
        "AKIA ASIA ABIA ACCA",
        rf"{_START}(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{{16}}{_END}",
    ),
    _rule(
        "aws-secret-access-key",
        "AWS secret access key",
        "secret",
        rf"secret_?-?(?:access)?_?-?key{_ASSIGN}(?P<secret>[A-Za-z0-9/+]{{40}})(?![A-Za-z0-9/+=])",
        entropy=3.5,
        ignore_case=True,
    ),
    _rule(
        "github-token",
        "GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_",
        rf"{_START}gh[pousr]_[A-Za-z0-9]{{36,251}}{_END}",
    ),
    _rule(
        "github-fine-grained-token",
        "GitHub fine-grained token",
        "github_pat_",
        rf"{_START}github_pat_[A-Za-z0-9_]{{60,255}}{_END}",
    ),
    _rule(
        "gitlab-token",
        "GitLab token",
        "glpat- gldt- glptt- glrt- glsoat- glcbt-",
        rf"{_START}(?:glpat|gldt|glptt|glrt|glsoat|glcbt)-[A-Za-z0-9_\-.]{{20,300}}",
    ),
    _rule(
        "slack-token",
        "Slack token",
        "xox xapp-",
        rf"{_START}(?:xox[abeoprs](?:\.xox[bp])?|xapp)-[0-9A-Za-z\-]{{20,250}}",
    ),
    _rule(
        "slack-webhook",
        "Slack webhook address",
        "hooks.slack.com",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_\-]{30,90})",
    ),
    _rule(
        "stripe-key",
        "Stripe live key",
        "k_live_ k_prod_",
        rf"{_START}(?:sk|rk|pk_secret)_(?:live|prod)_[A-Za-z0-9]{{16,247}}{_END}",
    ),
    _rule(
        "google-api-key",
        "Google API key",
        "AIza",
        rf"{_START}AIza[A-Za-z0-9_\-]{{35}}{_END}",
    ),
    _rule(
        "google-oauth-secret",
        "Google OAuth client secret",
        "GOCSPX-",
        rf"{_START}GOCSPX-[A-Za-z0-9_\-]{{28}}{_END}",
    ),
    _rule(
        "openai-key",
        "OpenAI API key",
        "sk-",
        rf"{_START}sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_\-]{{20,200}}"
        rf"T3BlbkFJ[A-Za-z0-9_\-]{{20,200}}|{_START}sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{{40,200}}"
        rf"|{_START}sk-[A-Za-z0-9]{{48}}{_END}",
        entropy=3.0,
    ),
    _rule(
        "anthropic-key",
        "Anthropic API key",
        "sk-ant-",
        rf"{_START}sk-ant-(?:api|admin|oat)[0-9]{{2}}-[A-Za-z0-9_\-]{{40,200}}",
    ),
    _rule(
        "private-key",
        "private key",
        "PRIVATE",
        # The header alone is what code about keys contains; the key is header and body.
        r"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----"
        r"(?P<secret>(?:\\[nr]|[\s\"'+,;|>#*]){0,80}"
        r"(?:[A-Za-z\-]{3,20}: [^\n\\]{1,100}(?:\\n|\n)\s{0,3}){0,9}"
        r"[A-Za-z0-9+/=]{40,}(?:(?:\\[nr]|[\s\"'+,;|>#*\\]){0,80}[A-Za-z0-9+/=]{4,})*)",
        entropy=3.0,
    ),
    _rule(
        "json-web-token",
        "signed JSON web token",
        "eyJ",
        rf"{_START}eyJ[A-Za-z0-9_\-]{{16,2000}}\.eyJ[A-Za-z0-9_\-]{{24,8000}}\.[A-Za-z0-9_\-]{{32,1000}}",
        stops=False,
    ),
    _rule("npm-token", "npm token", "npm_", rf"{_START}npm_[A-Za-z0-9]{{36}}{_END}"),
    _rule(
        "pypi-token",
        "PyPI token",
        "pypi-",
        rf"{_START}pypi-AgE[A-Za-z0-9_\-]{{50,1000}}",
    ),
    _rule(
        "sendgrid-key",
        "SendGrid API key",
        "SG.",
        rf"{_START}SG\.[A-Za-z0-9_\-]{{22}}\.[A-Za-z0-9_\-]{{43}}{_END}",
    ),
    _rule("twilio-key", "Twilio API key", "SK", rf"{_START}SK[0-9a-f]{{32}}{_END}"),
    _rule(
        "azure-storage-key",
        "Azure storage account key",
        "AccountKey",
        r"AccountKey\s{0,4}=\s{0,4}(?P<secret>[A-Za-z0-9+/]{86}==)",
    ),
    _rule(
        "telegram-bot-token",
        "Telegram bot token",
        ":AA",
        r"(?<![A-Za-z0-9_])[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])",
    ),
    _rule(
        "vault-token",
        "HashiCorp Vault token",
        "hvs. hvb. hvr.",
        rf"{_START}hv[sbr]\.[A-Za-z0-9_\-]{{24,300}}",
    ),
    _rule(
        "digitalocean-token",
        "DigitalOcean token",
        "dop_v1_ doo_v1_ dor_v1_",
        rf"{_START}do[opr]_v1_[0-9a-f]{{64}}{_END}",
    ),
    _rule(
        "databricks-token",
        "Databricks token",
        "dapi",
        rf"{_START}dapi[0-9a-f]{{32}}(?:-[0-9])?{_END}",
    ),
    _rule(
        "shopify-token",
        "Shopify token",
        "shpat_ shpca_ shppa_ shpss_",
        rf"{_START}shp(?:at|ca|pa|ss)_[0-9a-fA-F]{{32}}{_END}",
    ),
    _rule(
        "age-secret-key",
        "age secret key",
        "AGE-SECRET-KEY-1",
        r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
    ),
    _rule(
        "huggingface-token",
        "Hugging Face token",
        "hf_",
        rf"{_START}hf_[A-Za-z0-9]{{34,40}}{_END}",
        entropy=3.0,
    ),
    _rule(
        "discord-webhook",
        "Discord webhook address",
        "discord",
        r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/(?P<secret>[A-Za-z0-9_\-]{60,80})",
    ),
    _rule(
        "mailgun-key",
        "Mailgun key",
        "key-",
        rf"{_START}key-[0-9a-f]{{32}}{_END}",
        entropy=3.0,
    ),
    _rule(
        "database-url",
        "database address with its password",
        "://",
        r"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|amqps?|mssql|oracle)"
        r"(?:\+[a-z0-9_]{1,20})?://(?P<user>[^\s:/@\"'<>{}$]{0,80}):"
        r"(?P<secret>(?:[^\s/@\"'<>{}$*%]|%[0-9A-Fa-f]{2}){4,128})"
        r"@(?P<host>[A-Za-z0-9.\-]{1,200})",
        entropy=0.0,
    ),
    _rule(
        "assigned-secret",
        "a literal assigned to a name that sounds secret",
        "pass secret token key PASS SECRET TOKEN KEY Pass Secret Token Key",
        r"(?:password|passwd|secret|api_?key|auth_?token|access_?token|client_?secret)"
        r"[\"']?\s{0,4}(?::=|=|:)\s{0,4}(?P<quote>[\"'])(?P<secret>[^\s\"'{}<>$]{10,120})(?P=quote)",
        stops=False,
        entropy=3.2,
        masks=False,
        ignore_case=True,
    ),
)
