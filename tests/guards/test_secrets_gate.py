import base64
import json
import random

from reviewloop.domain.finding import Severity
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards import secrets as gate
from reviewloop.secrets import HeldSecrets, Redactor

TOKEN = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"
LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
KEY = "-----BEGIN PRIVATE" + f" KEY-----\n{LINE}\n{LINE}\n"

HELD = random.Random(7).randbytes(20).hex()


def test_token_in_an_added_line_is_a_hard_stop_with_its_place(project):
    result = gate.check(project.change({"app.py": f"import os\nTOKEN = '{TOKEN}'\n"}))
    assert result.status is GateStatus.HARD_STOP
    assert result.summary == "app.py:2: GitHub token ghp_…"
    finding = result.findings[0]
    assert (finding.severity, finding.line) == (Severity.MUST_FIX, 2)
    assert finding.quote == "TOKEN = 'ghp_…'"
    assert finding.evidence[0].kind == "gate"


def test_value_is_in_nothing_that_the_gate_returns(project):
    change = project.change({"a.py": f"T = '{TOKEN}'\n", "k.txt": KEY})
    text = json.dumps(gate.check(change).plain(), ensure_ascii=False)
    assert TOKEN[8:] not in text
    assert LINE not in text
    assert GateResult.from_plain(json.loads(text)).status is GateStatus.HARD_STOP


def test_secret_that_was_there_before_is_not_the_changes_fault(project):
    project.commit({"app.py": f"T = '{TOKEN}'\nx = 1\n"})
    result = gate.check(project.change({"app.py": f"T = '{TOKEN}'\nx = 2\n"}))
    assert result.status is GateStatus.PASSED


def test_removed_secret_passes(project):
    project.commit({"app.py": f"T = '{TOKEN}'\nx = 1\n"})
    assert gate.check(project.change({"app.py": "x = 1\n"})).status is GateStatus.PASSED


def test_key_over_several_lines_is_found(project):
    result = gate.check(project.change({"notes.txt": "see\n" + KEY}))
    assert result.summary.startswith("notes.txt:2: private key")


def test_secret_in_utf16_is_found_although_git_calls_it_binary(project):
    result = gate.check(project.change({"app.cs": f"var t = '{TOKEN}';\n".encode("utf-16")}))
    assert result.status is GateStatus.HARD_STOP
    assert result.summary.startswith("app.cs (binary): GitHub token")


def test_mere_suspicion_is_a_nit_and_no_stop(project):
    result = gate.check(project.change({"app.py": 'PASSWORD = "Xk29dj3LmQ8r7v"\n'}))
    assert result.status is GateStatus.WARNING
    assert [finding.severity for finding in result.findings] == [Severity.NIT]
    assert "Xk29dj3LmQ8r7v" not in json.dumps(result.plain())


def test_forbidden_files_are_a_hard_stop(project):
    paths = [
        ".env",
        "My-Secrets.yaml",
        "aws_credentials",
        "certs/server.pem",
        "config/credentials.json",
        "config/production.yml",
        "deploy/.env.local",
        "settings-production-eu.json",
    ]
    result = gate.check(project.change(dict.fromkeys(paths, "a: 1\n")))
    assert result.status is GateStatus.HARD_STOP
    assert sorted(result.details["files"]) == paths
    assert result.summary == ".env must not be committed (**/.env*) and 7 more"
    assert {finding.severity for finding in result.findings} == {Severity.MUST_FIX}


def test_forbidden_file_that_is_changed_is_a_hard_stop(project):
    project.commit({".env": "A=1\n"})
    assert gate.check(project.change({".env": "A=2\n"})).status is GateStatus.HARD_STOP


def test_forbidden_file_may_be_deleted(project):
    project.commit({".env": "A=1\n"})
    assert gate.check(project.change({".env": None})).status is GateStatus.PASSED


def test_example_file_is_allowed(project):
    assert gate.check(project.change({".env.example": "A=\n"})).status is GateStatus.PASSED


def test_exception_from_the_settings_is_allowed(project, with_settings):
    with_settings(guard={"secret_files_allowed": ("src/secret_store.py",)})
    change = project.change({"src/secret_store.py": "x = 1\n", "src/secret_other.py": "x = 1\n"})
    result = gate.check(change)
    assert result.details["files"] == ["src/secret_other.py"]


def test_held_value_in_an_added_line_is_a_hard_stop_that_names_who_holds_it(project):
    project.redactor = Redactor(HeldSecrets([("MY_API_TOKEN", HELD)]), b"k")
    encoded = base64.b64encode(HELD.encode()).decode()
    kept = f'a = "{HELD}"\n'
    project.commit({"old.py": kept, "moved.py": kept, "twice.py": kept})
    files = {
        "a.py": f'x = "{HELD}"\n',
        "b.txt": f"see {encoded}\n",
        "c.bin": b"\0" + HELD.encode(),
        "old.py": f"{kept}b = 1\n",
        "moved.py": f'b = "{HELD}"\n',
        "twice.py": f"{kept}{kept}",
    }
    result = gate.check(project.change(files))
    places = [(finding.path, finding.line) for finding in result.findings]
    assert places == [("a.py", 1), ("b.txt", 1), ("c.bin", None), ("twice.py", 2)]
    assert {finding.rule for finding in result.findings} == {"secrets.held-value"}
    assert result.status is GateStatus.HARD_STOP
    assert result.summary.startswith("a.py:1: the value of MY_API_TOKEN, which this machine holds")
    text = json.dumps(result.plain())
    assert HELD[8:] not in text
    assert encoded[12:-4] not in text
