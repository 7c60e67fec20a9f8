"""Cycles of hooks that `hooks validate` detects."""

import pytest

from reviewloop.hooks.reading import read_hooks
from reviewloop.specs.files import MemoryFiles


def hook(name: str, on: str, writes: str = "", event: str = "file.save", more: str = "") -> str:
    written = f"    writes: ['{writes}']\n" if writes else ""
    return (
        f"- name: {name}\n  trigger:\n    event: {event}\n    filter: ['{on}']\n"
        f"  action:\n    command: 'true'\n{written}{more}"
    )


def cycles(*hooks: str) -> list[str]:
    found = read_hooks(MemoryFiles({".reviewloop/hooks/a.yaml": "".join(hooks).encode()}))
    assert found.errors == ()
    return [one.text for one in found.problems if "cycle" in one.text]


@pytest.mark.parametrize(
    ("hooks", "way"),
    [
        ([hook("a", "src/**", "docs/**"), hook("b", "docs/*.md", "src/a.py")], "a → b → a"),
        ([hook("a", "**/*.py", "api.json"), hook("b", "*.json", "lib/x.py")], "a → b → a"),
        (
            [
                hook("a", "a/*", "b/*"),
                hook("b", "b/*", "c/*"),
                hook("c", "c/one", "a/two", "file.create"),
            ],
            "a → b → c → a",
        ),
    ],
)
def test_a_cycle_is_named_once(hooks, way):
    [text] = cycles(*hooks)
    assert text.startswith(f"cycle of hooks {way}: ")


@pytest.mark.parametrize(
    "hooks",
    [
        [hook("a", "src/**", "docs/**"), hook("b", "docs/**", "build/**")],
        [hook("a", "src/**", "src/**")],  # it edits what it is for until nothing changes
        [hook("a", "src/**", "docs/**"), hook("b", "docs/**", "src/**", "git.commit")],
        [hook("a", "src/**", "docs/**", more="    mode: queued\n"), hook("b", "docs/**", "src/**")],
        [hook("a", "src/**"), hook("b", "docs/**")],
    ],
)
def test_what_ends_by_itself_is_none(hooks):
    assert cycles(*hooks) == []
