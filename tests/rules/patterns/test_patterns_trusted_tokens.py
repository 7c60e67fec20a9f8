"""How bad it is to read a token without its signature depends on what else the file does."""

import pytest
from support.analysed_files import source
from support.rule_examples import BY_NAME

from reviewloop.domain.finding import Severity

UNSIGNED = 'options={"verify_signature": False})'


@pytest.mark.parametrize(
    ("code", "severities"),
    [
        (f"user = jwt.decode(token, {UNSIGNED}", [None]),
        (f"iss = jwt.decode(unverified, {UNSIGNED}", [Severity.NIT]),
        (f"a = jwt.decode(t, {UNSIGNED}\nb = jwt.decode(t, key(a), ['RS256'])", [Severity.NIT]),
        (f"image.decode(data, {UNSIGNED}", []),
    ],
)
def test_unsigned_tokens(code, severities):
    hits = BY_NAME["python-security"].run(source("app.py", f"import jwt\n{code}\n"))
    assert [hit.severity for hit in hits] == severities
