"""Patterns that name folders match what is in them, and those that match nothing are refused."""

import pytest

from reviewloop.domain.globs import PatternError, first_match, fits, require_sound


@pytest.mark.parametrize(
    "pattern", ["infra/", "infra", "./infra/**", "**/infra/", "/infra", "inf{ra,x}"]
)
def test_a_pattern_that_names_a_folder_is_about_all_in_it(pattern):
    assert first_match("infra/eu/main.tf", [pattern])
    assert not first_match("infrastructure/main.tf", [pattern])


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("migrations/", "app/migrations/1.sql", True),
        ("**/*secret*", "src/secrets/list.py", False),
        ("**/*secret*", "src/secrets/my_secret.py", True),
        ("docs/*", "docs/a/b.md", False),
        ("docs/**.md", "docs/a/b.md", True),
        ("docs/**.md", "docs/b.md", True),
        ("src/foo**", "src/foobar/x", True),
        ("**/*production*/**", "infra/production-eu/a.tf", True),
        ("#notes", "#notes", True),
        ("[ab", "[ab", False),
    ],
)
def test_what_a_pattern_matches(pattern, path, matches):
    assert bool(first_match(path, [pattern])) is matches


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "a/b.py", True),
        ("*.js", "a/b.js", True),
        ("/build/logs/", "build/logs/x", True),
        ("/build/logs/", "a/build/logs/x", False),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/a/b.md", False),
        ("apps/", "x/apps/y", True),
        ("/src/*-service", "src/pay-service/a.py", True),
        ("**/logs", "a/logs/x", True),
        ("/docs", "docs/x", True),
        ("/docs", "a/docs/x", False),
        ("DOCS", "docs", False),
    ],
)
def test_code_owners(pattern, path, matches):
    from reviewloop.github.publishing.text import codeowners, owners_of

    rules = codeowners(lambda _: f"{pattern} @ada\n".encode())
    assert (owners_of(rules, path) == ("ada",)) is matches


WRONG = [
    "",
    "  ",
    "./",
    "/",
    "[z-a]*",
    "[ab",
    "a//b",
    "../x",
    "a/./b",
    "!keep",
    "infra\\prod",
    "{a,b",
    "a\\",
]


@pytest.mark.parametrize("pattern", WRONG)
def test_a_pattern_that_can_match_nothing_is_refused(pattern):
    with pytest.raises(PatternError):
        require_sound(pattern)
    assert not fits(pattern)("infra/prod")


@pytest.mark.parametrize(
    "key",
    ["review.ignore", "governance.patterns", "guard.secret_files", "guard.secret_files_allowed"],
)
def test_settings_refuse_such_a_pattern_by_its_key(key, tmp_path):
    from support.checkout import Checkout

    table, _, name = key.partition(".")
    checkout = Checkout(tmp_path / "project", tmp_path / "home")
    checkout.root.mkdir()
    checkout.git("init", "-q")
    checkout.write("reviewloop.toml", f'[{table}]\n{name} = ["[z-a]*"]\n')
    said = checkout.run("review")
    assert said.code == 2
    assert key in said.err
    assert "expected patterns that can match a file: '[z-a]*' is no valid pattern" in said.err


def test_the_defaults_are_sound():
    from reviewloop.settings import Settings

    settings = Settings()
    for pattern in (*settings.governance.patterns, *settings.guard.secret_files):
        require_sound(pattern)
