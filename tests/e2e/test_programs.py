"""execute_bash: programs run on the agent's tree, if the user allows it and a sandbox works."""

import pytest
from support.parts import cast, says
from support.play import calls, done, reply, write

LEVELS = [
    pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
    pytest.param("landlock", marks=pytest.mark.needs_landlock),
]
SCRIPT = """
import os, pathlib, sys
pathlib.Path("shop/made.py").write_text("MADE = 1\\n")
pathlib.Path("shop/store.py").write_text(pathlib.Path("shop/store.py").read_text() + "# seen\\n")
for place in sys.argv[1:]:
    try:
        pathlib.Path(place).write_text("out")
    except OSError as error:
        print("refused", error.errno)
print("secret" if pathlib.Path(".env").exists() and "hunter" in pathlib.Path(".env").read_text()
      else "nothing to see")
"""


def switched_on(checkout):
    """Write the person's own settings: neither a repository nor the environment may do this."""
    file = checkout.home / ".config/reviewloop/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[tools]\nexecute_bash = true\n")
    return checkout


@pytest.mark.slow_but(every=2)
@pytest.mark.parametrize("level", LEVELS)
def test_what_a_program_writes_becomes_part_of_the_change_and_nothing_else_is_touched(
    shop, level, tmp_path
):
    outside = tmp_path / "outside"
    checkout = switched_on(shop())
    checkout.write(".env", "PASSWORD=hunter2hunter2\n")
    checkout.git("add", "-f", ".env")
    checkout.git("commit", "-q", "-m", "a secret that should not be here")
    argv = ["python3", "-c", SCRIPT, str(outside), f"{checkout.root}/planted"]
    program = calls("execute_bash", {"command": argv})
    checkout.server.answer = cast(implement=says(program, done("Ran it.")))
    said = checkout.run("run", "next", REVIEWLOOP_SANDBOX__LEVEL=level)
    assert said.code == 4, said.err
    told = checkout.server.of("implement")[1].results[0]
    assert "exit code 0" in told
    assert "nothing to see" in told
    assert not outside.exists()
    assert not (checkout.root / "planted").exists()
    assert checkout.run("approve").code == 0
    files = checkout.git("show", "--name-only", "--format=", "HEAD").splitlines()
    assert "shop/made.py" in files
    assert "shop/store.py" in files
    assert ".env" not in files
    # Where the workspace is mounted over the checkout, that path is the workspace's own.
    assert ("planted" in files) is (level == "bubblewrap")


def test_without_a_persons_switch_the_tool_is_neither_offered_nor_run(shop):
    checkout = shop()
    program = calls("execute_bash", {"command": ["touch", "made"]})
    checkout.server.answer = cast(
        implement=says(program, reply(write("shop/a.py", "A = 1\n")), done("Tried."))
    )
    assert checkout.run("run", "next").code == 4
    asked = checkout.server.of("implement")
    assert "execute_bash" not in asked[0].tools
    assert "there is no tool execute_bash here" in asked[1].results[0]


def test_a_declared_container_is_not_enough_for_it(shop):
    checkout = switched_on(shop())
    said = checkout.run(
        "run",
        "next",
        REVIEWLOOP_SANDBOX__LEVEL="sandbox-exec",
        REVIEWLOOP_SANDBOX__EXTERNAL="true",
    )
    assert said.code == 4, said.err
    assert "execute_bash is on, but no sandbox is proven" in said.err
    assert "execute_bash" not in checkout.server.of("implement")[0].tools
