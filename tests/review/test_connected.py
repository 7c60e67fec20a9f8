"""The relation of a change to everything that was committed below it."""

import cProfile
import random
from base64 import b64encode

import pytest

from reviewloop.git.interdiff import interdiff
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.review.related import relate_changes
from reviewloop.secrets import HeldSecrets, Redactor

PRICES = "def format_price(cents):\n    return cents / 100\n"
CART = "class Cart:\n    def to_dict(self):\n        return {}\n"
BASE = {
    "shop/prices.py": PRICES,
    "shop/cart.py": CART,
    "shop/words.py": "def total():\n    return 1\n",
    "cmd/a.go": "package cmd\n\nfunc total() int { return 1 }\n",
    "web/money.js": "export const formatPrice = (cents) => cents / 100\n",
    "config/limits.yaml": "max_orders: 3\n",
    "docs/prices.md": "Call `format_price`.\n",
    "package-lock.json": '{"shown_price": 1}\n',
    "db/migrations/0001_first.sql": "select 1;\n",
}
RENAMED = PRICES.replace("format_price", "price_text")
NOTHING = "x = 1\n"


@pytest.fixture
def trees(repo, tmp_path):
    private = PrivateRepo.create(tmp_path / "private", discover(repo))
    base = _edited(private, private.tree_of(private.head), BASE)
    yield private, base
    private.close()


def _edited(private, tree, files):
    given = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    return private.edit(tree, given)


def _connected(trees, ours, theirs):
    private, base = trees
    onto = _edited(private, base, theirs)
    now = _edited(private, onto, ours)

    def read(tree):
        return lambda path: (found := private.read(tree, path)) and found.decode()

    change, below = private.change(onto, now), private.change(base, onto)
    return relate_changes(change, below, read(base), read(now))


@pytest.mark.parametrize(
    ("ours", "theirs", "tied"),
    [
        # The change uses what was renamed: by its import, and where a name alone tells.
        ({"a.py": "from shop.prices import format_price\n"}, {"shop/prices.py": RENAMED}, True),
        ({"a.py": "shown = 'by format_price'\n"}, {"shop/prices.py": RENAMED}, True),
        ({"a.js": "show(formatPrice(1))\n"}, {"web/money.js": "export const other = 1\n"}, True),
        # What came below uses what the change renames, or tests it.
        ({"shop/prices.py": RENAMED}, {"b.py": "import shop.prices\n"}, True),
        ({"shop/prices.py": RENAMED}, {"b.py": "call('format_price')\n"}, True),
        ({"shop/fresh.py": NOTHING}, {"tests/test_fresh.py": "y = 2\n"}, True),
        # Both add a helper of one name; both have touched a file; a default is read by its name.
        ({"a.py": "def price_of(x): ...\n"}, {"b.py": "def price_of(y): ...\n"}, True),
        ({"docs/prices.md": "New.\n" + BASE["docs/prices.md"]}, {"docs/prices.md": "Old.\n"}, True),
        ({"a.py": "n = settings.max_orders\n"}, {"config/limits.yaml": "max_orders: 9\n"}, True),
        ({"a.py": "open('limits.yaml')\n"}, {"config/limits.yaml": "other: 9\n"}, True),
        # Two of one number; what is deleted is still imported.
        (
            {"db/migrations/0002_a.sql": "select 2;\n"},
            {"db/migrations/0002_b.sql": "select 3;\n"},
            True,
        ),
        ({"adr/0007-a.md": "A\n"}, {"adr/0007-b.md": "B\n"}, True),
        ({"a.py": "from shop import prices\n"}, {"shop/prices.py": None}, True),
        # A method that is gone, whoever has it; its inside concerns who works with its class.
        ({"a.py": "b.to_dict()\n"}, {"shop/cart.py": "class Cart:\n    pass\n"}, True),
        ({"a.py": "b.to_dict()\n"}, {"shop/cart.py": CART.replace("{}", "{1: 2}")}, False),
        ({"a.py": "Cart().to_dict()\n"}, {"shop/cart.py": CART.replace("{}", "{1: 2}")}, True),
        # A plain word says nothing, but where a folder's files share their names.
        ({"a.py": "total = 3\n"}, {"shop/words.py": "def total():\n    return 2\n"}, False),
        (
            {"cmd/b.go": "package cmd\n\nfunc use() int { return total() }\n"},
            {"cmd/a.go": BASE["cmd/a.go"].replace("1", "2")},
            True,
        ),
        # A type is used unimported in some languages; in others its name is a word of a comment.
        ({"a.rb": "Shelf.new\n"}, {"shop/shelf.rb": "class Shelf\n  def other; end\nend\n"}, True),
        ({"a.py": "# Shelf of\n"}, {"shop/shelf.py": "class Shelf:\n    n = 2\n"}, False),
        ({"a.py": "# Shelf of\n"}, {"config/limits.yaml": "max: Shelf\n"}, False),
        # Nothing breaks by prose or a lock file, nor by what lies beside.
        ({"a.py": "format_price(1)\n"}, {"docs/prices.md": "Say `format_price` no more.\n"}, False),
        ({"a.py": "shown_price = 1\n"}, {"package-lock.json": '{"shown_price": 2}\n'}, False),
        ({"shop/fresh.py": NOTHING}, {"shop/prices.py": RENAMED}, False),
        ({"README.md": "Call format_price.\n"}, {"shop/prices.py": RENAMED}, False),
    ],
)
def test_a_change_has_to_do_with_what_it_touches_and_uses(trees, ours, theirs, tied):
    found = _connected(trees, ours, theirs)
    assert found == ({path: tuple(ours) for path in theirs} if tied else {})


def test_a_change_merged_cleanly_differs_in_nothing(trees):
    private, base = trees
    long = "".join(f"line {n}\n" for n in range(40))
    base = _edited(private, base, {"a.txt": long, "b.txt": long, "old.txt": long})
    ours = {"a.txt": long.replace("line 30\n", "thirty\n"), "old.txt": long + "more\n"}
    below = {"a.txt": "first\n" + long, "old.txt": None, "new.txt": long}
    read = private.change(base, _edited(private, base, ours))
    onto = _edited(private, base, below)
    merged = {"a.txt": "first\n" + ours["a.txt"], "new.txt": ours["old.txt"]}
    now = private.change(onto, _edited(private, onto, merged))
    assert interdiff(read, now) == {}


def test_what_is_no_longer_the_change_that_was_read_is_shown(trees):
    private, base = trees
    ours = {"shop/prices.py": PRICES + "\n\ndef half(x):\n    return x / 2\n", "gone.py": NOTHING}
    ours |= {"latin.txt": "\xe9".encode("latin-1")}
    read = private.change(base, _edited(private, base, ours))
    onto = _edited(private, base, {"gone.py": NOTHING})
    other = ours["shop/prices.py"].replace("x / 2", "x // 2")
    now = private.change(onto, _edited(private, onto, {"shop/prices.py": other}))
    found = interdiff(read, now)
    assert list(found) == ["gone.py", "latin.txt", "shop/prices.py"]
    assert "-+\ufffd" in found["latin.txt"]
    assert "-+x = 1\n" in found["gone.py"]
    assert "-+    return x / 2\n++    return x // 2\n" in found["shop/prices.py"]


def test_large_changes_are_compared_by_their_words_and_not_pair_by_pair(trees):
    private, base = trees
    ours = {f"db/migrations/{n:04}_a.sql": f"select price_of_{n};\n" for n in range(200)}
    theirs = {f"db/migrations/{n:04}_b.sql": f"select shelf_of_{n};\n" for n in range(200)}
    onto = _edited(private, base, theirs)
    now = _edited(private, onto, ours)
    below, change = private.change(base, onto), private.change(onto, now)

    def read(path):
        return ours.get(path) or theirs.get(path)

    profile = cProfile.Profile()
    found = profile.runcall(relate_changes, change, below, read, read)
    assert {len(tied) for tied in found.values()} == {40}
    assert sum(entry.callcount for entry in profile.getstats()) < 200_000


def test_secrets_are_hidden_in_what_differs_however_many_signs_stand_before_a_line(trees):
    private, base = trees
    code = [b64encode(bytes(random.Random(n).randbytes(48))).decode() for n in range(6)]
    begin, end = (f"-----{word} RSA PRIVATE KEY-----\n" for word in ("BEGIN", "END"))
    key = begin + "".join(f"{line}\n" for line in code) + end
    read = private.change(base, _edited(private, base, {"a.txt": key, "b.txt": "1\n"}))
    now = private.change(base, _edited(private, base, {"a.txt": "1\n", "b.txt": key}))
    found = interdiff(read, now, Redactor(HeldSecrets(()), b"k" * 32).for_models)
    assert "⟦secret:private-key:" in found["a.txt"]
    assert [line for line in code if line in "".join(found.values())] == []
