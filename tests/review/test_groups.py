"""Related files are grouped without running code, and packed without loss."""

import pytest

from reviewloop.review.related import find_related, group_related


@pytest.mark.parametrize(
    ("path", "text", "other"),
    [
        ("web/view.py", "from shop.store import add", "shop/store.py"),
        ("web/view.py", "from shop import store", "shop/store.py"),
        ("web/view.py", "import src.shop.store", "lib/src/shop/store.py"),
        ("web/a/view.py", "from ..b import store", "web/b/store.py"),
        ("web/a/view.py", "from shop import add", "shop/__init__.py"),
        ("web/view.ts", "import {add} from '../shop/store'", "shop/store.ts"),
        ("web/view.ts", "import {add} from '../shop'", "shop/index.ts"),
        ("web/view.js", "const s = require('../shop/store.js')", "shop/store.js"),
        ("src/main/java/a/View.java", "import com.acme.Store;", "lib/java/com/acme/Store.java"),
        ("cmd/main.go", 'import "example.org/demo/pkg/store"', "pkg/store/store.go"),
        ("src/view.c", '#include "shop/store.h"', "lib/shop/store.h"),
        ("src/app.rs", "use crate::shop::store;", "src/shop/store.rs"),
        ("tests/test_store.py", "", "shop/store.py"),
        ("web/store.spec.ts", "", "shop/store.ts"),
        ("test/StoreTest.java", "", "src/Store.java"),
    ],
)
def test_a_file_is_tied_to_what_it_imports_or_tests(path, text, other):
    found = find_related([path, other, "docs/far.md"], {path: text}.get)
    assert found[path][other] == found[other][path] >= 8
    assert not found["docs/far.md"]


def test_a_folder_ties_weakly_and_a_word_in_prose_not_at_all():
    files = ["shop/a.py", "shop/b.py", "web/c.py", "web/import.md"]
    found = find_related(files, {"web/c.py": "# a use of b, from a"}.get)
    assert found["shop/a.py"] == {"shop/b.py": 2}
    assert found["web/c.py"] == {"web/import.md": 2}


def test_groups_hold_everything_once_fit_and_keep_the_strongest_ties():
    items = [("a", 40), ("b", 40), ("c", 40), ("d", 40), ("huge", 900), ("e", 10)]
    near = {"a": {"d": 16, "b": 8}, "d": {"a": 16}, "b": {"a": 8, "c": 2}, "c": {"b": 2}}
    groups = group_related(items, near, 100)
    assert groups == [[0, 3, 5], [1, 2], [4]]
    assert all(sum(items[n][1] for n in group) <= 100 for group in groups if group != [4])
    assert groups == group_related(items, near, 100)


@pytest.mark.slow
def test_thousands_of_files_are_grouped_in_a_moment():
    files = [f"src/part{n % 60}/file{n}.py" for n in range(3000)]
    near = find_related(files, lambda path: "from src.part1 import file1\n" * 20)
    groups = group_related([(path, 300) for path in files], near, 20_000)
    assert sum(map(len, groups)) == 3000
    assert len(groups) < 3000 * 300 / 20_000 * 1.2
