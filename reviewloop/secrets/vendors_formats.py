"""Secrets that no vendor issues: private keys, signed tokens, addresses with a password."""

from reviewloop.secrets.rule import SecretRule

_ASSIGN = r"[\"']?\s{0,8}(?::=|=>|[:=,])\s{0,8}[\"']?"

FORMATS: tuple[SecretRule, ...] = (
    SecretRule(
        "aws-secret-access-key",
        "AWS secret access key",
        expression=rf"secret_?-?(?:access)?_?-?key{_ASSIGN}"
        r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        hints=("secret",),
        entropy=3.5,
        ignore_case=True,
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
    SecretRule(
        "private-key",
        "private key",
        # The header alone is what code about keys contains; the key is header and body.
        expression=r"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----"
        r"(?P<secret>(?:\\[nr]|[\s\"'+,;|>#*]){0,80}"
        r"(?:[A-Za-z\-]{3,20}: [^\n\\]{1,100}(?:\\n|\n)\s{0,3}){0,9}"
        r"[A-Za-z0-9+/=]{40,}(?:(?:\\[nr]|[\s\"'+,;|>#*\\]){0,80}[A-Za-z0-9+/=]{4,})*)",
        hints=("PRIVATE",),
        entropy=3.0,
        public_in_tests=True,
        source="RFC 7468",
    ),
    SecretRule(
        "putty-private-key",
        "PuTTY private key",
        expression=r"PuTTY-User-Key-File-[23]:[^\n]{1,80}\n(?:[^\n]{0,200}\n){1,60}?"
        r"Private-Lines: [0-9]{1,3}\r?\n(?P<secret>[A-Za-z0-9+/=\s]{60,6000})",
        hints=("PuTTY-User-Key-File-",),
        entropy=3.0,
        public_in_tests=True,
    ),
    SecretRule(
        "json-web-token",
        "signed JSON web token",
        ("eyJ{w:16-2000}.eyJ{w:24-8000}.{w:32-1000}",),
        stops=False,
        public_in_tests=True,
        source="RFC 7519",
    ),
    SecretRule(
        "json-web-token-base64",  # the same once more in base64, as Kubernetes keeps it
        "signed JSON web token in base64",
        ("ZXlKaGJHY2lPaU{b:80-12000}", "ZXlKMGVYQWlPaU{b:80-12000}", "ZXlKcmFXUWlPaU{b:80-12000}"),
        stops=False,
        public_in_tests=True,
        source="RFC 7519",
    ),
    SecretRule(
        "database-url",
        "database address with its password",
        expression=r"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|amqps?|mssql|oracle"
        r"|clickhouse|cockroachdb|sqlserver|ldaps?|ftps?|sftp|smtps?|jdbc:[a-z]{2,20})"
        r"(?:\+[a-z0-9_]{1,20})?://(?P<user>[^\s:/@\"'<>{}$]{0,80}):"
        r"(?P<secret>(?:[^\s/@\"'<>{}$*%]|%[0-9A-Fa-f]{2}){4,128})"
        r"@(?P<host>[A-Za-z0-9.\-]{1,200})",
        hints=(
            *("postgres", "mysql", "mariadb", "mongodb", "redis", "amqp", "mssql", "oracle:"),
            *("clickhouse", "cockroachdb", "sqlserver", "ldap", "ftp:", "ftps:", "smtp", "jdbc:"),
        ),
        entropy=0.0,
        public_in_tests=True,
    ),
)
ASSIGNED = SecretRule(
    "assigned-secret",
    "a literal assigned to a name that sounds secret",
    expression=r"(?:password|passwd|secret|api_?key|auth_?token|access_?token|client_?secret)"
    r"[\"']?\s{0,4}(?::=|=|:)\s{0,4}(?P<quote>[\"'])"
    r"(?P<secret>[^\s\"'{}<>$]{10,120})(?P=quote)",
    hints=("pass", "secret", "token", "key"),
    stops=False,
    masks=False,
    entropy=3.2,
    ignore_case=True,
)
