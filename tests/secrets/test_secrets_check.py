import random
import string

import pytest
from support.growth import ends_soon, grows_faster_than_its_text

from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.analysis.rule_book import own_rules
from reviewloop.domain.finding import Severity
from reviewloop.secrets import CHECKS, HeldSecrets, Redactor, checks_with
from reviewloop.secrets.vendors import NAMED_RULES, VENDOR_RULES, sample_of

MUST, SHOULD, NIT = Severity.MUST_FIX, Severity.SHOULD_FIX, Severity.NIT
(CHECK,) = CHECKS
BOOK = {rule.id: rule for rule in own_rules()}
_DRAW = random.Random(11)


def drawn(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_DRAW.choice(alphabet) for _ in range(length))


STRONG = "kT9v" + "Q2xL" + "m7Rd"
KEY = "f3Zq" + "9LmX" + "2vTb" + "8KpW" + "4sYh" + "6Rc1"
HEX = "9f3c" + "1b7e" + "d5a2" + "4860" + "48a0" + "c7e1" + "0b9d" + "3f52"
TOKEN = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"


def hits(path, text):
    file = SourceFile(path, text, (), language_of(path, text), path_class(path))
    return list(CHECK.run(file))


def judged(path, text):
    return [(hit.rule, hit.severity or BOOK[hit.rule].severity) for hit in hits(path, text)]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", 'connect(host, "root", password="{}")'),
        ("a.py", 'CONFIG = {{"passwd": "{}"}}'),
        ("a.py", 'os.environ["DB_PASSWORD"] = "{}"'),
        ("a.py", 'if password == "{}":'),
        ("a.py", 'os.environ.get("DB_PASS", "{}")'),
        ("a.py", 'auth = HTTPBasicAuth("bob", "{}")'),
        ("a.py", 'password: str = "{}"'),
        ("a.js", "auth: {{ user: 'bob', pass: '{}' }}"),
        ("a.js", 'const password = process.env.PASSWORD || "{}";'),
        ("A.java", 'DriverManager.getConnection(url, "root", "{}");'),
        ("A.java", 'props.setProperty("mail.smtp.password", "{}");'),
        ("A.java", '@Value("${{db.password:{}}}")'),
        ("a.go", 'password := "{}"'),
        ("a.php", "define('DB_PASSWORD', '{}');"),
        ("a.php", "'password' => '{}',"),
        ("a.cs", 'new NetworkCredential("bob", "{}")'),
        ("a.c", '#define WIFI_PASSWORD "{}"'),
        ("a.ps1", 'ConvertTo-SecureString "{}" -AsPlainText -Force'),
        ("a.yml", "password: {}"),
        ("a.yml", "password: ${{DB_PASSWORD:-{}}}"),
        ("a.yml", "      - MYSQL_ROOT_PASSWORD={}"),
        ("a.yaml", '  - name: DB_PASSWORD\n    value: "{}"'),
        ("a.json", '{{"name": "DB_PASSWORD", "value": "{}"}}'),
        ("a.properties", "db.password = {}"),
        (".env.example", "export SMTP_PASS='{}'"),
        ("redis.conf", "requirepass {}"),
        ("a.xml", "<password>{}</password>"),
        ("a.xml", '<property name="connection.password">{}</property>'),
        ("web.config", '<add key="SmtpPassword" value="{}"/>'),
        ("a.tf", 'variable "db_password" {{\n  default = "{}"\n}}'),
        ("Dockerfile", "ENV DB_PASSWORD {}"),
        ("a.sh", "mysql -u root -p{} shop"),
        ("a.sh", "sshpass -p '{}' ssh a@b"),
        ("a.sh", "curl -u bob:{} https://api.acme.io"),
        ("a.sh", "./deploy --password {}"),
        ("a.sql", "ALTER USER bob WITH PASSWORD '{}';"),
        (".netrc", "machine a.io login bob password {}"),
    ],
)
def test_password_is_found_wherever_it_is_written(path, line):
    found = hits(path, "first\n" + line.format(STRONG) + "\n")
    assert [(hit.rule, hit.severity) for hit in found] == [("secret/password", SHOULD)]
    assert STRONG not in found[0].message
    file_line = ("first\n" + line.format(STRONG)).split("\n")[found[0].span.line - 1]
    assert file_line[found[0].span.column - 1 : found[0].span.end_column - 1] == STRONG


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", 'API_KEY = "{}"'),
        ("a.py", 'app.config["SECRET_KEY"] = "{}"'),
        ("a.py", 'requests.get(f"{{BASE}}/v1?api_key={}")'),
        ("a.js", 'jwt.sign(payload, "{}")'),
        ("a.js", "clientSecret: process.env.CLIENT_SECRET || '{}'"),
        ("a.sh", 'curl -H "X-Api-Key: {}" https://api.acme.io'),
        ("a.xml", '<string name="maps_api_key">{}</string>'),
        (".npmrc", "//registry.acme.io/:_authToken={}"),
        (".env.example", "SECRET_KEY_BASE={}"),
    ],
)
@pytest.mark.parametrize("value", [KEY, HEX])
def test_key_is_found_by_its_name_and_because_no_person_wrote_it(path, line, value):
    wanted = SHOULD if path == ".env.example" else MUST
    assert judged(path, line.format(value) + "\n") == [("secret/generic-api-key", wanted)]


@pytest.mark.parametrize(
    ("path", "line", "wanted"),
    [
        ("app.py", 'API_KEY = "{}"', MUST),
        ("app.py", 'connect("db", password="{}")', MUST),
        ("app.py", 'PUBLIC_API_KEY = "{}"', SHOULD),
        ("app.ts", "const searchKey = '{}'", SHOULD),
        ("app.sample.py", 'API_KEY = "{}"', SHOULD),
        ("tests/test_app.py", 'API_KEY = "{}"', NIT),
        ("docs.config.js", 'a = {{ appId: "A", apiKey: "{}", indexName: "docs" }}', SHOULD),
        ("dns.ini", "# Replace with your values\ndns_secret = {}", SHOULD),
        ("ci.yml", "env:\n  NODE_ENV: test\n  SECRET_KEY: {}", SHOULD),
        (".env.test", "SECRET_KEY={}", NIT),
        (".env.production", "SECRET_KEY={}", MUST),
        ("docs/app.py", 'API_KEY = "{}"', NIT),
        ("README.md", 'API_KEY = "{}"', NIT),
        ("settings/ci.py", 'API_KEY = "{}"', NIT),
        (".github/workflows/ci.yml", "api_key: {}", MUST),
        (".dredd/hooks/main.go", 'var apiKey = "{}"', NIT),
        ("app.js", "init({{ writeKey: '{}' }})", SHOULD),
        ("app.js", "const sentryKey = '{}'", SHOULD),
        ("app.js", "const algoliaKey = '{}'", SHOULD),
        ("app.js", "const algoliaAdminKey = '{}'", MUST),
        ("app.js", "const recaptchaSiteKey = '{}'", SHOULD),
        ("app.js", "const stripeKey = 'pk_live_{}'", SHOULD),
        ("player/plugins/tv.py", '_API_KEY = "{}"', SHOULD),
        ("player/plugin_host.py", '_API_KEY = "{}"', MUST),
        ("app.js", """# {{\n#   "a": 1,\n#   "token": "{}",\n#   "b": null\n# }}""", SHOULD),
        ("app.js", """# token was\n#   "token": "{}",\nstart()""", MUST),
        ("a.py", 'get("https://api.acme.io/v1?api_key={}")', SHOULD),
        ("a.ts", "super('https://api.acme.io', {{ api_key: '{}' }})", SHOULD),
        ("a.ts", "super('https://api.acme.io', {{ api_secret: '{}' }})", MUST),
        ("a.ts", "super('http://localhost:80', {{ api_key: '{}' }})", MUST),
        ("a.ini", "url = https://api.acme.io\napi_key = {}", MUST),
        ("a.js", "get('https://x.algolia.net?x-algolia-api-key={}')", SHOULD),
        ("api.yaml", "openapi: 3.1.0\npaths:\n  /a:\n    token: {}", SHOULD),
        ("api.json", '{{\n  "swagger": "2.0",\n  "token": "{}"\n}}', SHOULD),
        ("api.yaml", "paths:\n  /a:\n    token: {}\nopenapi: 3.1.0", MUST),
        ("load.py", 'test_otp_secret = "{}"', SHOULD),
        ("load.py", 'attest_secret = "{}"', MUST),
        ("values.yaml", "## Example:\n## ---\n## oidc:\n##   clientSecret: {}", SHOULD),
        ("values.yaml", "## Example:\noidc:\n##   clientSecret: {}", MUST),
        ("dist/app.js", 'var a={{apiKey:"{}"}};' + "f(1);" * 300, MUST),  # padding hides nothing
    ],
)
def test_a_drawn_value_with_a_telling_name_must_go_from_product_code(path, line, wanted):
    found = judged(path, line.format(KEY) + "\n")
    assert [severity for _, severity in found] in ([wanted], [] if wanted is SHOULD else [wanted])


def test_a_hash_behind_a_telling_name_is_an_argument_and_no_key_unless_it_is_set():
    assert judged("app.py", f'ask("PlaybackAccessToken", "{HEX}")\n') in (
        [],
        [("secret/generic-api-key", SHOULD)],
    )
    assert judged("app.py", f'ask(token="{HEX}")\n') == [("secret/generic-api-key", MUST)]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("deploy/tls.key", MUST),
        ("trial/a.localhost.key", SHOULD),
        ("demo-setups/relay.yaml", SHOULD),
        ("democracy/tls.key", MUST),
        ("attestation/latest/tls.key", MUST),
        ("webtest/tls.key", SHOULD),
    ],
)
def test_a_private_key_of_a_trial_is_no_must(path, wanted):
    body = "\n".join(drawn(64) for _ in range(4))
    key = f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"
    assert [severity for _, severity in judged(path, key)] == [wanted]


def test_the_beginning_of_a_private_key_is_an_example():
    begun = f'KEY="-----BEGIN PRIVATE KEY-----\\n{drawn(48)}'
    assert judged("help.go", begun + '..."\n') == [("secret/private-key", SHOULD)]
    assert judged("help.go", begun + '"\n') == [("secret/private-key", MUST)]


GOOGLE = "AI" + "zaSyB7x-Qk2vT9mLp4RwZ8nHcJ5dF0gYuE3sA"


@pytest.mark.parametrize(
    ("path", "line", "wanted"),
    [
        ("app.py", 'call(key="{}")', MUST),
        ("src/plugins/video.py", 'call(key="{}")', SHOULD),
        ("app.js", 'init({{ apiKey: "{}", authDomain: "a.firebaseapp.com" }})', SHOULD),
        ("app.py", 'url = "https://www.youtube.com/youtubei/v1/search?key={}"', SHOULD),
        (
            "a.html",
            '<script src="https://maps.googleapis.com/maps/api/js?key={}"></script>',
            SHOULD,
        ),
        ("app/google-services.json", '{{"current_key": "{}"}}', SHOULD),
    ],
)
def test_a_key_of_google_that_every_client_gets_is_no_must(path, line, wanted):
    assert judged(path, line.format(GOOGLE) + "\n") == [("secret/google-api-key", wanted)]


def test_a_key_of_one_word_over_and_over_is_none():
    def key(line):
        body = "\n".join([line] * 5)
        return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n"

    assert judged("config.yml", key("privatekey" * 4)) == []
    assert judged("config.yml", key(HEX + drawn(32))) != []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (".env", "VITE_APP_KEY"),
        ("app.js", "NEXT_PUBLIC_TOKEN"),
        (".env.test", "SECRET_KEY"),
        ("examples/shop/.env", "SECRET_KEY"),
        ("app.js", None),
    ],
)
def test_what_every_browser_gets_and_what_tests_use_is_no_held_secret(path, name):
    text = f'a = "{KEY}"\n'
    file = SourceFile(path, text, (), language_of(path, text), path_class(path))
    (check,) = checks_with(CHECKS, Redactor(HeldSecrets([(name or "SECRET_KEY", KEY)])))

    told = [hit.rule for hit in check.run(file)]
    assert told == ([] if name else ["secret/held-value"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgresql://shop:{}@db:5432/shop_data", True),
        ("password {}", True),
        ("postgresql://shop:${{DB_PASSWORD}}@db:5432/shop_data", False),
        ("amqp://@db:5432/shop_data", False),
    ],
)
def test_a_held_address_is_exposed_by_its_password_and_not_by_its_host(text, told):
    held = HeldSecrets([("DATABASE_URL", f"postgresql://shop:{KEY}@db:5432/shop_data")])
    file = SourceFile("compose.yml", f"url: {text.format(KEY)}\n", (), "yaml")
    (check,) = checks_with(CHECKS, Redactor(held))

    assert ("secret/held-value" in [hit.rule for hit in check.run(file)]) == told


def test_a_held_template_of_variables_is_exposed_by_none_of_them():
    url = "${POSTGRES_PASSWORD}"  # of an address in a file of settings
    held = HeldSecrets([("DATABASE_URL", url)])
    text = "psql -c \"CREATE ROLE shop PASSWORD '${POSTGRES_PASSWORD}'\"\n"
    (check,) = checks_with(CHECKS, Redactor(held))

    assert list(check.run(SourceFile("run.sh", text, (), "shell"))) == []


def test_a_held_value_beside_the_settings_of_tests_is_still_a_secret():
    text = f"env:\n  NODE_ENV: test\n  SECRET_KEY: {KEY}\n"
    file = SourceFile("ci.yml", text, (), language_of("ci.yml", text), path_class("ci.yml"))
    (check,) = checks_with(CHECKS, Redactor(HeldSecrets([("SECRET_KEY", KEY)])))
    assert [hit.rule for hit in check.run(file)] == ["secret/held-value"]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("# Our token looks like:\n#   {}", NIT),
        ("# it might look something like:\n# a://xoxb\n# or\n#   {}", NIT),
        ("# token = {}", MUST),
        ("# looks like\nTOKEN = '{}'", MUST),
    ],
)
def test_a_comment_that_describes_a_token_shows_none(line, wanted):
    assert [severity for _, severity in judged("a.py", line.format(TOKEN) + "\n")] == [wanted]


def test_a_key_in_a_file_of_others_is_published_already():
    text = f'const a = {{ apiKey: "{KEY}" }};\n'
    file = SourceFile("lib/vendor/a.js", text, (), "javascript", claim="vendored")

    assert [hit.severity for hit in CHECK.run(file)] == [SHOULD]
    assert judged("lib/own/a.js", text) == [("secret/generic-api-key", MUST)]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "changeme",
            "your-password",
            "<password>",
            "${DB_PASSWORD}",
            "{{ password }}",
            "xxxxxxxx",
        ),
        *(
            "$PASSWORD",
            "%PASSWORD%",
            "%s",
            "{password}",
            "********",
            "password",
            "userPassword",
            "test1234",
        ),
        *(
            "example123",
            "DB_PASSWORD",
            "env:DB_PASSWORD",
            "vault:secret/db#password",
            "arn:aws:x:y",
        ),
        *(
            "user.password.label",
            "./secrets/db.txt",
            "/run/secrets/db",
            "null",
            "None",
            "password123",
        ),
        *(
            "fake-password-1",
            "REDACTED",
            "process.env.DB",
            "getPassword()",
            "correct horse battery",
        ),
        *(
            "s3cr3t",
            "input-password",
            "new_password",
            "ENC(abcd)",
            "1.2.3",
            "user@acme.io",
            "secret",
        ),
        *(
            "$2b$12$abcdefghijklmnop",
            "op://vault/item/field",
            "...",
            "Enter your password",
            "passw0rd",
        ),
    ],
)
@pytest.mark.parametrize("line", ['password = "{}"', "password: '{}'", "db.password={}"])
def test_what_stands_for_a_password_is_none(value, line):
    for path in ("a.py", "a.yaml", "a.properties", "a.js"):
        assert hits(path, line.format(value) + "\n") == []


@pytest.mark.parametrize(
    "line",
    [
        f'next_token = "{KEY}"',
        f'"sha256": "{HEX}"',
        f'public_key = "{KEY}"',
        f'token_hash = "{HEX}"',
        f'PASSWORD_FIELD = "{STRONG}"',
        f'password_error = "{STRONG}"',
        'token = tokens["punctuation"]',
        "password = getpass.getpass('Password: ')",
        "WORDS = ['pass', 'packoffset9', 'pwd', 're_syntax2', 'ssh2_auth_key', 'x509_check2']",
        'if check_password("input", stored): pass',
        'password = password.encode("utf-8")',
        '"integrity": "sha512-' + KEY + '"',
        'cache_key = "user:1:profile"',
        'case "${DB_PASSWORD:+has-9Secrets}" in',
    ],
)
def test_names_that_promise_no_secret_are_left_alone(line):
    assert hits("a.py", line + "\n") == []


def test_vendor_token_is_a_must_in_code_and_a_should_in_tests():
    assert judged("app.py", f'T = "{TOKEN}"\n') == [("secret/github-token", MUST)]
    assert judged("tests/test_app.py", f'T = "{TOKEN}"\n') == [("secret/github-token", SHOULD)]
    assert judged("docs/use.md", f"T = {TOKEN}\n") == [("secret/github-token", SHOULD)]
    live = "sk" + "_live_" + drawn(24)
    assert judged("tests/test_app.py", f'T = "{live}"\n') == [("secret/stripe-key", MUST)]


def test_a_service_token_that_names_its_config_is_a_token():
    for config in ("", "dev.", "prd_eu-west."):
        token = "dp" + ".st." + config + drawn(43)
        assert judged("app.py", f"T = {token}\n") == [("secret/doppler-token", MUST)], config


def test_private_key_is_one_finding_over_its_lines_and_a_nit_in_tests():
    key = "-----BEGIN PRIVATE" + " KEY-----\n" + (drawn(64) + "\n") * 3
    (hit,) = hits("app.py", f'KEY = """{key}"""\n')
    assert (hit.span.line, hit.span.end_line, hit.span.column) == (1, 4, 0)
    assert drawn(64) not in hit.message
    assert "\n" not in hit.message
    assert judged("tests/data/key.pem", key) == [("secret/private-key", NIT)]


@pytest.mark.parametrize("rule", NAMED_RULES, ids=lambda rule: rule.name)
def test_key_with_its_vendors_name_is_a_must(rule):
    value = sample_of(rule.shapes[0], 3)
    found = hits("app.py", f'{rule.vendor[0].upper()}_API_TOKEN = "{value}"\n')
    assert len(found) == 1
    if found[0].rule == "secret/vendor-key-by-name":
        assert rule.what in found[0].message
        # The key that pages search with looks like the one that may write.
        assert found[0].severity is (SHOULD if "algolia" in rule.vendor else MUST)


def test_addresses_strings_and_headers_have_rules_of_their_own():
    assert (
        judged("a.sh", f"git clone https://bot:{STRONG}@git.acme.io/x\n")[0][0]
        == "secret/basic-auth-url"
    )
    text = f'c = "Server=db1;User Id=sa;Pwd={STRONG};"\n'
    assert judged("a.cs", text)[0] == ("secret/connection-string", SHOULD)
    text = f'h = {{"Authorization": "Bearer {KEY}"}}\n'
    assert judged("a.py", text)[0] == ("secret/authorization-header", MUST)
    assert judged("a.py", "postgres" + f"://app:{STRONG}@db.acme.io/x\n")[0] == (
        "secret/database-url",
        MUST,
    )


def test_local_and_shown_addresses_are_no_secrets():
    for address in (
        "http://user:pass@acme.io",
        f"http://bob:{STRONG}@localhost:80",
        "ssh://git@acme.io",
    ):
        assert hits("a.py", f'URL = "{address}"\n') == []


def test_value_that_looks_drawn_is_a_must_in_a_file_of_the_environment():
    line = f"SERVICE_TOKEN={drawn(32)}\n"
    for path in (".env", "deploy/.env.local", ".envrc"):
        assert judged(path, line) == [("secret/generic-api-key", Severity.MUST_FIX)], path
    for path in (".env.example", "docs/service.yaml", "tests/service.yaml"):
        assert [severity for _, severity in judged(path, line)] != [Severity.MUST_FIX], path


def test_only_what_no_harmless_code_holds_is_a_held_value():
    token, person, words = KEY, "sommer2024", "production-cache-of-the-shop"
    held = [("SERVICE_TOKEN", token), ("DB_PASSWORD", person), ("CACHE_KEY", words)]
    (check,) = checks_with(CHECKS, Redactor(HeldSecrets(held)))

    def said(path, text):
        file = SourceFile(path, text, (), language_of(path, text), path_class(path))
        return [h.message for h in check.run(file) if h.rule == "secret/held-value"]

    code = f'a = "{token[:16]}"\nb = "{person}"\nc = "{words}"\nd = "sommer2025"\n'
    assert said("a.py", code) == [
        f"The value of {name}, which this machine holds, stands in the code"
        for name in ("SERVICE_TOKEN", "DB_PASSWORD")
    ]
    assert len(said("tests/test_a.py", code)) == 1
    assert len(said(".env", code)) == 1


def test_documentation_gives_nits():
    assert judged("README.md", f"password: {STRONG}\n") == [("secret/password", NIT)]
    assert judged("a.ts", f"/**\n * password: '{STRONG}',\n */\n") == [("secret/password", NIT)]


def test_weak_words_are_nits_where_configuration_uses_them():
    assert judged("app.properties", "db.password=sunshine\n") == [("secret/password", NIT)]
    assert judged("messages_en.properties", "db.password=sunshine\n") == []


def test_every_vendor_rule_is_in_the_book():
    assert {f"secret/{rule.name}" for rule in VENDOR_RULES} <= set(BOOK)
    assert len(VENDOR_RULES) + len(NAMED_RULES) > 200


@pytest.mark.slow
def test_cost_grows_with_the_text_only():
    line = (
        'def get_token(self, key: str = "name") -> str: return self.passwords[key] or secret("x")\n'
    )
    kept, keys = f'password = "{STRONG}"\n', f'T = "{TOKEN}"\n'
    for path, piece in (("a.py", line), ("a.yaml", "password: "), ("a.py", kept), ("a.py", keys)):
        text = piece * (40_000 // len(piece))
        assert not grows_faster_than_its_text(lambda text, path=path: hits(path, text), text)
        assert ends_soon(lambda text, path=path: hits(path, text), piece)
