"""Signs and verifies bytes as the user's git signs commits: OpenPGP, SSH or X.509."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.private import SIGNING_ENVIRONMENT
from reviewloop.git.process import find_program, trusted_path
from reviewloop.git.repository import UserRepo, read_config, signing_settings

_NAMESPACE = "reviewloop"  # of SSH signatures, so that they are valid for nothing else
_SSH, _PGP = "-----BEGIN SSH SIGNATURE-----", "-----BEGIN PGP SIGNATURE-----"
_SECONDS = 120.0  # a user may have to type a passphrase


def signs_commits(user: UserRepo) -> bool:
    """Return whether the user's git is configured to sign each commit."""
    values = {key: value for _, key, value in read_config(user.git_dir, user.root)}
    return values.get("commit.gpgsign", "").lower() in {"true", "yes", "on", "1"}


def sign(user: UserRepo, payload: bytes) -> str:
    """Return a signature by the user's own program and key; raise `WorkspaceError` with
    the reason.
    """
    settings = signing_settings(read_config(user.git_dir, user.root))
    form = settings.get("gpg.format", "openpgp")
    key = settings.get("user.signingkey", "")
    if form == "ssh":
        with _ssh_key(key) as arguments:
            program = _program(settings.get("gpg.ssh.program", "ssh-keygen"))
            made = _run([program, "-Y", "sign", "-n", _NAMESPACE, *arguments], payload)
    else:
        ours = "gpg" if form == "openpgp" else "gpgsm"
        named = settings.get(f"gpg.{form}.program") or settings.get("gpg.program", ours)
        chosen = ("-u", key) if key else ()
        made = _run([_program(named), "--detach-sign", "--armor", *chosen], payload)
    text = made.stdout.decode("utf-8", "replace")
    if made.returncode or not text.startswith("-----BEGIN "):
        raise WorkspaceError(f"it could not be signed: {_reason(made)}")
    return text


def is_signed(payload: bytes, signature: str, settings: Mapping[str, str]) -> bool:
    """Return whether a signature is valid for these bytes; the caller checks whose it is.

    Programs are taken from the user's settings (`signing_settings`).
    """
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as folder:
        file = Path(folder) / "signature"
        file.write_text(signature, "utf-8")
        if signature.startswith(_SSH):
            program = _program(settings.get("gpg.ssh.program", "ssh-keygen"))
            check = ["-Y", "check-novalidate", "-n", _NAMESPACE, "-s", str(file)]
        else:
            ours = "gpg" if signature.startswith(_PGP) else "gpgsm"
            program = _program(settings.get("gpg.program", ours) if ours == "gpg" else ours)
            check = ["--verify", str(file), "-"]
        return _run([program, *check], payload).returncode == 0


@contextmanager
def _ssh_key(key: str) -> Iterator[Sequence[str]]:
    if not key:
        raise WorkspaceError("it could not be signed: user.signingkey of git names no SSH key")
    literal = key.removeprefix("key::")
    if literal == key and not key.startswith("ssh-"):
        yield ("-f", str(Path(key).expanduser()))
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:  # the agent has the private key
        file.write(f"{literal}\n")
        file.flush()
        yield ("-U", "-f", file.name)


def _program(name: str) -> str:
    found = Path(name) if Path(name).is_absolute() else find_program(name)
    if found is None or not found.is_file():
        raise WorkspaceError(f"{name}, by which your git signs, was not found")
    return str(found)


def _run(argv: Sequence[str], payload: bytes) -> "subprocess.CompletedProcess[bytes]":
    env = {name: os.environ[name] for name in SIGNING_ENVIRONMENT if name in os.environ}
    env |= {name: os.environ[name] for name in ("HOME",) if name in os.environ}
    env |= {"PATH": trusted_path(), "LC_ALL": "C"}
    try:
        return subprocess.run(
            argv, input=payload, capture_output=True, env=env, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkspaceError(f"{argv[0]} could not sign or verify: {error}") from error


def _reason(made: "subprocess.CompletedProcess[bytes]") -> str:
    lines = made.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {made.returncode}"
