"""Specs as a whole: planted faults are found, a good spec is left alone, and findings are few."""

import pytest
from support.planted_specs import FAULTS, FILES, FOLDER, Fault, planted

from reviewloop.analysis.contract import Tree
from reviewloop.domain.finding import Severity
from reviewloop.specs.checks import SpecChecks, check_spec, read_view
from reviewloop.specs.discover import find_specs
from reviewloop.specs.files import MemoryFiles


def checked(texts: dict[str, str], level=lambda rule: "") -> SpecChecks:
    files = MemoryFiles({path: text.encode() for path, text in texts.items()})
    (ref,) = find_specs(files)
    tree = Tree(read=lambda path: texts.get(path), paths=lambda: list(texts))
    return check_spec(read_view(files, ref, tree), level)


def test_a_good_spec_has_nothing_to_mend() -> None:
    found = checked(FILES).findings

    assert [f"{one.where} {one.title}" for one in found if one.severity is not Severity.NIT] == []
    assert {one.rule for one in found} <= {"spec/too-large"}


def test_there_are_forty_planted_faults() -> None:
    assert len(FAULTS) == 40


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.rule}: {fault.new[:30]}")
def test_a_planted_fault_is_found_in_its_document(fault: Fault) -> None:
    found = checked(planted(fault)).findings
    mine = [one for one in found if one.rule == f"spec/{fault.rule}"]

    assert mine, [one.rule for one in found]
    whole = fault.rule.startswith("requirement") or fault.rule.startswith("no-sec")
    assert mine[0].path == f"{FOLDER}/{'requirements' if whole else fault.document}.md"
    assert mine[0].line


def test_a_rule_speaks_once_of_a_document_and_names_the_other_lines() -> None:
    text = FILES[f"{FOLDER}/requirements.md"].replace("300 ms", "a short time, fast")
    text = text.replace("within 60 seconds", "quickly")
    found = checked({**FILES, f"{FOLDER}/requirements.md": text}).findings
    vague = [one for one in found if one.rule == "spec/vague"]

    assert [one.line for one in vague] == [15]
    assert vague[0].title == '"fast" has no number (also line 23)'


def test_settings_switch_a_rule_off_or_change_its_severity() -> None:
    fault = FAULTS[0]

    def level(rule: str) -> str:
        return {"spec/vague": "off"}.get(rule, "")

    assert "spec/vague" not in {one.rule for one in checked(planted(fault), level).findings}
    louder = checked(planted(fault), lambda rule: "must" if rule == "spec/vague" else "")
    assert louder.findings[0].severity is Severity.MUST_FIX


def test_requirements_are_checked_before_there_are_tasks() -> None:
    path = f"{FOLDER}/requirements.md"
    texts = {path: FILES[path].replace("within 300 ms", "fast")}

    found = checked(texts)

    assert not found.view.has_tasks
    assert [one.rule for one in found.findings] == ["spec/vague"]


def test_words_of_another_language_are_left_alone_and_it_is_said() -> None:
    text = """\
# Anforderungen

### Requirement 1: Kanal

#### Acceptance Criteria

1. Wenn ein Mitglied den Kanal speichert, muss das System ihn schnell und robust ablegen
2. Wenn der Kanal unbekannt ist, nennt das System alle bekannten Kanäle und bleibt modern
"""
    found = checked({f"{FOLDER}/requirements.md": text})

    assert found.findings == ()
    assert found.notes == ("words are checked in English only; this spec is in another language",)


def test_the_same_amount_in_other_units_is_no_contradiction() -> None:
    design = FILES[f"{FOLDER}/design.md"]
    same = design + "\nThe stored channel record expires after 2160 hours without a visit.\n"
    other = design + "\nThe stored channel record expires after 216 hours without a visit.\n"

    rules = [
        {one.rule for one in checked({**FILES, f"{FOLDER}/design.md": text}).findings}
        for text in (same, other)
    ]

    assert "spec/numbers-contradict" not in rules[0]
    assert "spec/numbers-contradict" in rules[1]
