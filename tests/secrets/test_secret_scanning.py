import random
import re
import string

import pytest
from support.growth import LONG, ends, grows_faster_than_its_text

from reviewloop.secrets import redact, redact_columns, redact_value, scan_text
from reviewloop.secrets.vendors import SECRET_RULES, VENDOR_RULES, sample_of

# Values are put together here, so that no scanner takes this file for a leak.
_SHUFFLED = random.Random(7)


def made(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_SHUFFLED.choice(alphabet) for _ in range(length))


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits


def uuid() -> str:
    return "-".join(made(length, HEX) for length in (8, 4, 4, 4, 12))


SAMPLES = {
    "aws-access-key-id": "AKIA" + made(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "aws-secret-access-key": "aws_secret_access_key = " + made(40),
    "github-token": "gh" + "p_" + made(36),
    "github-fine-grained-token": "github" + "_pat_" + made(82),
    "gitlab-token": "glpat" + "-" + made(20),
    "slack-token": "xox" + "b-" + made(12, "0123456789") + "-" + made(24),
    "slack-webhook": "https://hooks.slack"
    + ".com/services/T"
    + made(9)
    + "/B"
    + made(9)
    + "/"
    + made(24),
    "stripe-key": "sk" + "_live_" + made(24),
    "google-api-key": "AI" + "za" + made(35),
    "google-oauth-secret": "GOCSPX" + "-" + made(28),
    "openai-key": "sk" + "-proj-" + made(74) + "T3Blbk" + "FJ" + made(74),
    "anthropic-key": "sk" + "-ant-api03-" + made(93),
    "private-key": "-----BEGIN RSA PRIVATE" + " KEY-----\n" + made(64) + "\n" + made(64) + "\n",
    "json-web-token": "eyJ" + made(30) + ".eyJ" + made(60) + "." + made(43),
    "npm-token": "npm" + "_" + made(36),
    "pypi-token": "pypi" + "-AgEIcHlwaS5vcmc" + made(70),
    "sendgrid-key": "SG" + "." + made(22) + "." + made(43),
    "twilio-key": "S" + "K" + made(32, HEX),
    "azure-storage-key": "Account" + "Key=" + made(86) + "==",
    "telegram-bot-token": made(9, "123456789") + ":A" + "A" + made(33),
    "vault-token": "hv" + "s." + made(90),
    "digitalocean-token": "dop" + "_v1_" + made(64, HEX),
    "databricks-token": "dap" + "i" + made(32, HEX),
    "shopify-token": "shp" + "at_" + made(32, HEX),
    "age-secret-key": "AGE-SECRET-" + "KEY-1" + made(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "huggingface-token": "h" + "f_" + made(34),
    "discord-webhook": "https://discord.com/api/web"
    + "hooks/"
    + made(18, "123456789")
    + "/"
    + made(68),
    "mailgun-key": "key" + "-" + made(32, HEX),
    "database-url": "postgresql://app:" + made(14) + "@db.shop.company.com:5432/shop",
    "assigned-secret": 'PASSWORD = "' + made(20) + '"',
}


# The rules that are shapes give samples of themselves; the others need one here.
SAMPLES |= {
    f"{rule.name}#{number}": sample_of(shape, number)
    for rule in VENDOR_RULES
    for number, shape in enumerate(rule.shapes)
}
SAMPLES |= {
    "aws-mws-token": "amzn.mws." + uuid(),
    "google-refresh-token": "1/" + "/0" + made(70),
    "azure-client-secret": made(3) + "8Q" + "~" + made(34),
    "azure-sas-token": "https://a.blob.core.windows.net/c?sv=2022&sig=" + made(43) + "%3D",
    "azure-devops-token": made(52) + "JQQ" + "J99" + made(2) + "AC" + made(22),
    "yandex-iam-token": "t1" + "." + made(40) + "." + made(86),
    "cloudflare-origin-ca-key": "v1.0" + "-" + made(24, HEX) + "-" + made(146, HEX),
    "terraform-cloud-token": made(14) + ".atlas" + "v1." + made(64),
    "onepassword-secret-key": "-".join(
        ["A" + "3", made(6, UPPER), made(11, UPPER), made(5, UPPER), made(5, UPPER), made(5, UPPER)]
    ),
    "harness-token": "pat" + "." + made(22) + "." + made(24, HEX) + "." + made(20),
    "teams-webhook": "https://a.webhook"
    + ".office.com/webhookb2/"
    + uuid()
    + "@"
    + uuid()
    + "/IncomingWebhook/"
    + made(32, HEX)
    + "/"
    + uuid(),
    "mailchimp-key": made(32, HEX) + "-us" + "12",
    "maxmind-key": made(6) + "_" + made(29) + "_m" + "mk",
    "putty-private-key": "PuTTY-User-Key-"
    + "File-2: ssh-rsa\nEncryption: none\n"
    + "Private-Lines: 14\n"
    + made(64)
    + "\n"
    + made(64),
}


def test_every_rule_has_a_sample():
    assert {name.partition("#")[0] for name in SAMPLES} == {rule.name for rule in SECRET_RULES}


@pytest.mark.parametrize("name", SAMPLES)
def test_rule_finds_its_sample(name):
    hits = scan_text(f'first line\nvalue: "{SAMPLES[name]}" # end\n')
    assert [hit.rule.name for hit in hits] == [name.partition("#")[0]]


@pytest.mark.parametrize("name", SAMPLES)
def test_mask_hides_the_value_and_keeps_the_lines(name):
    rule = next(rule for rule in SECRET_RULES if rule.name == name.partition("#")[0])
    text = f"a\nb {SAMPLES[name]}\nc\n"
    masked = redact(text)
    assert masked.count("\n") == text.count("\n")
    assert (masked == text) is not rule.redacts
    if rule.redacts:
        secret = max(re.findall(r"[A-Za-z0-9+/=]{6,}", SAMPLES[name]), key=len)
        assert secret not in masked
        assert redact(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
        "sk" + "_live_" + "x" * 24,
        "gh" + "p_" + "a" * 36,
        "postgres://postgres:postgres@localhost:5432/test",
        "postgres://user:${DB_PASSWORD}@db.shop.company.com/shop",
        "postgres://app:hunter2222@db:5432/shop",
        "begin = '-----BEGIN PRIVATE " + "KEY-----'",
        "self.token = request.headers['X-Token']",
        'password = "changeme-please"',
        "risk-proj-management-and-other-long-words-with-dashes-in-them-all",
        'api_key = os.environ["API_KEY_OF_THE_SERVICE"]',
        "desk-ant-api03-colony",
    ],
)
def test_documented_and_made_up_values_are_no_secrets(text):
    assert scan_text(text) == []


def test_key_in_one_escaped_line_is_found():
    text = '"private_key": "-----BEGIN PRIVATE' + " KEY-----\\n" + made(64) + "\\n" + made(40) + '"'
    assert [hit.rule.name for hit in scan_text(text)] == ["private-key"]


def test_masked_value_shows_only_its_first_characters():
    hit = scan_text(SAMPLES["github-token"])[0]
    assert hit.redacted == "ghp_…"


def test_short_secret_shows_next_to_nothing_of_itself():
    assert redact_value("Xk29dj3L") == "Xk…"
    assert redact_value("Xk2") == "X…"
    assert redact_columns("password = 'Xk29dj3L'", 13, 21) == "password = 'Xk…'"


@pytest.mark.slow
def test_hostile_text_is_scanned_quickly():
    begin = "-----BEGIN PRIVATE" + " KEY-----"
    texts = [
        begin + "+" * LONG,
        begin + "abc: d " * (LONG // 7),
        ("sk" + "-proj-") * (LONG // 8),
        "eyJ" * (LONG // 3),
        "postgres://" + "a:" * (LONG // 2),
        "secret" * (LONG // 6),
        "x" * 1_000_000,
    ]
    for text in texts:
        assert not grows_faster_than_its_text(scan_text, text[:12_000])
        assert ends(lambda text=text: scan_text(text))
