"""What shellcheck (shell) and hadolint (Dockerfiles) mean to us."""

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SHOULD
from reviewloop.analysis.tools.policy.rows import Family, Policy, Row, rules_of

_SC_PAGE = "https://www.shellcheck.net/wiki/{code}"
_SC_ROWS = (
    Row("SC1072", "", MUST, "correctness", "The script cannot be parsed", "The shell refuses it.",
        "Correct the syntax."),
    Row("SC1073", "", MUST, "correctness", "The script cannot be parsed", "The shell refuses it.",
        "Correct the syntax."),
    Row("SC2115", "", SHOULD, "shell", "rm may remove everything below /",
        "With an empty variable the path begins at the root.", "Write ${name:?}."),
    Row("SC2046", "", SHOULD, "shell", "The output of a command is split into words",
        "Names with blanks become several.", "Put it in double quotes."),
    Row("SC2086", "", NIT, "shell", "A variable is split into words and expanded",
        "Values with blanks or * become several words.", "Put it in double quotes."),
    Row("SC2154", "", NIT, "shell", "A variable is used that the script does not set",
        "It may be misspelt.", "Set it, or write ${NAME:?} for one of the environment."),
    Row("SC2034", "", NIT, "unused", "A variable is not used", "It may be misspelt.", "Remove it."),
    Row("SC2164", "", SHOULD, "error-handling", "cd can fail and the script goes on",
        "What follows happens in the wrong folder.", "Write cd … || exit."),
    Row("SC2148", "", NIT, "shell", "The script does not say which shell runs it",
        "Shells differ.", "Begin with #!/bin/sh or #!/usr/bin/env bash."),
)  # fmt: skip
_SC_OFF = frozenset({"SC1090", "SC1091", "SC1009", "SC2312", "SC2250", "SC2292", "SC3043"})
_SC_FAMILIES = (
    Family("SC", SHOULD, INFRASTRUCTURE, "shell", "The shell reads this otherwise than it looks",
           "It goes wrong with unusual names or values, or on another shell."),
)  # fmt: skip
SHELLCHECK = Policy(
    "shellcheck",
    rules_of("shellcheck", _SC_PAGE, INFRASTRUCTURE, _SC_ROWS, in_tests=False),
    _SC_FAMILIES,
    _SC_OFF,
    page=_SC_PAGE,
)

_DL_PAGE = "https://github.com/hadolint/hadolint/wiki/{code}"
_PIN = "The next build may hold other versions, and fail or behave differently."
_SIZE = "The image carries what it does not need."
_DL_ROWS = (
    Row("DL1000", "", MUST, "correctness", "The Dockerfile cannot be parsed",
        "The image cannot be built.", "Correct the syntax."),
    Row("DL3002", "", SHOULD, "permissions", "The container runs as root",
        "Who breaks out of the program owns the container.", "Switch to another USER last."),
    Row("DL3004", "", SHOULD, "permissions", "sudo in an image", "It behaves unpredictably there.",
        "Switch with USER."),
    Row("DL3006", "", SHOULD, "pinning", "The base image has no version", _PIN,
        "Name a tag or digest."),
    Row("DL3007", "", SHOULD, "pinning", "The base image is `latest`", _PIN,
        "Name a tag or digest."),
    Row("DL3020", "", SHOULD, "supply-chain", "ADD where COPY is meant",
        "ADD fetches addresses and unpacks archives.", "Use COPY."),
    Row("DL4006", "", SHOULD, "error-handling", "A failure inside a pipe goes unnoticed",
        "The build goes on without what failed.", "Set SHELL with -o pipefail."),
    Row("DL3008", "", NIT, "pinning", "Packages without a version", _PIN,
        "Pin what must not change."),
    Row("DL3013", "", NIT, "pinning", "Packages without a version", _PIN,
        "Pin what must not change."),
    Row("DL3016", "", NIT, "pinning", "Packages without a version", _PIN,
        "Pin what must not change."),
    Row("DL3018", "", NIT, "pinning", "Packages without a version", _PIN,
        "Pin what must not change."),
    Row("DL3028", "", NIT, "pinning", "Packages without a version", _PIN,
        "Pin what must not change."),
    Row("DL3003", "", NIT, "style", "cd inside RUN", "It holds for this line only.",
        "Use WORKDIR."),
    Row("DL3009", "", NIT, "image-size", "Package lists are left in the image", _SIZE,
        "Remove /var/lib/apt/lists in the same RUN."),
    Row("DL3015", "", NIT, "image-size", "Recommended packages are installed too", _SIZE,
        "Give --no-install-recommends."),
    Row("DL3025", "", NIT, "style", "CMD or ENTRYPOINT goes through a shell",
        "The program does not get signals.", "Write it as a JSON list."),
    Row("DL3042", "", NIT, "image-size", "pip keeps its cache in the image", _SIZE,
        "Give --no-cache-dir."),
)  # fmt: skip
_DL_FAMILIES = (
    Family("DL", SHOULD, INFRASTRUCTURE, "docker", "The image is built in a risky way",
           "hadolint's page about the rule says how."),
    Family("SC", SHOULD, INFRASTRUCTURE, "shell", "The shell reads this otherwise than it looks",
           "It goes wrong with unusual names or values."),
)  # fmt: skip
HADOLINT = Policy(
    "hadolint",
    rules_of("hadolint", _DL_PAGE, INFRASTRUCTURE, _DL_ROWS),
    _DL_FAMILIES,
    frozenset({"DL3057", "DL3066"}),
    page=_DL_PAGE,
)
