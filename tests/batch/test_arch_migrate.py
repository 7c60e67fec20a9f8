"""`arch migrate`: nothing before the approval, a task for each module, an end where one cannot."""

import signal

import pytest
from support.parts import cast, says
from support.play import done, reply, write

RULES = ".reviewloop/architecture.toml"
SENTENCE = "Migrate from MVC to layered architecture: controllers → services → repositories."
FILES = {
    "src/__init__.py": "",
    "src/controllers/users.py": "from src.repositories.rows import rows\n",
    "src/repositories/rows.py": "rows = []\n",
    "src/admin/__init__.py": "",
    RULES: '[layer.controllers]\npaths = ["src/controllers", "src/admin"]\n'
    'may_import = ["repositories"]\n'
    '[layer.repositories]\npaths = ["src/repositories"]\nmay_import = []\n',
    "src/admin/page.py": "from src.repositories.rows import rows\n",
}
SPEC = ".kiro/specs/arch-controllers-services-repositories/tasks.md"


def implementer(*, cannot: str = ""):
    """Return the implementer that moves an import behind a service, but not in one folder."""

    def part(received):
        is_second = "src/controllers/users.py:1 imports" in received.said
        path = "src/controllers/users.py" if is_second else "src/admin/page.py"
        text = "from src.services.rows import rows\n"
        if cannot and cannot in path:
            text = "from src.repositories.rows import rows as rows\n"
        made = [write(path, text), write("src/services/rows.py", "def rows():\n    return []\n")]
        return says(reply(*made), done("Moved it.", f"Move {path}"))(received)

    return part


def test_nothing_is_written_before_the_approval(shop):
    checkout = shop(**FILES)
    before = checkout.bytes()

    said = checkout.run("arch", "migrate", "-m", SENTENCE)

    assert said.code == 4, said.err
    assert "+[layer.services]" in said.out
    assert "src/controllers: 1 import to change" in said.out
    assert "src/controllers/users.py:1 imports src/repositories/rows.py" in said.out
    assert checkout.bytes() == before
    assert checkout.run("arch", "migrate", "-m", SENTENCE, "--plan-only").code == 0
    assert checkout.bytes() == before
    assert checkout.run("arch", "migrate").code == 2  # none is open
    assert not checkout.server.ledger


def texts(checkout) -> dict[str, str]:
    """Return all files that git lists or would."""
    paths = checkout.git("ls-files", "-co", "-z").split("\0")
    return {path: checkout.read(path) for path in paths if path}


WRITTEN = ["arch.written:1", "disk.temp:2", "arch.written:2", "disk.temp:3", "arch.written:3"]


@pytest.mark.slow
def test_killed_at_any_write_it_goes_on_with_the_same_rules_and_tasks(shop):
    checkout = shop(**{**FILES, RULES: f"# Ask Ada first.\n\n{FILES[RULES]}"})
    begin = ("arch", "migrate", "-m", SENTENCE, "--approve")
    before, found = texts(checkout), []
    for point in [*WRITTEN, ""]:
        if point:
            said = checkout.forked(*begin, REVIEWLOOP_FAULT=point)
            assert said.code == -signal.SIGKILL, (point, said.err)
        command = ("arch", "migrate") if point == WRITTEN[-1] else begin
        said = checkout.forked(*command, REVIEWLOOP_FAULT="arch.task")
        assert said.code == -signal.SIGKILL, (point, said.err)
        found.append(texts(checkout))
        checkout.git("checkout", "-q", "--", ".")
        checkout.git("clean", "-fdq")
        assert texts(checkout) == before
    assert all(one == found[-1] for one in found)
    assert found[-1][RULES].count("# Ask Ada first.\n") == 1
    assert set(found[-1]) - set(before) == {SPEC, SPEC.replace("tasks.md", "requirements.md")}


@pytest.mark.with_tests
@pytest.mark.slow
def test_killed_between_two_tasks_it_goes_on_with_the_second(shop):
    checkout = shop(cast(implement=implementer()), **FILES)
    begin = ("arch", "migrate", "-m", SENTENCE, "--approve", "--mode", "autopilot")
    assert checkout.forked(*begin, REVIEWLOOP_FAULT="arch.task:2").code == -signal.SIGKILL
    paid = len(checkout.server.ledger)

    said = checkout.run("arch", "migrate", "--mode", "autopilot")

    assert said.code == 0, said.err
    assert len(checkout.server.ledger) == 2 * paid
    assert checkout.read(SPEC).count("- [x]") == 2


@pytest.mark.with_tests
@pytest.mark.slow
def test_it_is_done_when_the_check_is_clean(shop):
    checkout = shop(cast(implement=implementer()), **FILES)

    said = checkout.run("arch", "migrate", "-m", SENTENCE, "--approve", "--mode", "autopilot")

    assert said.code == 0, said.err + said.out
    assert "done: `reviewloop arch check --all` finds nothing" in said.out
    assert checkout.run("arch", "check", "--all").code == 0
    assert checkout.read(SPEC).count("- [x]") == 2
    assert checkout.git("log", "--format=%s", "-2").split("\n") == [
        "Move src/controllers/users.py",
        "Move src/admin/page.py",
    ]


@pytest.mark.with_tests
@pytest.mark.slow
def test_it_stops_at_the_first_module_that_cannot(shop):
    checkout = shop(cast(implement=implementer(cannot="admin")), **FILES)

    said = checkout.run("arch", "migrate", "-m", SENTENCE, "--approve", "--mode", "autopilot")

    assert said.code == 3, said.err + said.out
    assert "task 1 is done, but src/admin still breaks the rules: src/admin/page.py:1" in said.err
    assert checkout.read("src/controllers/users.py") == FILES["src/controllers/users.py"]
