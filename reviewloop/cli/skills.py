"""`skills`: workflows in Markdown for assistants; ours run only our commands."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from reviewloop.app.project import checkout_if_any, repository
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command, Group
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.untrusted import one_line, safe
from reviewloop.skills import (
    FILE,
    NAME_LONGEST,
    Found,
    Problem,
    find_skills,
    nearest_name,
    problems_of,
    shipped_skills,
    skeleton,
    warnings_of,
)
from reviewloop.skills.parts import to_skill_name
from reviewloop.store.folders import repository_folder

_FOLDERS = (".kiro/skills", ".claude/skills", ".agents/skills")  # the last one is the default
_CALLED = {".kiro": "in Kiro: /{}", ".claude": "in Claude Code: /{}"}
_INSTALLED = "skills-installed.json"
_SHOWN = 70  # characters of a description


_SESSION = "reviewloop.cli.skill_session"
_LATER = {
    name: f"{_SESSION}:{name}"
    for name in ("capture", "improve", "approve", "modify", "resume", "reject")
}
_LATER |= {
    "run": "reviewloop.cli.skill_run:run",
    "suggest": "reviewloop.cli.skill_suggest:suggest",
}


@click.group(cls=Group, later=_LATER)
def skills() -> None:
    """Install, write and check skills for assistants."""


@skills.command("list", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_(as_json: bool) -> ExitCode:
    """List the skills of the project, of your home and those that we ship."""
    found = find_skills(checkout_if_any(), Path.home())
    if as_json:
        print_json("skills", {"skills": [_plain(one) for one in found]})
    else:
        for one in found:
            hidden = f" (not used: {one.hidden_by})" if one.hidden_by else ""
            click.echo(one_line(f"{one.name}: {_about(one)}  [{one.shown}]{hidden}"))
    return ExitCode.FINDINGS if any(one.unread for one in found) else ExitCode.CLEAN


@skills.command("show", cls=Command)
@click.argument("name")
def show(name: str) -> ExitCode:
    """Print a skill."""
    found = named_skill(name)
    if found.unread:
        raise UsageError(f"{found.shown} cannot be read: {found.unread}")
    click.echo(safe(found.text))
    return ExitCode.CLEAN


@skills.command("validate", cls=Command)
@click.argument("paths", nargs=-1, metavar="[NAME|PATH]...")
@click.option("--strict", is_flag=True, help="Say what makes a valid skill weak, too.")
def validate(paths: tuple[str, ...], strict: bool) -> ExitCode:
    """Check skills against the format; without a name all of the project."""
    chosen = [_at(one) for one in paths] or [
        one for one in find_skills(checkout_if_any(), Path.home()) if one.shown != "shipped"
    ]
    wrong = 0
    for one in chosen:
        problems = [*_problems(one)]
        wrong += len(problems)
        warnings = [*warnings_of(one.text)] if strict and not one.unread else []
        for label, listed in (("", problems), ("warning: ", warnings)):
            for problem in listed:
                click.echo(one_line(f"{one.shown}:{problem.line}: {label}{problem.text}"))
        if not problems:
            print_lines(f"{one_line(one.name)} is valid")
    if not chosen:
        print_lines("this project has no skills; `reviewloop skills install NAME` adds one of ours")
    return ExitCode.FINDINGS if wrong else ExitCode.CLEAN


@skills.command("new", cls=Command)
@click.argument("name")
@click.option("-m", "--message", default="", metavar="TEXT", help="What it is for, and when.")
@click.option("--to", "folder", metavar="FOLDER", default="", help="Where it goes.")
def new(name: str, message: str, folder: str) -> ExitCode:
    """Write a skill to fill in."""
    name = skill_name(name)
    path = f"{target_folder(folder)}/{name}/{FILE}"
    disk = Disk(repository().root)
    if disk.read(path).kind is not Kind.ABSENT:
        raise UsageError(f"{path} is there already; edit it, or choose another name")
    description = " ".join(message.split()) or "Say in a sentence what it does and when to use it."
    _write(disk, path, skeleton(name, description))
    click.echo(f"{path} is written; fill it in, then `reviewloop skills validate {name}`")
    return ExitCode.CLEAN


@skills.command("install", cls=Command)
@click.argument("names", nargs=-1, metavar="NAME...|all", required=True)
@click.option("--to", "folder", metavar="FOLDER", default="", help="Where they go.")
@click.option("--force", is_flag=True, help="Replace what was changed since.")
def install(names: tuple[str, ...], folder: str, force: bool) -> ExitCode:
    """Copy skills of ours into the project, for Kiro, Claude Code and others.

    They go to .kiro/skills, .claude/skills or .agents/skills, whichever the project has.
    """
    shipped = {one.name: one for one in shipped_skills()}
    user, target = repository(), target_folder(folder)
    disk, state = Disk(user.root), repository_folder(user.key) / _INSTALLED
    chosen = sorted(shipped) if names == ("all",) else [*dict.fromkeys(names)]
    for name in chosen:
        if name not in shipped:
            listed = ", ".join(sorted(shipped))
            raise UsageError(f"no skill of ours is called {name!r}; there are {listed}")
    known = _installed(state)
    for name in chosen:
        path = f"{target}/{name}/{FILE}"
        there = disk.read(path)
        same = there.data == shipped[name].text.encode()
        own = known.get(path) == hashlib.sha256(there.data).hexdigest()
        if there.kind is not Kind.ABSENT and not (same or own or force):
            raise UsageError(
                f"{path} was changed since it was installed; --force replaces it, or keep it"
            )
    for name in chosen:
        path, text = f"{target}/{name}/{FILE}", shipped[name].text
        _write(disk, path, text)
        known[path] = hashlib.sha256(text.encode()).hexdigest()
        how = _CALLED.get(path.partition("/")[0], "assistants that read {} find it")
        known_as = name if "/{}" in how else f"{target}/"
        click.echo(f"{path} is installed; {how.format(known_as)}")
    state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    state.write_text(json.dumps(known, indent=1), "utf-8")
    if shutil.which("reviewloop") is None:
        print_lines("the skills call `reviewloop`, which is not on PATH here")
    return ExitCode.CLEAN


def require_name(name: str) -> None:
    """Raise `UsageError` with a valid similar name where a skill cannot have this one."""
    fits = nearest_name(name) == name and name
    if not fits:
        near = nearest_name(name)
        hint = f"; {near} would do" if near else ""
        raise UsageError(
            f"a skill cannot be called {name!r}: lower-case letters, digits and hyphens, at most "
            f"{NAME_LONGEST}{hint}"
        )


def skill_name(given: str) -> str:
    """Return a name normalised; raise `UsageError` for an invalid one."""
    name = to_skill_name(given)
    if not name:
        require_name(given)
    if name != given:
        print_lines(f"{given} is written {name}: Agent Skills wants lower case and hyphens")
    return name


def target_folder(folder: str) -> str:
    """Return the folder for skills: as named, or the one that the project has."""
    if folder:
        clean = folder.rstrip("/")
        if Path(clean).is_absolute() or ".." in Path(clean).parts:
            raise UsageError(f"--to {folder}: name a folder of this repository")
        return clean
    root = repository().root
    there = [one for one in _FOLDERS if (root / one).parent.is_dir()]
    return there[0] if there else _FOLDERS[-1]


def _write(disk: Disk, path: str, text: str) -> None:
    there = disk.read(path)
    if there.kind not in (Kind.ABSENT, Kind.FILE) or there.blocker:
        raise UsageError(f"{path} is no regular file of this repository; move it away first")
    disk.write(path, Content(Kind.FILE, text.encode()), f".{FILE}.new")


def _installed(path: Path) -> dict[str, str]:
    try:
        return {str(name): str(digest) for name, digest in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def named_skill(name: str) -> Found:
    """Return the skill of a name with the highest priority; raise `UsageError` for none."""
    found = [one for one in find_skills(checkout_if_any(), Path.home()) if one.name == name]
    if not found:
        raise UsageError(f"there is no skill {name!r}; `reviewloop skills list` shows all")
    return found[0]


def _at(given: str) -> Found:
    """Return the skill with a name, or at the path of its folder or file."""
    path = Path(given)
    folder = path.parent if path.name.lower() == FILE.lower() else path
    if path.exists() and folder.is_dir():
        from reviewloop.skills.folders import skill_at

        if one := skill_at(folder):
            return one
        raise UsageError(f"{given} has no {FILE}")
    return named_skill(given)


def _problems(one: Found) -> Iterator[Problem]:
    if one.unread:
        yield Problem(1, one.unread)
    else:
        yield from problems_of(one.skill, one.name)


def _about(one: Found) -> str:
    if one.unread:
        return f"cannot be read: {one.unread}"
    if one.skill.problem:
        return f"{one.skill.problem.text} (line {one.skill.problem.line})"
    text = one.skill.description
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()}…"


def _plain(one: Found) -> dict[str, Any]:
    problems: Sequence[Problem] = [*_problems(one)]
    return {
        "name": one.name,
        "description": one.skill.description,
        "path": one.shown,
        "hidden_by": one.hidden_by,
        "problems": [f"{problem.line}: {problem.text}" for problem in problems],
    }
