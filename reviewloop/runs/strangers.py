"""Runs that began in another repository, which was at this path before: they mean nothing here."""

from collections.abc import Iterable, Mapping, Sequence

from reviewloop.runs.repository import Repository
from reviewloop.store.runs import RunRecord
from reviewloop.workspace.git import Git


def strangers(repository: Repository) -> tuple[RunRecord, ...]:
    """Return the runs whose commits this repository does not have, the newest first.

    A run that stands on another one is judged by the lowest of its stack; where that is not there
    any more, by nothing.
    """
    runs = repository.runs.all()
    by_id = {run.run_id: run for run in runs}
    named = [*(run.base_commit for run in runs), *(run.commit for run in runs)]
    absent = _absent(repository, named)
    return tuple(run for run in runs if _is_stranger(run, by_id, absent))


def leave_out(repository: Repository) -> str:
    """Let nobody see such runs in this table of runs; return the sentence about them, "" if none.

    They stay on the disk until `clean` takes them.
    """
    found = strangers(repository)
    repository.runs.leave_out(run.run_id for run in found)
    if not found:
        return ""
    runs = "1 run is" if len(found) == 1 else f"{len(found)} runs are"
    return (
        f"{runs} left out ({_names(found)}): begun in another repository that was at this path, as "
        f"commit {found[0].base_commit[:10]} is not in this one; `reviewloop clean --with-work` "
        "deletes what is left of that"
    )


def _names(runs: Sequence[RunRecord]) -> str:
    shown = ", ".join(run.run_id for run in runs[:3])
    return shown if len(runs) <= 3 else f"{shown}, …"


def _is_stranger(run: RunRecord, by_id: Mapping[str, RunRecord], absent: set[str]) -> bool:
    if run.commit and run.commit not in absent:
        return False
    seen = set()
    while run.base_commit in absent and run.run_id not in seen:
        below = str(run.options.get("stands_on", ""))
        if not below:
            return True
        if below not in by_id:
            return False
        seen.add(run.run_id)
        run = by_id[below]
    return False


def _absent(repository: Repository, commits: Iterable[str]) -> set[str]:
    """Return those of the commits that the repository does not have."""
    wanted = sorted({commit for commit in commits if commit})
    if not wanted:
        return set()
    git = Git(repository.user.git_dir)
    asked = "".join(f"{commit}\n" for commit in wanted).encode()
    answers = git.run("cat-file", "--batch-check=%(objecttype)", input=asked).splitlines()
    return {
        commit for commit, said in zip(wanted, answers, strict=True) if said.endswith(b" missing")
    }
