import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from reviewloop.sandbox.interpreters import read_venv


@pytest.mark.parametrize("sees_base", [True, False])
def test_packages_of_the_base_are_visible_only_where_the_environment_sees_them(tmp_path, sees_base):
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    flags = ["--system-site-packages"] if sees_base else []
    command = [str(base), "-m", "venv", "--without-pip", *flags, str(tmp_path / "env")]
    subprocess.run(command, check=True, capture_output=True)
    of_base = Path(
        sysconfig.get_path("purelib", vars={"base": sys.base_prefix, "platbase": sys.base_prefix})
    )

    source = read_venv(tmp_path / "env", "checkout")

    assert source is not None
    assert (of_base.resolve() in {place.resolve() for place in source.visible}) is sees_base
    assert source.sites == source.visible[: len(source.sites)]
