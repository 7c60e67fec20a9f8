"""The machine's private keys and settings are in no sandbox, certificates are."""

import os
from pathlib import Path

import pytest

from reviewloop.sandbox import levels
from reviewloop.sandbox.base import Confinement, Grants
from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.run import read_log, run_command

LEVELS = [
    pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
    pytest.param("landlock", marks=pytest.mark.needs_landlock),
]


@pytest.mark.parametrize("level", LEVELS)
def test_private_keys_are_not_there(level, tmp_path):
    sandbox = choose(requested=level)
    script = (
        "for place in /etc/ssl/private /etc/pki/tls/private; do ls $place && echo seen; done; "
        "ls /etc/ssl/certs >/dev/null && echo certificates"
    )
    result = run_command(
        ["/bin/sh", "-c", script],
        cwd=tmp_path,
        env={"PATH": os.defpath},
        timeout_seconds=20,
        log=tmp_path / "log",
        confine=Confinement(lambda: sandbox, Grants(work=tmp_path)),
    )
    words = read_log(result.log).split()
    assert "seen" not in words
    assert ("certificates" in words) == Path("/etc/ssl/certs").is_dir()


@pytest.mark.parametrize("level", LEVELS)
def test_settings_below_the_systems_programs_are_hidden(level, tmp_path, monkeypatch):
    """A folder of the system that is never empty stands for /usr/local/etc."""
    sandbox = choose(requested=level)
    hidden = Path("/usr/share/doc")
    if not hidden.is_dir() or not any(hidden.iterdir()):
        pytest.skip("nothing is in it")
    for module in (levels, levels):
        monkeypatch.setattr(module, "HIDDEN", hidden)
    levels._system.cache_clear()
    try:
        name = next(path for path in hidden.rglob("*") if path.is_file() and not path.is_symlink())
        result = run_command(
            [
                "/bin/sh",
                "-c",
                f"cat '{name}' >/dev/null && echo seen; ls /usr >/dev/null && echo ok",
            ],
            cwd=tmp_path,
            env={"PATH": os.defpath},
            timeout_seconds=20,
            log=tmp_path / "log",
            confine=Confinement(lambda: sandbox, Grants(work=tmp_path)),
        )
    finally:
        levels._system.cache_clear()
    words = read_log(result.log).split()
    assert "seen" not in words
    assert "ok" in words
