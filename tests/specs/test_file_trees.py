"""File trees in documents: parsed with their marks, and drawn."""

from reviewloop.specs.file_trees import draw_tree, tree_files, wrong_marks

DRAWN = """\
Text with src/other.py

```
src/
  auth/
    __init__.py
    router.py          # [NEW] FastAPI router
  database/
    models.py          # [MODIFY] Add User
    repositories/
      user.py  # [NEW]
Dockerfile.dev
```

```python
def app():
    return 1  # [NEW]
```

```text
web
├── src/
│   ├── page.tsx  [NEW]
│   │
│   └── lib/
│       └── api.ts      ← [MODIFY] calls
└── package.json
```
"""


def read(text: str) -> list[tuple[str, str, int]]:
    found = tree_files(enumerate(text.split("\n"), 1))
    return [(one.path, one.mark, one.line) for one in found]


def test_trees_of_any_drawing_are_read_with_whole_paths_marks_and_lines() -> None:
    assert read(DRAWN) == [
        ("src/auth/__init__.py", "", 6),
        ("src/auth/router.py", "NEW", 7),
        ("src/database/models.py", "MODIFY", 9),
        ("src/database/repositories/user.py", "NEW", 11),
        ("Dockerfile.dev", "", 12),
        ("web/src/page.tsx", "NEW", 23),
        ("web/src/lib/api.ts", "MODIFY", 26),
        ("web/package.json", "", 27),
    ]


def test_what_was_drawn_reads_the_same() -> None:
    notes = {
        "a.py": "[NEW]",
        "src/x/y.py": "[MODIFY] task 1",
        "src/b.py": "",
        "src/x/a.py": "[NEW]",
    }
    drawn = draw_tree(notes)

    assert drawn.split("\n")[1:-1] == [
        "a.py      # [NEW]",
        "src/",
        "  b.py",
        "  x/",
        "    a.py  # [NEW]",
        "    y.py  # [MODIFY] task 1",
    ]
    assert {path: mark for path, mark, _ in read(drawn)} == {
        "a.py": "NEW",
        "src/b.py": "",
        "src/x/a.py": "NEW",
        "src/x/y.py": "MODIFY",
    }


def test_a_mark_is_held_against_the_files_that_are_there() -> None:
    files = tree_files(enumerate(DRAWN.split("\n"), 1))
    reasons = [
        reason for _, reason in wrong_marks(files, ["src/auth/router.py", "web/src/lib/api.ts"])
    ]

    assert reasons == [
        "src/auth/router.py is marked [NEW], and it is there",
        "src/database/models.py is marked [MODIFY], and there is no such file",
    ]
