"""Patterns mean what they mean in Kiro and in gitignore-like tools."""

import pytest

from reviewloop.domain.globs import matcher


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("src/a.py", "src/*.py", True), ("src/x/a.py", "src/*.py", False),
        ("src/x/a.py", "src/**/*.py", True), ("src/a.py", "src/**/*.py", True),
        ("a.py", "**/*.py", True), ("deep/in/a.py", "*.py", True),
        ("src/a.ts", "src/*.{ts,tsx}", True), ("src/a.js", "src/*.{ts,tsx}", False),
        ("docs/x/y.md", "docs/", True), ("docs/x", "./docs/**", True),
        ("a1.txt", "a[0-9].txt", True), ("ab.txt", "a[!0-9].txt", True), ("a+b", "a+b", True),
        (".env.local", "**/.env*", True), ("x/.env", "**/.env*", True), ("a", "", False),
        ("a{b", "a{b", True), ("x", "(", False),
    ],
)  # fmt: skip
def test_patterns(path, pattern, expected):
    assert (matcher([pattern])(path) is not None) is expected
