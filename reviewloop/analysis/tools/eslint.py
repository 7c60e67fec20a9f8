"""The project's own ESLint: its configuration is code, so it runs in the proven sandbox only.

It runs if the user trusted exactly this configuration (`reviewloop trust`), and never in the review
of an untrusted change. It gets each text under its name in the project.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reviewloop.analysis.contract import NIT, SECURITY, AnalyserStatus, Hit, Options, SourceFile
from reviewloop.analysis.tools.layout import Laid, LaidFile
from reviewloop.analysis.tools.policy import policy_of
from reviewloop.analysis.tools.readers.plain import number_at, parse_json, records, text_at
from reviewloop.analysis.tools.tool import ToolReading, ToolSession, UnusableOutput
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError

NAME = "eslint"
CONFIGURATIONS = (
    *(f"eslint.config.{kind}" for kind in ("js", "mjs", "cjs", "ts", "mts", "cts")),
    *(f".eslintrc.{kind}" for kind in ("js", "cjs", "yaml", "yml", "json")),
    ".eslintrc",
)
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Project:
    """A folder with a configuration of ESLint."""

    folder: Path
    configuration: Path

    def version(self, root: Path) -> str:
        """Return the version of ESLint in node_modules here, or above; "" for none."""
        for folder in (self.folder, *self.folder.parents):
            found = folder / "node_modules/eslint/package.json"
            if folder.is_relative_to(root) and found.is_file():
                try:
                    return text_at(parse_json(found.read_bytes()), "version") or "unknown"
                except (OSError, UnusableOutput):
                    return "unknown"
        return ""


def project_of(path: str, checkout: str) -> Project | None:
    """Return the nearest project around a file, None without a configuration of ESLint."""
    if not checkout:
        return None
    root = Path(checkout).resolve()
    for folder in (root / path).parents:
        if not folder.is_relative_to(root):
            return None
        for name in CONFIGURATIONS:
            found = folder / name
            if found.is_file() and found.resolve().is_relative_to(root):
                return Project(folder, found)
    return None


def not_run(files: Sequence[SourceFile], options: Options) -> tuple[AnalyserStatus, str] | None:
    """Return why ESLint does not run on these files, None if it may."""
    root = Path(options.checkout).resolve()
    status = AnalyserStatus.NOT_CHECKED
    projects = dict.fromkeys(filter(None, (project_of(f.path, options.checkout) for f in files)))
    if options.of_others:
        return status, "not run: its configuration is code, and others may have written the change"
    for project in projects:
        name = project.configuration.relative_to(root).as_posix()
        try:
            text = project.configuration.read_text("utf-8", "replace")
        except OSError as error:
            return status, f"not run: {name} cannot be read: {error.strerror or error}"
        if not options.trusts(NAME, name, text):
            return status, f"not run: {name} is code; look at it, then allow it: reviewloop trust"
        if not project.version(root):
            return status, f"not run: {name} is here, but ESLint is not installed: run npm install"
    if _home().is_relative_to(root):
        return status, "not run: the repository holds your home folder"
    if options.sandbox is None or not options.sandbox().is_proven:
        return status, "not run: no sandbox holds here (`reviewloop doctor` says why)"
    return None


def run_eslint(session: ToolSession) -> ToolReading:
    """Run each project's ESLint on the files that are laid out."""
    by_project: dict[Project, list[LaidFile]] = {}
    for one in session.laid.files:
        project = project_of(one.file.path, session.options.checkout)
        if project is not None:
            by_project.setdefault(project, []).append(one)
    reading = ToolReading()
    root = Path(session.options.checkout).resolve()
    session.version = ", ".join(sorted({project.version(root) for project in by_project}))
    for project, files in by_project.items():
        try:
            reading.add(_read(session, project, session.laid.only(files)))
        except UnusableOutput as error:
            reading.failed |= {one.file.path: str(error) for one in files}
    return reading


def refuse_without_project(raw: bytes, laid: Laid) -> ToolReading:
    """Raise: node alone has no readable output, `run_eslint` does all of it."""
    raise UnusableOutput("it was started without its project")


def _read(session: ToolSession, project: Project, laid: Laid) -> ToolReading:
    from reviewloop.checkout.files import read_written

    work = session.folder / "eslint"
    work.mkdir(exist_ok=True)
    request, answer, script = work / "request.json", work / "answer.json", work / "eslint.cjs"
    answer.unlink(missing_ok=True)
    script.write_bytes(Path(__file__).with_name("eslint.js").read_bytes())
    root = Path(session.options.checkout).resolve()
    files = [
        {"number": number, "name": str(root / one.file.path), "text": str(one.path)}
        for number, one in enumerate(laid.files)
    ]
    request.write_text(json.dumps({"folder": str(project.folder), "files": files}), "utf-8")
    output = _started(session, [str(script), str(request), str(answer)], work, root)
    try:
        raw = read_written(answer, _MOST_BYTES)
    except (OSError, WorkspaceError):
        raise UnusableOutput(f"wrote nothing{output}") from None
    return _reading(raw, laid)


def _started(session: ToolSession, arguments: list[str], work: Path, root: Path) -> str:
    """Run node in the sandbox; return the relevant line of its error output, for a failure."""
    from reviewloop.sandbox.analyser_process import clean_environment
    from reviewloop.sandbox.base import Confinement, Grants
    from reviewloop.sandbox.interpreters import only_lendable
    from reviewloop.sandbox.node import installed_node_modules
    from reviewloop.sandbox.run import read_log, run_command
    from reviewloop.sandbox.toolchains import tool_folders, with_targets

    assert session.options.sandbox is not None  # noqa: S101 - `not_run` looked
    env = clean_environment(work, session.program, {})
    packages = only_lendable(installed_node_modules(root), root, _home())
    tools = tool_folders({"PATH": str(session.program.parent)}, _home())
    read = (root, session.laid.folder, *with_targets(packages), *tools)
    log = session.folder / "eslint.log"
    try:
        done = run_command(
            [str(session.program), *arguments],
            cwd=work,
            env=env,
            timeout_seconds=session.seconds_left(),
            log=log,
            stop=session.stop,
            confine=Confinement(session.options.sandbox, Grants(work=work, read=read)),
        )
    except WorkspaceError as error:
        raise UnusableOutput(str(error)) from None
    if done.timed_out:
        raise UnusableOutput(f"took longer than {session.options.timeout_seconds:g} s")
    if done.stopped:
        raise UnusableOutput("was stopped")
    lines = [line.strip() for line in read_log(log).splitlines() if line.strip()]
    message_line = next((line for line in lines if "Error" in line), lines[0] if lines else "")[
        :200
    ]
    if done.exit_code:
        raise UnusableOutput(
            f"ended with code {done.exit_code}" + (f": {message_line}" if message_line else "")
        )
    return f": {message_line}" if message_line else ""


def _reading(raw: bytes, laid: Laid) -> ToolReading:
    reading = ToolReading()
    for record in records(parse_json(raw)):
        number = number_at(record, "number", otherwise=-1)
        if not 0 <= number < len(laid.files):
            raise UnusableOutput("it names a file that it was not given")
        one = laid.files[number]
        if error := text_at(record, "error").strip():
            reading.failed[one.file.path] = error.splitlines()[0][:200]
            continue
        messages = [*records(record, "messages"), *_held(record)]
        reading.hits += [hit for m in messages if (hit := _hit(m, one)) is not None]
    return reading


def _held(record: Any) -> Iterator[dict[str, Any]]:
    """Yield security messages that a comment suppressed."""
    for message in records(record, "suppressed"):
        rule = policy_of(NAME).rule(str(message.get("ruleId") or ""))
        if rule is not None and rule.reviewer == SECURITY:
            yield message


def _hit(message: dict[str, Any], one: LaidFile) -> Hit | None:
    code = message.get("ruleId")
    if message.get("fatal") is True:
        code = "parse"
    if not isinstance(code, str):  # a message on the file: no configuration matches it
        return None
    line = number_at(message, "line", otherwise=1)
    end = number_at(message, "endLine", otherwise=line)
    column, last = number_at(message, "column"), number_at(message, "endColumn")
    start = one.characters(line, column - 1, "utf-16-le") if column > 0 else 0
    stop = one.characters(end, last - 1, "utf-16-le") if last > 0 else 0
    warned = number_at(message, "severity", otherwise=2) < 2
    text = (text_at(message, "message").strip().splitlines() or [code])[0][:500]
    span = one.span(line, end, start, stop)
    return Hit(f"eslint/{code}", one.file.path, span, text, severity=NIT if warned else None)


def _home() -> Path:
    return Path(os.path.realpath(os.environ.get("HOME", "/nonexistent")))
