"""What a run shows on the lines of a pull request although no comment says it: annotations.

GitHub draws both on the diff, so a finding with a comment would be shown twice, and again by
every later run.
"""

from reviewloop.github.api.model import SEVERITIES
from reviewloop.github.job.outcome import Ended
from reviewloop.render.github_annotations import annotated


def annotations_of(ended: Ended, least: str) -> str:
    """Return the workflow commands of an end, "" for nothing; `ended.report` has no secrets.

    They tell what failed, and the open findings of at least this severity (must, should or nit)
    that have no comment of ours on the diff.
    """
    if ended.report is None:
        return ""
    posted, rank = ended.posted, SEVERITIES[least].rank
    there = {*posted.inline, *posted.on_file, *posted.known} if posted else set()
    left = [f for f in ended.report.findings if f.severity.rank <= rank and f.id not in there]
    return "".join(f"{line}\n" for line in annotated(ended.report, left))
