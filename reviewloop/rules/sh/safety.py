"""Shell scripts: what others can make them run, read or delete."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, NIT, SECURITY, SHOULD
from reviewloop.rules.lazy_regex import Regex
from reviewloop.rules.sh.commands import words_of
from reviewloop.rules.sh.downloads import pipes_download, unverified, world_writable
from reviewloop.rules.sh.source import Script, ShellRule, Spot, row

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_CHECK = "https://www.shellcheck.net/wiki/"
_ROOTED = Regex(r"[\"']?\$(?:\{(\w+)\}|(\w+))[\"']?(?:/|/\*|/\.\*)?[\"']?\*?$")
_WRITTEN = Regex(r"[\"']?(/(?:var/)?tmp/[\w.\-]+)[\"']?$")
_MOST_NAMES = 200  # looked for in the whole text, each
_EXPANDED = Regex(r"[$`]")
_PRINTED_BY = Regex(  # programs that print what a shell should run
    r"\$\(\s*[\"']?[\w./-]*(?:ssh-agent|brew|opam|direnv|rbenv|pyenv|dircolors|docker|minikube)"
    r"|\binit\b|shellenv|completion|hook"
)
_SECRET_USED = Regex(r"\$\{?([A-Z_]*(?:PASSWORD|TOKEN|SECRET|API_KEY)[A-Z_]*)\b")
_row = partial(row, reviewer=SECURITY)


def _piped(script: Script) -> Iterator[Spot]:
    for node, command in script.commands:
        if pipes_download(command):
            yield Spot(node)


def _unverified(script: Script) -> Iterator[Spot]:
    for node, command in script.commands:
        if unverified(command):
            yield Spot(node)


def _removed(script: Script) -> Iterator[Spot]:
    """Find `rm -rf "$DIR/"` where DIR may be empty, so that / is meant."""
    if re.search(r"set\s+-\w*u|nounset", script.file.text):
        return
    known: dict[str, bool] = {}
    for node, command in script.named("rm"):
        if not command.has("r", "R", "recursive"):
            continue
        for word in words_of(node)[1:]:
            found = _ROOTED.match(word.text())
            if found is None or "/" not in word.text():
                continue
            name = found.group(1) or found.group(2)
            if name not in known and len(known) < _MOST_NAMES:
                known[name] = _known(name, script)
            if not known.get(name, True):
                yield Spot(node, f"If `{name}` is empty, this deletes /.")
                break


def _known(name: str, script: Script) -> bool:
    """Whether a variable surely has a value: it is given one, or looked at first."""
    if name in {"HOME", "PWD", "TMPDIR"}:
        return True
    given = rf"(?:^|[\s;])(?:local |readonly |export )?{name}=[\"']?(?!\$\{{?\d|[\"'\s;]|\$\(|`|$)"
    looked = (
        rf"\$\{{{name}:[?=-]|-[nzd] [\"']?\$\{{?{name}\b|{name}=[\"']?\$\(mktemp|for {name} in "
    )
    return re.search(f"{given}|{looked}", script.file.text, re.MULTILINE) is not None


def _evaluated(script: Script) -> Iterator[Spot]:
    for node, command in script.named("eval"):
        moving = [w for w in words_of(node)[1:] if _EXPANDED.search(_outside_quotes(w))]
        if not moving or _PRINTED_BY.search(" ".join(command.words)[:2_000]):
            continue
        text = _outside_quotes(moving[0])
        if re.match(r"[\"']?\$\(|`", text):  # what a program prints to be run
            continue
        if any(re.search(r"\$\{?[1-9@*]", _outside_quotes(word)) for word in moving):
            yield Spot(node, severity=MUST)
        else:
            yield Spot(node, severity=SHOULD if re.match(r"[\"']?\$", text) else NIT)


def _outside_quotes(word: "SgNode") -> str:
    """Return a word without what single quotes or backslashes keep from being expanded."""
    return re.sub(r"\\.|'[^']*'", "", word.text()[:2_000], flags=re.DOTALL)


def _open_rights(script: Script) -> Iterator[Spot]:
    for node, command in script.named("chmod"):
        if world_writable(command):
            yield Spot(node)


def _host_keys(script: Script) -> Iterator[Spot]:
    for node, command in script.named("ssh", "scp", "rsync", "sftp", "git", "autossh", "sshpass"):
        if re.search(
            r"StrictHostKeyChecking[= ](?:no|off)|UserKnownHostsFile[= ]/dev/null",
            _all(command.words),
        ):
            yield Spot(node)
    for node in script.nodes("variable_assignment"):
        if re.search(r"StrictHostKeyChecking[= ](?:no|off)", node.text()):
            yield Spot(node)


def _all(words: tuple[str, ...]) -> str:
    return " ".join(words)[:5_000]


def _temporary(script: Script) -> Iterator[Spot]:
    for node in script.nodes("file_redirect"):
        if not node.text().lstrip("0123456789&").startswith(">"):
            continue
        target = node.field("destination")
        if target is not None and _WRITTEN.match(target.text()):
            yield Spot(node, f"`{target.text()[:60]}` can be guessed by other users.")
    for node, command in script.commands:
        writes = command.name in {"tee", "touch"} or (
            command.name in {"curl", "wget"} and re.search(r"-\w*[oO]\b", _all(command.words))
        )
        if writes and any(_WRITTEN.match(word) for word in command.words):
            yield Spot(node, "A name in /tmp can be guessed by other users.")


def _secret_told(script: Script) -> Iterator[Spot]:
    for node, command in script.commands:
        words = command.words
        if command.name == "sshpass" and any(re.match(r"-p.", w) or w == "-p" for w in words):
            yield Spot(node)
        elif command.name in {"mysql", "mysqldump", "mysqladmin"}:
            if any(re.match(r"-p\S|--password=.", w) for w in words):
                yield Spot(node)
        elif command.name == "curl":
            users = [b for a, b in pairwise(words) if a in {"-u", "--user"}]
            if any(":" in u and not u.startswith(":") for u in users):
                yield Spot(node)
        elif command.name == "docker" and command.does("login") and command.has("p", "password"):
            yield Spot(node)


def _traced(script: Script) -> Iterator[Spot]:
    used = _SECRET_USED.search(script.file.text)
    for node, command in script.named("set"):
        if used and any(re.fullmatch(r"-\w*x\w*", w) for w in command.words):
            yield Spot(node, f"Every line is printed, the one with `{used.group(1)}` too.")


PATTERNS = (
    ShellRule(
        _row(
            "curl-pipe-shell",
            severity=SHOULD,
            source="CWE-494",
            title="A download is run without a look at it.",
            why="Whoever controls the server, or half a transfer, decides what runs here.",
            fix="Download a fixed version, compare its checksum, then run it.",
            bad='curl -fsSL https://a.b/i | sh\n---\nbash -c "$(curl -fsSL https://a.b/i)"\n---\n'
            "bash <(wget -qO- https://a.b/i)",
            good="curl -fsSL https://a.b/i -o i\nsha256sum -c i.sum && sh i\n---\n"
            "curl -s https://a.b/i.json | python3 -m json.tool",
        ),
        _piped,
        ("curl", "wget"),
    ),
    ShellRule(
        _row(
            "unverified-download",
            severity=SHOULD,
            source="CWE-295",
            title="A check of certificates or signatures is switched off.",
            why="Whoever is on the way can replace what is downloaded.",
            fix="Leave the check on, and install the certificate or key that is missing.",
            bad="curl -k https://a.b/c\n---\nwget --no-check-certificate https://a.b/c",
            good="curl -o k https://a.b/c\n---\ncurl -sSf https://a.b/c",
        ),
        _unverified,
    ),
    ShellRule(
        _row(
            "removes-root",
            severity=MUST,
            source=_CHECK + "SC2115",
            category="data-loss",
            title="If the variable is empty, this deletes everything.",
            why="An unset variable turns the path into /.",
            fix='Write "${DIR:?}/": it stops when the variable is unset or empty.',
            bad='rm -rf "$BUILD_DIR/"\n---\nrm -rf $1/*\n---\nDIR=$1\nrm -rf "${DIR}/"*',
            good='rm -rf "${BUILD_DIR:?}/"\n---\nset -eu\nrm -rf "$BUILD_DIR/"\n---\n'
            'DIR=build\nrm -rf "$DIR/"\n---\nrm -rf "$DIR/sub"',
        ),
        _removed,
        ("rm ",),
    ),
    ShellRule(
        _row(
            "eval",
            severity=SHOULD,
            source="CWE-95",
            title="eval runs text that changes.",
            why="A value with `;` or `$(...)` in it becomes a command.",
            fix="Use an array for commands, or a case statement.",
            bad='eval "$CMD"\n---\neval $1',
            good='"${cmd[@]}"\n---\neval "$(ssh-agent -s)"',
        ),
        _evaluated,
        ("eval",),
    ),
    ShellRule(
        _row(
            "open-rights",
            severity=SHOULD,
            source="CWE-732",
            title="Everybody may write here.",
            why="Any user of the machine can replace programs or settings.",
            fix="Give the files to the user who needs them.",
            bad="chmod -R 777 /srv/app\n---\nchmod a+rwx /srv/app",
            good="chmod 755 /srv/app\n---\nchmod u+x run.sh",
        ),
        _open_rights,
        ("chmod",),
    ),
    ShellRule(
        _row(
            "any-host-key",
            severity=SHOULD,
            source="CWE-322",
            title="Every SSH server is believed.",
            why="Whoever is on the way can pretend to be the server.",
            fix="Put the server's key into known_hosts first.",
            bad='ssh -o StrictHostKeyChecking=no "$HOST" uptime',
            good='ssh -o StrictHostKeyChecking=accept-new "$HOST" uptime',
        ),
        _host_keys,
        ("StrictHostKeyChecking", "UserKnownHostsFile"),
    ),
    ShellRule(
        _row(
            "shared-temporary-file",
            severity=NIT,
            source="CWE-377",
            title="A file of a known name is written where everybody may write.",
            why="Another user can put a link there first and have you overwrite its target.",
            fix="Use mktemp.",
            bad="date > /tmp/state\n---\ncurl -o /tmp/x.tgz https://a.b/x.tgz",
            good='state=$(mktemp)\ndate > "$state"\n---\ncat /tmp/state\n---\ndate > /dev/null',
        ),
        _temporary,
        ("tmp/",),
    ),
    ShellRule(
        _row(
            "secret-on-command-line",
            severity=NIT,
            source="CWE-214",
            title="A secret is given on the command line.",
            why="Every user of the machine can read it in the list of processes.",
            fix="Use a file, standard input or the environment.",
            bad='mysql -u root -p"$PASS" app\n---\ncurl -u "me:$TOKEN" https://a.b\n---\n'
            'docker login -u me -p "$TOKEN"',
            good='echo "$TOKEN" | docker login -u me --password-stdin\n---\nmysql -u root app',
        ),
        _secret_told,
    ),
    ShellRule(
        _row(
            "secret-traced",
            severity=SHOULD,
            source="CWE-532",
            title="set -x prints the secrets the script uses.",
            why="Logs are kept, and read by many.",
            fix="Switch it off around those lines with `{ set +x; } 2>/dev/null`.",
            bad='set -x\ncurl -H "Authorization: $API_TOKEN" https://a.b',
            good='set -e\ncurl -H "Authorization: $API_TOKEN" https://a.b\n---\nset -x\nls "$DIR"',
        ),
        _traced,
        ("set -",),
    ),
)
