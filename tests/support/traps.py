"""Repositories in which everything that makes git start a program is armed.

Each vector has a program of its own that leaves the vector's name in a folder. Some vectors exclude
each other (git has one folder of hooks and one fsmonitor), so there are two repositories: `DIRECT`
names both in its configuration, `INDIRECT` has hooks in `.git/hooks` and includes a file.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DIRECT, INDIRECT = "direct", "indirect"

_HOOKS = (
    "commit-msg", "fsmonitor-watchman", "post-checkout", "post-commit", "post-merge",
    "post-rewrite", "pre-auto-gc", "pre-commit", "pre-merge-commit", "pre-rebase",
    "prepare-commit-msg",
)  # fmt: skip
_ATTRIBUTES = """\
*.cmd diff=cmd
*.conv diff=conv
*.flt filter=oneshot
*.prc filter=process
*.rcy filter=racy
*.mrg merge=trap
"""
_NAMES = ("a.txt", "a.cmd", "a.conv", "a.flt", "a.prc", "a.rcy", "a.mrg", "lost.txt")
_FILTERS = ("oneshot.clean", "process.process", "racy.clean")
_UNFILTERED = tuple(word for name in _FILTERS for word in ("-c", f"filter.{name}="))
_OLD = 1_000_000_000  # seconds
_EMAIL = "ada@example.org"
_IDENTITY = ("-c", "user.name=Ada Example", "-c", f"user.email={_EMAIL}")
_QUIET = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false"),
    *("-c", "commit.gpgSign=false"),
)


@dataclass(frozen=True)
class Vector:
    """A way to make git start a program, and plain commands of git that do it.

    Without commands nothing does it: git takes the setting from a person's own files only.
    """

    name: str
    armed: tuple[str, ...]  # in which of the two repositories
    control: tuple[str, ...] = ()
    at: str = "."
    stdin: str = ""


_BOTH = (DIRECT, INDIRECT)

VECTORS = (
    Vector("core.fsmonitor", (DIRECT,), ("status",)),
    Vector("core.fsmonitor by include.path", (INDIRECT,), ("status",)),
    Vector("core.hooksPath", (DIRECT,), ("update-ref", "refs/heads/x", "HEAD")),
    Vector("hooks/post-index-change", (INDIRECT,), ("read-tree", "HEAD")),
    Vector("hooks/reference-transaction", (INDIRECT,), ("update-ref", "refs/heads/x", "HEAD")),
    Vector("hooks/*", (INDIRECT,), ("commit", "--allow-empty", "-m", "x", "--no-gpg-sign")),
    Vector("diff.external", _BOTH, ("diff", "before", "after", "--", "a.txt")),
    Vector("diff.<driver>.command", _BOTH, ("diff", "before", "after", "--", "a.cmd")),
    Vector("diff.<driver>.textconv", _BOTH, ("log", "-p", "-1", "after", "--", "a.conv")),
    Vector("filter.<driver>.clean", _BOTH, ("hash-object", "a.flt")),
    Vector("filter.<driver>.smudge", _BOTH, ("checkout-index", "--prefix=out/", "a.flt")),
    Vector("filter.<driver>.process", _BOTH, ("hash-object", "a.prc")),
    Vector("filter of a racily clean entry", _BOTH, ("update-index", "--chmod=+x", "a.txt")),
    Vector("gpg.program by commit.gpgSign", _BOTH, ("commit", "--allow-empty", "-m", "x")),
    Vector("gpg.program by log.showSignature", _BOTH, ("log", "-1", "signed")),
    Vector("core.sshCommand by a lazy fetch", _BOTH, ("cat-file", "-p", "before:lost.txt")),
    Vector("ext:: url by a lazy fetch", _BOTH, ("fetch", "helper")),
    Vector("remote.<name>.uploadpack", _BOTH, ("fetch", "local")),
    Vector("core.gitProxy", _BOTH, ("fetch", "git")),
    Vector("repository behind a gitlink", _BOTH, ("status",)),
    Vector("bare repository in the tree", _BOTH, ("status",), at="embedded"),
    Vector("core.pager", _BOTH, ("grep", "-O", "three")),
    Vector("core.editor", _BOTH, ("commit", "--allow-empty", "--no-gpg-sign", "--no-verify")),
    Vector("core.alternateRefsCommand", _BOTH, ("rev-list", "--alternate-refs")),
    Vector("credential.helper", _BOTH, ("credential", "fill"), stdin="protocol=https\nhost=h\n\n"),
    Vector("core.askPass", _BOTH, ("credential", "fill"), stdin="protocol=https\nhost=h\n\n"),
    Vector("trailer.<name>.command", _BOTH, ("interpret-trailers",), stdin="subject\n\nbody\n"),
    Vector("merge.<driver>.driver", _BOTH, ("merge-tree", "after", "side")),
    Vector("alias", _BOTH, ("harmless",)),
    Vector("uploadpack.packObjectsHook", _BOTH),
)


class Trapped:
    """A trapped repository on branch main, and the folder in which its programs leave their names.

    `name` is that of its folder. HEAD changes every file of ours; `a.rcy` is racily clean.
    """

    def __init__(
        self,
        folder: Path,
        layout: str,
        *,
        name: str = "project",
        files: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Make the repository; `files` are committed, `settings` are set besides the traps."""
        self.folder = folder
        self._files = files or {}
        self._more = settings or {}
        self._direct = layout == DIRECT
        self.root = folder / name
        self._fired = folder / "fired"
        self._programs = folder / "programs"
        for path in (self.root, self._fired, self._programs):
            path.mkdir(parents=True)
        self._commit_everything()
        self._arm()
        self.make_racy()

    def git(self, *args: str, at: Path | None = None, stdin: str = "", ok: bool = True) -> str:
        """Run a plain git that fires nothing of the hooks and monitors; return what it printed."""
        done = subprocess.run(
            ["git", *_IDENTITY, *_QUIET, *args],
            cwd=at or self.root, input=stdin, check=ok, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def fired(self) -> list[str]:
        """Return the vectors whose program has been started since the last call."""
        found = []
        for path in sorted(self._fired.iterdir()):
            found.append(path.read_text().strip())
            path.unlink()
        return found

    def fires(self, vector: Vector) -> bool:
        """Run the vector's commands as anybody would; return whether its program was started."""
        self.fired()
        self.make_racy()
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        env |= {"GIT_TERMINAL_PROMPT": "0", "TERM": "xterm", "GIT_MERGE_VERBOSITY": "0"}
        subprocess.run(
            ["git", *_IDENTITY, *vector.control],
            cwd=self.root / vector.at,
            env=env,
            input=vector.stdin.encode(),
            capture_output=True,
            timeout=20,
            check=False,
        )
        return vector.name in self.fired()

    def make_racy(self) -> None:
        """Make the index as young as `a.rcy`: git cannot tell by times whether it is clean."""
        for name in _NAMES:
            os.utime(self.root / name, (_OLD, _OLD + (name == "a.rcy")))
        self.git(*_UNFILTERED, "update-index", "--refresh", "-q", ok=False)
        os.utime(self.root / ".git/index", (_OLD, _OLD + 1))

    def _commit_everything(self) -> None:
        git, root = self.git, self.root
        git("init", "-q", "-b", "main")
        self._configure(root / ".git", {"user.name": "Ada Example", "user.email": _EMAIL})
        for text in ("one\n", "two\n"):
            for name in _NAMES:
                (root / name).write_text(f"{name} {text}")
            git("add", "-A")
            git("commit", "-q", "-m", text)
        git("switch", "-q", "-c", "side", "HEAD~1")
        (root / "a.mrg").write_text("side\n")
        git("commit", "-q", "-a", "-m", "side")
        git("switch", "-q", "main")
        self._sign()
        upstream = self.folder / "upstream"
        git("init", "-q", "-b", "main", str(upstream))
        git("commit", "-q", "--allow-empty", "-m", "upstream", at=upstream)
        inner = root / "linked"
        git("init", "-q", "-b", "main", str(inner))
        (inner / "file").write_text("x\n")
        git("add", "-A", at=inner)
        git("commit", "-q", "-m", "inner", at=inner)
        (inner / "file").write_text("dirty\n")
        self._embed()
        (root / ".gitattributes").write_text(_ATTRIBUTES)
        for path, text in self._files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        self._write_hooks(root / ".husky")
        git("-c", "advice.addEmbeddedRepo=false", "add", "-A")
        git("commit", "-q", "-m", "all that a tree can bring")
        for name in _NAMES:
            (root / name).write_text(f"{name} three\n")
        git("add", "-A")
        git("commit", "-q", "-m", "three")
        git("branch", "before", "HEAD~1")
        git("branch", "after")
        lost = git("rev-parse", "before:lost.txt")
        (root / ".git/objects" / lost[:2] / lost[2:]).unlink()

    def _embed(self) -> None:
        bare = self.root / "embedded"
        self.git("init", "-q", "--bare", "--template=", str(bare))
        for name in ("refs", "objects"):
            (bare / name / "keep").write_text("")
        program = self._program("bare repository in the tree")
        worktree = {"core.bare": "false", "core.worktree": str(self.root)}
        self._configure(bare, {"core.fsmonitor": program, **worktree})

    def _write_hooks(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        single = ("post-index-change", "reference-transaction")
        for name in (*_HOOKS, *single):
            vector = f"hooks/{name if name in single else '*'}"
            self._write(folder / name, self._script("core.hooksPath" if self._direct else vector))

    def _sign(self) -> None:
        text = self.git("cat-file", "commit", "HEAD")
        head, _, body = text.partition("\n\n")
        signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
        signed = f"{head}\n{signature}\n\n{body}\n"
        oid = self.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed)
        self.git("branch", "signed", oid)

    def _arm(self) -> None:
        root, git_dir = self.root, self.root / ".git"
        if not self._direct:
            self._write_hooks(git_dir / "hooks")
        monitor = "core.fsmonitor" if self._direct else "core.fsmonitor by include.path"
        included = self.folder / "included"
        included.write_text(f'[core]\n\tfsmonitor = "{self._program(monitor)}"\n')
        settings = self._settings()
        if self._direct:
            settings |= {"core.hooksPath": ".husky", "core.fsmonitor": self._program(monitor)}
        else:
            settings["include.path"] = str(included)
        self._configure(git_dir, {**settings, **self._more})
        inner = {"core.fsmonitor": self._program("repository behind a gitlink")}
        self._configure(root / "linked/.git", inner)
        (git_dir / "objects/info/alternates").write_text(f"{self.folder}/upstream/.git/objects\n")
        self._configure(self.folder / "upstream/.git", self._settings())

    def _settings(self) -> dict[str, str]:
        program = self._program
        gpg = self._programs / "gpg"
        commit, log = "gpg.program by commit.gpgSign", "gpg.program by log.showSignature"
        choose = f'case "$*" in *--verify*) {self._leave(log)};; *) {self._leave(commit)};; esac'
        self._write(gpg, f"#!/bin/sh\n{choose}\nexit 1\n")
        process = program("filter.<driver>.process", answers=False)
        return {
            "diff.external": program("diff.external"),
            "diff.cmd.command": program("diff.<driver>.command"),
            "diff.conv.textconv": program("diff.<driver>.textconv"),
            "filter.oneshot.clean": program("filter.<driver>.clean"),
            "filter.oneshot.smudge": program("filter.<driver>.smudge"),
            "filter.process.process": process,
            "filter.racy.clean": program("filter of a racily clean entry"),
            "gpg.program": str(gpg),
            "gpg.ssh.defaultKeyCommand": str(gpg),
            "commit.gpgSign": "true",
            "tag.gpgSign": "true",
            "log.showSignature": "true",
            "core.repositoryFormatVersion": "1",
            "extensions.partialClone": "origin",
            "remote.origin.promisor": "true",
            "remote.origin.url": "ssh://nowhere.invalid/x",
            "core.sshCommand": program("core.sshCommand by a lazy fetch", answers=False),
            "remote.helper.promisor": "true",
            "remote.helper.url": f"ext::{program('ext:: url by a lazy fetch', answers=False)}",
            "protocol.allow": "always",
            "protocol.ext.allow": "always",
            "remote.local.url": str(self.folder / "upstream"),
            "remote.local.promisor": "true",
            "remote.local.uploadpack": program("remote.<name>.uploadpack", answers=False),
            "remote.git.url": "git://nowhere.invalid/x",
            "core.gitProxy": program("core.gitProxy", answers=False),
            "core.pager": program("core.pager"),
            "core.editor": program("core.editor"),
            "sequence.editor": program("core.editor"),
            "core.alternateRefsCommand": program("core.alternateRefsCommand"),
            "credential.helper": program("credential.helper", answers=False),
            "core.askPass": program("core.askPass", answers=False),
            "trailer.trap.key": "Trap",
            "trailer.trap.command": program("trailer.<name>.command"),
            "merge.trap.driver": program("merge.<driver>.driver"),
            "uploadpack.packObjectsHook": program("uploadpack.packObjectsHook"),
            "alias.harmless": f"!{program('alias')}",
            "alias.status": f"!{program('alias')}",
            "submodule.recurse": "true",
            "diff.submodule": "diff",
        }

    def _configure(self, git_dir: Path, settings: dict[str, str]) -> None:
        lines = []
        for key, value in settings.items():
            section, _, rest = key.partition(".")
            name, _, last = rest.rpartition(".")
            head = f'[{section} "{name}"]' if name else f"[{section}]"
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{head}\n\t{last} = "{escaped}"\n')
        with (git_dir / "config").open("a") as file:
            file.writelines(lines)

    def _program(self, vector: str, *, answers: bool = True) -> str:
        place = self._programs / "".join(c if c.isalnum() else "-" for c in vector)
        self._write(place, self._script(vector, answers))
        return str(place)

    def _script(self, vector: str, answers: bool = True) -> str:
        return f"#!/bin/sh\n{self._leave(vector)}\n" + ("exec cat\n" if answers else "")

    def _leave(self, vector: str) -> str:
        name = "".join(c if c.isalnum() else "-" for c in vector)
        return f"echo '{vector}' > '{self._fired}/{name}'"

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)
