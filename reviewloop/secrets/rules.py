"""Lists the rules about secrets: one for each row of the vendors' table, and those that guess."""

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Example, Rule
from reviewloop.secrets.vendors import VENDOR_RULES, SecretRule

HELD = "held-value"
VENDOR_BY_NAME = "vendor-key-by-name"
_CWE = "https://cwe.mitre.org/data/definitions/798.html"
_WHY = (
    "Whoever can read the repository, now or at any later time, can use it: history keeps it, "
    "and clones, forks and build logs spread it."
)
_FIX = (
    "Revoke it and have a new one issued, because it was on a disk and may be known. Read it from "
    "the environment or a secret store; taking it out of the code alone does not help."
)


def rule_id(name: str) -> str:
    """Return the id in the rule book of a row of the table."""
    return f"secret/{name}"


def _vendor_rule(secret: SecretRule) -> Rule:
    return Rule(
        id=rule_id(secret.name),
        reviewer=SECURITY,
        severity=MUST if secret.stops else SHOULD,
        title=f"{secret.what[0].upper()}{secret.what[1:]} in the code",
        why=_WHY,
        fix=_FIX,
        category="secrets",
        source=secret.source or _CWE,
        # Tests of signatures are full of tokens that were signed with a key in the same file.
        in_tests=secret.name != "json-web-token",
        in_examples=True,
        in_fixtures=secret.name != "json-web-token",
        hard=True,
    )


# What is said about a place; the value follows, redacted.
BY_NAME = {
    "password": "A password is written down in",
    "generic-api-key": "A key is written down in",
    "basic-auth-url": "An address carries a password",
    "connection-string": "A connection string carries a password",
    "authorization-header": "A header carries credentials",
}
# Put together here, so that no scanner takes this file for a leak.
_MADE_UP = "kT9" + "vQ2" + "xLm7Rd"
_KEY = "f3Zq" + "9LmX" + "2vTb" + "8KpW" + "4sYh"
_HELD = Rule(
    id=rule_id(HELD),
    reviewer=SECURITY,
    severity=MUST,
    title="A secret that this machine holds stands in the code",
    why="The value of a variable of the environment, of a `.env` file, of an AWS profile or of "
    "git's configuration stands in the change, as it is or encoded. " + _WHY,
    fix=_FIX,
    category="secrets",
    source=_CWE,
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
)
_GUESSED: tuple[Rule, ...] = (
    Rule(
        id="secret/password",
        reviewer=SECURITY,
        severity=SHOULD,
        title="A password is written down",
        why=_WHY,
        fix=_FIX,
        category="secrets",
        source="https://cwe.mitre.org/data/definitions/259.html",
        in_examples=True,
        bad=(
            Example("app.py", f'connect(user="app", password="{_MADE_UP}")\n'),
            Example("config/db.yaml", f"database:\n  password: {_MADE_UP}\n"),
            Example("app.properties", f"spring.datasource.password={_MADE_UP}\n"),
            Example("Dockerfile", f"FROM alpine:3.20\nENV DB_PASSWORD={_MADE_UP}\n"),
            Example(
                "main.tf", f'resource "aws_db_instance" "a" {{\n  password = "{_MADE_UP}"\n}}\n'
            ),
            Example("Db.java", f'dataSource.setPassword("{_MADE_UP}");\n'),
            Example("web.config", f'<add key="password" value="{_MADE_UP}" />\n'),
            Example("schema.sql", f"CREATE USER app IDENTIFIED BY '{_MADE_UP}';\n"),
        ),
        good=(
            Example("app.py", 'connect(user="app", password=os.environ["DB_PASSWORD"])\n'),
            Example("config/db.yaml", "database:\n  password: ${DB_PASSWORD}\n"),
            Example("app.properties", "spring.datasource.password=changeme\n"),
            Example("form.tsx", '<Input type="password" name="userPassword" label="password" />\n'),
            Example("main.tf", 'resource "a" "b" {\n  password = var.db_password\n}\n'),
            Example("text.py", 'PASSWORD_ERROR = "The password is wrong"\npassword = ""\n'),
            Example("run.sh", 'PASSWORD="$(pass show db)"\n'),
        ),
    ),
    Rule(
        id="secret/generic-api-key",
        reviewer=SECURITY,
        severity=SHOULD,
        title="A key or token is written down",
        why=_WHY,
        fix=_FIX,
        category="secrets",
        source=_CWE,
        in_examples=True,
        bad=(
            Example("app.py", f'API_KEY = "{_KEY}"\n'),
            Example("client.ts", f'const authToken = "{_KEY}";\n'),
            Example("settings.json", f'{{"client_secret": "{_KEY}"}}\n'),
        ),
        good=(
            Example("app.py", 'api_key = os.environ["API_KEY"]\nnext_token = "abc123def456ghi7"\n'),
            Example("client.ts", 'const tokenType = "punctuation"; const apiKey = "<your key>";\n'),
            Example("settings.json", '{"client_secret": "{{ client_secret }}"}\n'),
        ),
    ),
    Rule(
        id=f"secret/{VENDOR_BY_NAME}",
        reviewer=SECURITY,
        severity=MUST,
        title="A vendor's key is written down",
        why=_WHY,
        fix=_FIX,
        category="secrets",
        source=_CWE,
        in_examples=True,
        hard=True,
        bad=(
            Example(
                "app.py",
                f'DATADOG_API_KEY = "{"9f3c" + "1b7e" + "d5a2" + "4860" * 2}'
                f'{"c7e1" + "0b9d" + "3f52"}"\n',
            ),
        ),
        good=(Example("app.py", 'DATADOG_API_KEY = os.environ["DATADOG_API_KEY"]\n'),),
    ),
    Rule(
        id="secret/basic-auth-url",
        reviewer=SECURITY,
        severity=SHOULD,
        title="An address carries a password",
        why=_WHY + " Addresses also end up in logs and error messages.",
        fix=_FIX,
        category="secrets",
        source="https://cwe.mitre.org/data/definitions/522.html",
        in_examples=True,
        bad=(
            Example("deploy.sh", f"git clone https://bot:{_MADE_UP}@git.acme-corp.com/shop.git\n"),
        ),
        good=(
            Example("deploy.sh", 'git clone "https://bot:${TOKEN}@git.acme-corp.com/shop.git"\n'),
            Example("app.py", 'URL = "http://user:pass@localhost:8080/"\n'),
        ),
    ),
    Rule(
        id="secret/connection-string",
        reviewer=SECURITY,
        severity=SHOULD,
        title="A connection string carries a password",
        why=_WHY,
        fix=_FIX,
        category="secrets",
        source="https://cwe.mitre.org/data/definitions/259.html",
        in_examples=True,
        bad=(
            Example(
                "Db.cs", f'var c = "Server=db1;Database=shop;User Id=app;Password={_MADE_UP};";\n'
            ),
        ),
        good=(Example("Db.cs", 'var c = "Server=db1;User Id=app;Password=" + password + ";";\n'),),
    ),
    Rule(
        id="secret/authorization-header",
        reviewer=SECURITY,
        severity=SHOULD,
        title="A header carries credentials",
        why=_WHY,
        fix=_FIX,
        category="secrets",
        source="RFC 7617, RFC 6750",
        in_examples=True,
        bad=(
            Example(
                "call.sh", f'curl -H "Authorization: Bearer {_KEY}{_KEY[::-1]}" https://a.io\n'
            ),
        ),
        good=(Example("call.sh", 'curl -H "Authorization: Bearer $TOKEN" https://a.io\n'),),
    ),
)
RULES: tuple[Rule, ...] = (_HELD, *(_vendor_rule(secret) for secret in VENDOR_RULES), *_GUESSED)
