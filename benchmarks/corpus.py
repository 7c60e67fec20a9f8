"""Record what reviews without a model find in a corpus, and compare another version with it.

Differences that somebody meant stand in corpus.toml with the reason; any other ends with code 1.

python benchmarks/corpus.py compare [--clones FOLDER] [--checkout FOLDER] [--only NAME ...]
python benchmarks/corpus.py record --clones FOLDER [--checkout FOLDER] [--examples FILE]

The corpus is every example of a rule, kept as text, and the commits of corpus.toml. FOLDER of
`--clones` holds a clone of each repository named there, bare or not: NAME or NAME.git. The code
that reviews is that of `--checkout` (this one unless named), with the Python of its .venv if it
has one. Reviews go through the command line and its JSON alone, so any version can be compared.
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, NotRequired, TypedDict

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "benchmarks" / "corpus.toml"
RECORDED = ROOT / "benchmarks" / "corpus.json.gz"
SCHEMA = "reviewloop.corpus/1"
EXAMPLES = "examples"
FIELDS = ("rule", "path", "line", "severity", "reviewer", "title")


class Found(NamedTuple):
    """One finding without any code in it; the title is stored as its hash."""

    rule: str
    path: str
    line: int  # 0: the file as a whole
    severity: str
    reviewer: str  # several are joined by "+"
    title: str


class Outcome(TypedDict):
    """The outcome of one review: its findings, and the analysers that failed."""

    findings: list[Found]
    failed: NotRequired[list[str]]


class Example(TypedDict):
    """One example of a rule; text of secrets is stored backwards, so that no scanner finds them."""

    rule: str
    kind: str  # "bad" or "good"
    path: str
    text: str
    outcome: NotRequired[Outcome]


class Recording(TypedDict):
    """The recorded outcomes, and the commit and tools that produced them."""

    schema: str
    recorded_by: str
    tools: dict[str, str]
    examples: list[Example]
    commits: dict[str, dict[str, Outcome]]  # repository -> commit -> outcome


class Repository(NamedTuple):
    """One repository of corpus.toml."""

    name: str
    url: str
    commits: tuple[str, ...]


class Meant(NamedTuple):
    """Intended differences, by rule and kind."""

    what: str  # "gone", "new" or "changed"
    rules: tuple[str, ...]
    why: str

    def covers(self, rule: str, what: str) -> bool:
        """Whether it explains a difference."""
        return what == self.what and rule in self.rules


class CorpusError(Exception):
    """The corpus cannot be reviewed; the message says what to do."""


@dataclass
class Reviewer:
    """A running command line of one checkout in one process."""

    process: subprocess.Popen[str]
    tools: dict[str, str] = field(default_factory=dict)

    def review(self, repository: Path, commit: str) -> Outcome:
        """Return the outcome of reviewing a commit."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([str(repository), commit]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise CorpusError("the program that reviews ended; its last words are above")
        report = json.loads(answer)
        if "error" in report:
            raise CorpusError(f"{repository.name} {commit}: {report['error']}")
        for analyser in report["analysers"]:
            if analyser["version"] and analyser["status"] != "missing":
                self.tools[analyser["name"]] = analyser["version"]
        outcome: Outcome = {"findings": sorted(_found(each) for each in report["findings"])}
        failed = sorted(
            f"{each['name']} {each['status']}"
            for each in report["analysers"]
            if each["status"] in {"failed", "partial"}
        )
        return {**outcome, "failed": failed} if failed else outcome


def main() -> int:
    """Record, or compare and list every difference; return 1 when there is one."""
    if sys.argv[1:] == ["answer"]:
        answer_reviews()
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("--clones", type=Path, help="the folder of clones")
    parser.add_argument("--checkout", type=Path, default=ROOT, help="whose code reviews")
    parser.add_argument("--recorded", type=Path, default=RECORDED)
    parser.add_argument("--examples", type=Path, help="a JSON list of examples to record")
    parser.add_argument(
        "--only", nargs="+", default=[], help=f"these repositories, or {EXAMPLES}, alone"
    )
    asked = parser.parse_args()
    os.nice(10)
    try:
        if asked.action == "record":
            return record(asked)
        return compare(asked)
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 2


def record(asked: argparse.Namespace) -> int:
    """Record the findings of the checkout; the examples are those given, or those recorded
    before.
    """
    if asked.clones is None or asked.only:
        raise CorpusError("a recording is of the whole corpus: name --clones, leave --only out")
    if asked.examples:
        examples: list[Example] = json.loads(asked.examples.read_text("utf-8"))
    else:
        examples = read(asked.recorded)["examples"]
    recording: Recording = {
        "schema": SCHEMA,
        "recorded_by": git(asked.checkout, "rev-parse", "HEAD"),
        "tools": {},
        "examples": [],
        "commits": {},
    }
    with reviewer(asked.checkout) as by:
        for example, outcome in review_examples(by, examples):
            recording["examples"].append({**example, "outcome": outcome})
        for repository in repositories():
            recording["commits"][repository.name] = dict(
                review_commits(by, asked.clones, repository)
            )
        recording["tools"] = dict(sorted(by.tools.items()))
    write(asked.recorded, recording)
    count = sum(map(len, recording["commits"].values()))
    print(f"{len(examples)} examples, {count} commits, {asked.recorded.stat().st_size:,} bytes")
    return 0


def compare(asked: argparse.Namespace) -> int:
    """Review again, print every difference and sums; return 1 if one is not explained."""
    recording = read(asked.recorded)
    unknown = set(asked.only) - {EXAMPLES, *(each.name for each in repositories())}
    if unknown:
        raise CorpusError(f"corpus.toml names no {', '.join(sorted(unknown))}")
    wanted = [each for each in repositories() if not asked.only or each.name in asked.only]
    differences = Differences()
    with reviewer(asked.checkout) as by:
        if not asked.only or EXAMPLES in asked.only:
            for example, outcome in review_examples(by, recording["examples"]):
                where = f"example of {example['rule']} ({example['kind']})"
                differences.add(where, example["outcome"], outcome)
        if asked.clones is None:
            print(f"not compared, as --clones is missing: {names(wanted)}")
        else:
            for repository in wanted:
                before = recording["commits"][repository.name]
                for commit, outcome in review_commits(by, asked.clones, repository):
                    where = f"{repository.name} {commit[:12]}"
                    differences.add(where, before[commit], outcome)
        for name in sorted(recording["tools"].keys() & by.tools):
            if recording["tools"][name] != by.tools[name]:
                print(f"{name} {by.tools[name]}; recorded with {recording['tools'][name]}")
    differences.report(recording["recorded_by"])
    return 1 if differences.unexplained() else 0


def names(wanted: Sequence[Repository]) -> str:
    """Return names of repositories for a sentence."""
    return ", ".join(each.name for each in wanted) or "nothing"


@dataclass
class Differences:
    """The differences between the recording and today."""

    compared: int = 0
    reviews: int = 0  # that differ
    analysers: int = 0  # that failed only then, or only now
    by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, where: str, before: Outcome, today: Outcome) -> None:
        """Compare one review and print its differences."""
        self.compared += 1
        lines = list(self._lines(before, today))
        if lines:
            self.reviews += 1
            print(where, *lines, sep="\n  ", flush=True)

    def _lines(self, before: Outcome, today: Outcome) -> Iterator[str]:
        old, new = (Counter(map(_as_found, each["findings"])) for each in (before, today))
        gone, come = list((old - new).elements()), list((new - old).elements())
        for lost in gone:
            twin = next((each for each in come if each[:2] == lost[:2]), None)
            if twin is None:
                self.by_rule[lost.rule, "gone"] += 1
                yield f"- {_shown(lost)}"
                continue
            come.remove(twin)
            self.by_rule[lost.rule, "changed"] += 1
            changes = (
                f"{name} {a} -> {b}"
                for name, a, b in zip(FIELDS, lost, twin, strict=True)
                if a != b
            )
            yield f"~ {_shown(lost)}: {', '.join(changes)}"
        for found in come:
            self.by_rule[found.rule, "new"] += 1
            yield f"+ {_shown(found)}"
        for one, other, sign in ((before, today, "-"), (today, before, "+")):
            for name in sorted({*one.get("failed", ())} - {*other.get("failed", ())}):
                self.analysers += 1
                yield f"{sign} analyser {name}"

    def unexplained(self) -> Counter[tuple[str, str]]:
        """Return the differences without a reason in corpus.toml, by rule."""
        left = Counter({("(an analyser)", "changed"): self.analysers})
        for key, count in self.by_rule.items():
            left[key] += 0 if any(one.covers(*key) for one in meant()) else count
        return +left

    def report(self, recorded_by: str) -> None:
        """Print the sums: by reason, and by rule for those without one."""
        print(f"{self.reviews} of {self.compared} reviews differ from {recorded_by[:12]}")
        for one in meant():
            count = sum(n for key, n in self.by_rule.items() if one.covers(*key))
            print(f"  {count:4} {one.what:8} {one.why}")
        unexplained = self.unexplained()
        print(f"  {unexplained.total():4} not explained")
        for (rule, what), count in sorted(unexplained.items()):
            print(f"       {what:8} {count:4} {rule}")


def _shown(found: Found) -> str:
    return f"{found.rule} {found.path}:{found.line or '-'} {found.severity} {found.reviewer}"


def repositories() -> list[Repository]:
    """Return the repositories of corpus.toml."""
    rows = tomllib.loads(CORPUS.read_text("utf-8"))["repository"]
    return [Repository(row["name"], row["url"], tuple(row["commits"])) for row in rows]


def meant() -> list[Meant]:
    """Return the intended differences in corpus.toml."""
    rows = tomllib.loads(CORPUS.read_text("utf-8"))["meant"]
    return [Meant(row["what"], tuple(row["rules"]), row["why"]) for row in rows]


def review_commits(
    by: Reviewer, clones: Path, repository: Repository
) -> Iterator[tuple[str, Outcome]]:
    """Yield the outcome of each commit of a repository."""
    folders = (clones / repository.name, clones / f"{repository.name}.git")
    folder = next((each.resolve() for each in folders if each.is_dir()), None)
    if folder is None:
        raise CorpusError(f"{clones} holds no {repository.name}: git clone {repository.url}")
    for commit in repository.commits:
        yield commit, by.review(folder, commit)


def review_examples(by: Reviewer, examples: Sequence[Example]) -> Iterator[tuple[Example, Outcome]]:
    """Yield the outcome of each example, reviewed as the only file of a commit of its own."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder)
        git(repository, "init", "-q", "--bare", ".")
        stream = b"".join(_commits(examples))
        subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input=stream, check=True)
        for number, example in enumerate(examples):
            commit = git(repository, "rev-parse", f"refs/heads/example-{number}")
            yield example, by.review(repository, commit)


def _commits(examples: Sequence[Example]) -> Iterator[bytes]:
    """Yield the input of `git fast-import`: a first commit, and one on it for each example."""
    person = b"committer Corpus <corpus@example.org> 1700000000 +0000\n"
    readme = b"# Project\n"
    yield b"commit refs/heads/main\nmark :1\n" + person + b"data 0\n"
    yield b"M 100644 inline README.md\ndata %d\n%s\n" % (len(readme), readme)
    for number, example in enumerate(examples):
        text = (
            example["text"][::-1] if example["rule"].startswith("secret/") else example["text"]
        ).encode()
        path = json.dumps(example["path"]).encode()
        yield b"commit refs/heads/example-%d\n" % number + person + b"data 0\nfrom :1\n"
        yield b"M 100644 inline %s\ndata %d\n%s\n" % (path, len(text), text)


@contextlib.contextmanager
def reviewer(checkout: Path) -> Iterator[Reviewer]:
    """Start the command line of a checkout; only git is on its PATH, and its home is empty."""
    git_program = shutil.which("git")
    assert git_program is not None
    python = checkout.absolute() / ".venv" / "bin" / "python"
    with tempfile.TemporaryDirectory() as folder:
        home, programs = Path(folder, "home"), Path(folder, "bin")
        home.mkdir(0o700)
        programs.mkdir()
        (programs / "git").symlink_to(git_program)
        environment = {
            "HOME": str(home),
            "PATH": str(programs),
            "PYTHONPATH": str(checkout.absolute()),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "REVIEWLOOP_STATE_DIR": str(home / "state"),
        }
        process = subprocess.Popen(
            [python if python.exists() else sys.executable, __file__, "answer"],
            env=environment,
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield Reviewer(process)
            finally:
                process.terminate()


def answer_reviews() -> None:
    """Review the commits named on standard input, line by line, and write reports to standard
    output.

    This runs under the Python of the checkout, and uses only its entry point.
    """
    from reviewloop.__main__ import main as run_reviewloop

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    report = Path.cwd() / "report.json"
    for line in sys.stdin:
        repository, commit = json.loads(line)
        report.unlink(missing_ok=True)
        os.chdir(repository)
        sys.argv = ["reviewloop", "review", "--commit", commit, "--model", "none", "--quiet"]
        sys.argv += ["--min-severity", "nit", "--fail-on", "never"]
        sys.argv += ["--format", "json", "--output", str(report)]
        code: object = 0
        try:
            run_reviewloop()
        except SystemExit as end:
            code = end.code
        _answer(answers, report, code)


def _answer(answers: IO[str], report: Path, code: object) -> None:
    if report.exists():
        answers.write(json.dumps(json.loads(report.read_text("utf-8"))) + "\n")
    else:
        answers.write(json.dumps({"error": f"no report, exit code {code}"}) + "\n")
    answers.flush()


def _found(finding: dict[str, object]) -> Found:
    title = hashlib.sha256(str(finding["title"]).encode()).hexdigest()[:8]
    agents = finding["agents"]
    assert isinstance(agents, list)
    line = finding["line"]
    return Found(
        rule=str(finding["rule"]),
        path=str(finding["path"]),
        line=line if isinstance(line, int) else 0,
        severity=str(finding["severity"]),
        reviewer="+".join(sorted(map(str, agents))),
        title=title,
    )


def _as_found(row: Sequence[object]) -> Found:
    return Found(*row)  # type: ignore[arg-type]


def read(path: Path) -> Recording:
    """Return a recording."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        recording: Recording = json.load(file)
    if recording["schema"] != SCHEMA:
        raise CorpusError(f"{path} holds {recording['schema']}, this script reads {SCHEMA}")
    return recording


def write(path: Path, recording: Recording) -> None:
    """Write a recording so that the same content gives the same bytes."""
    text = json.dumps(recording, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    path.write_bytes(gzip.compress(text.encode("ascii"), compresslevel=9, mtime=0))


def git(folder: Path, *args: str) -> str:
    """Run git in a folder and return what it prints."""
    argv = ["git", "-C", str(folder), *args]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
