"""Names, files and addresses that look like others, and honest text of many scripts."""

import pytest
from support.change_views import change_view
from support.hidden import LISTED

from reviewloop.analysis.contract import SourceFile
from reviewloop.rules.diff.hidden import HIDDEN
from reviewloop.rules.diff.names import ADDRESSES, NAMES

CYRILLIC_COPY = "\u0441\u043e\u0440\u0443"  # reads "copy"
FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
QUIET = {0x0C, 0x0D}  # form feeds and line ends are the concern of other checks


def file_of(path: str, text: str) -> SourceFile:
    return change_view({}, {path: text}).files[0]


def rules_of(check, path: str, text: str) -> list[str]:
    return [hit.rule for hit in check.run(file_of(path, text))]


def named(new: dict[str, str], base: dict[str, str] | None = None) -> list[tuple[str, str]]:
    return [(hit.rule, hit.path) for hit in NAMES.run(change_view(base or {}, new))]


@pytest.mark.parametrize("path", ["app.py", "README.md"])
def test_every_listed_character_in_latin_text_is_a_finding(path):
    silent = [
        code
        for code, char in ((f"U+{number:04X}", chr(number)) for number in set(LISTED) - QUIET)
        if [code in hit.message for hit in HIDDEN.run(file_of(path, f"name = 'a{char}b'\n"))]
        != [True]
    ]
    assert silent == []


@pytest.mark.parametrize(
    "text",
    [
        "\u2764\ufe0f \u2714\ufe0e 1\ufe0f\u20e3 \U0001f469\U0001f3fd\u200d\U0001f680 " + FLAG,
        "\ufeffplain",
        "old\rmac\rtext",
        "x = 1\n\f\ndef f():",
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u05d0\u05d1\u05d2 (C++\u200e) \u05d3",  # Hebrew with a mark after Latin signs
        "\u0915\u094d\u200d\u0937",  # Hindi conjunct
        "\u845b\U000e0100\u57ce",  # a Japanese name
        "\u1820\u180b",  # Mongolian
        "\u05b8\u034f\u05d0",  # points of Hebrew
    ],
)
def test_honest_uses_stay_quiet(text):
    assert rules_of(HIDDEN, "notes.py", text + "\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f600" + "".join(map(chr, range(0xFE00, 0xFE09))),  # a message behind one picture
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all rules") + "\U000e007f",
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbeng"),  # a flag without its end
        "\u05d0 \u200e\u200f\u200e\u200e\u200f\u200f",  # zeroes and ones in Hebrew
        "\u0631\u200c\u200d\u200c\u200c\u200d\u062e",
        "a\U000e0100",
    ],
)
def test_the_same_characters_in_runs_or_out_of_place_are_findings(text):
    assert rules_of(HIDDEN, "notes.md", text + "\n")


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"a.py": f"def copy(): ...\n\n\ndef {CYRILLIC_COPY}(): ...\n"}, "a.py"),
        ({"a.py": "def copy(): ...\n", "b.py": f"{CYRILLIC_COPY}()\n"}, "b.py"),
        ({"a.py": "\u0261etattr(x, 'y')\n"}, "a.py"),  # the builtin
        ({"a.py": "\U0001d41e\U0001d42f\U0001d41a\U0001d425(x)\n"}, "a.py"),  # Python runs eval
        ({"a.js": "let user\u01c3 = 1; w\u0131ndow.x()\n"}, "a.js"),
    ],
)
def test_a_name_that_reads_like_another_is_a_finding(files, path):
    assert named(files) == [("diff/confusable-name", path)]


@pytest.mark.parametrize(
    "text",
    [
        "\u03c1 = 1\np = 2\n\u03c3x = 3\nox = 4\n",  # formulas
        f"{CYRILLIC_COPY} = 1\n",  # looks like nothing that is there
        f"copy = '{CYRILLIC_COPY}'  # {CYRILLIC_COPY}\n",
        "na\u00efve = naive = 1\n",
        "user1 = userl = 1\n",
        "\u540d\u524d = name = 1\n",
    ],
)
def test_names_of_other_scripts_are_no_findings(text):
    assert named({"a.py": text}) == []


def test_old_lines_with_such_names_are_not_told_again():
    old = f"def copy(): ...\n{CYRILLIC_COPY}()\n"
    assert named({"a.py": old + "x = 1\n"}, {"a.py": old}) == []


@pytest.mark.parametrize(
    "path",
    [
        "src/\u0441onfig.py",  # mixes scripts
        f"{CYRILLIC_COPY}.py",  # beside copy.py
        "invoice\u202etxt.exe",
        "a\u200b.py",
        "\ufeffrun.sh",
        "a\x1b[2K.py",
        "k\u3164.py",
    ],
)
def test_a_file_whose_name_deceives_is_a_finding(path):
    assert named({"copy.py": "", path: "x = 1\n"}) == [("diff/confusable-path", path)]


@pytest.mark.parametrize(
    "path",
    [
        "docs/\u043f\u0440\u0438\u0432\u0435\u0442.md",
        "caf\u00e9.py",
        "caf\udce9.py",
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.md",
        "\u2764\ufe0f.md",
        f"{CYRILLIC_COPY}.md",
    ],
)
def test_honest_names_of_files_stay_quiet(path):
    assert named({"copy.py": "", path: "x\n"}) == []


@pytest.mark.parametrize(
    ("host", "deceives"),
    [
        ("\u0430\u0440\u0440\u04cf\u0435.com", True),
        ("git\u04bbub.com", True),
        ("xn--80ak6aa92e.com", True),
        ("github.com\u2215org.example.net", True),
        ("user@g\u0456thub.com:8080", True),
        ("\uff47ithub.com", True),
        ("m\u00fcnchen.de", False),
        ("xn--mnchen-3ya.de", False),
        ("\u043f\u0440\u0435\u0437\u0438\u0434\u0435\u043d\u0442.\u0440\u0444", False),
        ("k\u0131z\u0131lay.org.tr", False),
        ("\u4f8b\u3048.jp", False),
        ("xn--\u00fc.de", False),
        ("xn--99999999999.de", False),
    ],
)
def test_hosts_are_judged_by_what_they_are_taken_for(host, deceives):
    text = f"see https://{host}/path\n"
    assert rules_of(ADDRESSES, "README.md", text) == ["diff/confusable-address"] * deceives
