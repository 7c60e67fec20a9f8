import pytest

from reviewloop.domain.globs import first_match


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**/.env*", ".env", True),
        ("**/.env*", "a/b/.env.local", True),
        ("**/.env*", "a/b/environment", False),
        ("**/*secret*", "app/my-Secret.txt", True),
        ("**/*secret*", "secrets/readme.md", False),
        ("**/migrations/**", "app/migrations/0001.py", True),
        ("**/migrations/**", "migrations/0001.py", True),
        ("**/migrations/**", "app/migrations.py", False),
        (".github/workflows/**", ".github/workflows/ci.yml", True),
        (".github/workflows/**", "sub/.github/workflows/ci.yml", False),
        ("Dockerfile*", "images/Dockerfile.dev", True),
        ("/top.txt", "a/top.txt", True),
        ("a/*.py", "a/b/c.py", False),
        ("a/?.py", "a/b.py", True),
        ("**/*production*.{yml,json}", "x/production.json", True),
        ("**/*production*.{yml,json}", "x/production.toml", False),
        ("a/[ab].txt", "a/b.txt", True),
        ("a/[!ab].txt", "a/b.txt", False),
        ("a.b", "aXb", False),
        ("**/with\nline", "with\nline", True),
    ],
)
def test_pattern(pattern, path, matches):
    assert (first_match(path, [pattern]) == pattern) is matches
