"""The README and the pages: their links, commands, options, pictures, and how long they are."""

import re
from pathlib import Path

import click
import pytest

from reviewloop.cli.main import cli

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "reviewloop"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
COMMAND = re.compile(r"(?:^|[ |(])reviewloop ((?:[a-z]|--?[a-z]).*)")
LIMITS = {"svg": 150_000, "png": 300_000}
A_PAGE = 900  # words; a page is read in five minutes, and what is longer is looked up
MOST = {
    **{"README.md": 1670, "reviewing.md": 1250, "how-a-run-works.md": 1020, "specs.md": 760},
    **{"quick-start.md": 600, "kiro.md": 600, "recipes.md": 650, "architecture.md": 1180},
    **{"outputs.md": 1000, "engine.md": 1150, "github-reference.md": 1250, "batch.md": 1270},
    **{"github.md": 1750, "privacy.md": 950},
}
INSTALLS = re.compile(
    r"\b(?:pipx? (?:install|run|inject|download)|uv tool (?:install|run)|uv add|uvx)\b([^\n`#;&|]*)"
)
BARE = re.compile(
    r"(?<![\w./-])reviewloop(?:-light)?(?:\[[^\]]*\])?(?![\w./-]|\[| @ (?:git\+|\{SOURCE))"
)
OF_OTHERS = {
    *("--all-tools", "--verbose", "--show"),  # of scripts in benchmarks/
    *("--require-hashes", "--no-deps", "--no-index", "--find-links"),  # of pip
}


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    found: list[str] = []
    for line in FENCE.sub("", path.read_text("utf-8")).splitlines():
        if heading := re.match(r"#+ +(.*)", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            found.append(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return set(found)


def commands(text: str) -> list[str]:
    """Return what follows `reviewloop` wherever a page shows a command."""
    blocks = [line for block in FENCE.findall(text) for line in block.splitlines()]
    shown = [line.partition("$ ")[2] for line in blocks if line.lstrip().startswith("$ ")]
    shown += [" ".join(span.split()) for span in SPAN.findall(FENCE.sub("", text))]
    found = [COMMAND.search(line.partition("  #")[0]) for line in shown]
    return [match[1] for match in found if match]


def options_of(command: click.Command) -> set[str]:
    own = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    return {*own, "--help", "-h"}


def every_option(command: click.Command) -> set[str]:
    found = options_of(command)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if below := command.get_command(context, name):
                found |= every_option(below)
    return found


def problem(line: str) -> str:
    """Return what is wrong with a command as a page shows it."""
    command: click.Command = cli
    words = re.sub(r"\"[^\"]*\"|'[^']*'", "TEXT", line).split()
    while words and isinstance(command, click.Group) and re.fullmatch(r"[a-z]+", words[0]):
        below = command.get_command(click.Context(command), words[0])
        if below is None:
            return "" if command is not cli and command.params else f"no command {words[0]}"
        command, words = below, words[1:]
    named = [word.partition("=")[0].strip("[],.;)") for word in words]
    wrong = [word for word in named if word.startswith("--") and word not in options_of(command)]
    return f"no option {wrong[0]}" if wrong else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_and_anchors_resolve(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    wrong = []
    for target in LINK.findall(text):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            wrong.append(target)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_and_options_exist(page):
    text = page.read_text("utf-8")
    wrong = {line: why for line in commands(text) if (why := problem(line))}
    known = every_option(cli) | OF_OTHERS
    alone = {span for span in SPAN.findall(FENCE.sub("", text)) if re.match("--[a-z]", span)}
    wrong |= {span: "no such option" for span in alone if re.split("[ =|]", span)[0] not in known}
    assert wrong == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_of_the_package_that_a_page_names_exist(page):
    named = re.findall(
        r"`(?:reviewloop/)?([a-z_]+(?:/[a-z_]+)+\.(?:py|toml))`", page.read_text("utf-8")
    )
    assert [one for one in named if not ((PACKAGE / one).exists() or (ROOT / one).exists())] == []


def test_what_is_wrong_in_a_page_is_seen():
    assert problem("review --stage") == "no option --stage"
    assert problem("rewiev main") == "no command rewiev"
    assert problem("queue approve 2.1 --al") == "no option --al"
    assert problem("queue approve --all") == ""
    assert commands("`reviewloop a --b`\n\n```console\n$ reviewloop c   # d\n```\n") == [
        "c ",
        "a --b",
    ]


def from_an_index(text: str) -> list[str]:
    """Return the lines that install reviewloop by its bare name: somebody else has it there."""
    return [found[0] for found in INSTALLS.finditer(text) if BARE.search(found[1])]


def test_nothing_tells_to_install_what_somebody_else_published():
    refused = (
        *("pip install reviewloop", "pip install 'reviewloop[openai]'", "uvx reviewloop review"),
        *("pip install -U reviewloop-light", "pipx install reviewloop==1.0", "uv add reviewloop"),
        *("uv tool install --with x reviewloop", "python -m pip install a reviewloop b"),
    )
    assert [line for line in refused if not from_an_index(line)] == []
    accepted = (
        *("pip install git+https://github.com/OWNER/reviewloop", "pip install ./reviewloop"),
        *("uv tool install 'reviewloop[openai] @ git+https://github.com/OWNER/reviewloop'",),
        *("uv tool install 'path/to/reviewloop[openai]'", "pip uninstall reviewloop"),
        *(
            "pip install --no-deps reviewloop-X.Y.Z-py3-none-any.whl",
            "cd reviewloop; pip install .",
        ),
    )
    assert [line for line in accepted if from_an_index(line)] == []
    others = [ROOT / name for name in ("CHANGELOG.md", "SECURITY.md", "action.yml")]
    folders = (".github", "benchmarks", "workflows", "docs", "requirements", "reviewloop")
    for folder in folders:
        files = (ROOT / folder).rglob("*")
        others += [one for one in files if one.suffix in {".md", ".py", ".yml", ".sh"}]
    told = {str(one): from_an_index(one.read_text("utf-8")) for one in (*PAGES, *others)}
    assert {name: lines for name, lines in told.items() if lines} == {}


def test_pictures_exist_and_are_small():
    named = {(page.parent / target).resolve() for page in PAGES
             for target in PICTURE.findall(page.read_text("utf-8"))}  # fmt: skip
    made = {path for path in (ROOT / "docs/pictures").iterdir() if path.suffix[1:] in LIMITS}
    assert named >= made
    for path in named:
        assert path.stat().st_size < LIMITS[path.suffix[1:]], path


def test_pages_are_short():
    """Pages that are too long are read by nobody."""
    sizes = {page.name: len(page.read_text("utf-8").split()) for page in PAGES}
    assert {name: n for name, n in sizes.items() if n > MOST.get(name, A_PAGE)} == {}
    # It grows with each release; nobody reads it from beginning to end.
    assert len((ROOT / "CHANGELOG.md").read_text("utf-8").split()) <= 5_600
