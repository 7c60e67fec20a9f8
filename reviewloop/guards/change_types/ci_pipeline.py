"""Kind of change: build, test and deployment pipelines."""

import re
from collections.abc import Iterator, Sequence

from reviewloop.guards.change_types.changed import ChangedFile, Evidence
from reviewloop.regex import regex

_FILES = regex(
    r"(?:^|/)\.github/(?:workflows|actions)/.+\.ya?ml$|(?:^|/)\.gitlab-ci(?:\.[\w-]+)?\.ya?ml$"
    r"|(?:^|/)\.gitlab/ci/|(?:^|/)\.circleci/|(?:^|/)Jenkinsfile(?:\.\w+)?$|(?:^|/)\.drone\.ya?ml$"
    r"|(?:^|/)azure-pipelines[\w.-]*\.ya?ml$|(?:^|/)bitbucket-pipelines\.ya?ml$"
    r"|(?:^|/)\.travis\.ya?ml$|(?:^|/)\.buildkite/|(?:^|/)buildspec[\w.-]*\.ya?ml$"
    r"|(?:^|/)cloudbuild\.ya?ml$|(?:^|/)\.woodpecker(?:\.ya?ml$|/)|(?:^|/)appveyor\.ya?ml$"
)
_WORKFLOW = regex(r"^\s+(?:runs-on|steps):", re.MULTILINE)
_JOBS = regex(r"^jobs:", re.MULTILINE)


def find(files: Sequence[ChangedFile]) -> Iterator[Evidence]:
    """Yield the first changed line of each pipeline file, recognised by path or content."""
    for file in files:
        text = file.after or file.before
        by_content = (
            file.ending in {"yml", "yaml"} and _JOBS.search(text) and _WORKFLOW.search(text)
        )
        if not (_FILES.search(file.path) or by_content):
            continue
        for number, line in file.code():
            yield Evidence(file.path, number, line.strip()[:60])
            break
