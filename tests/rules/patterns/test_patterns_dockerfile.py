"""What is read in Dockerfiles, and where the patterns point."""

import pytest
from support.rule_examples import BY_NAME

from reviewloop.analysis.contract import Hit, SourceFile, Span
from reviewloop.rules.docker.reading import read

CHECK = BY_NAME["dockerfile"]


def hits(text: str) -> list[Hit]:
    return list(CHECK.run(SourceFile("Dockerfile", text, ((1, 99),), "dockerfile")))


def rules(text: str) -> set[str]:
    return {hit.rule.removeprefix("docker/") for hit in hits(text)}


def test_comments_and_blank_lines_do_not_end_an_instruction():
    docker = read("FROM a:1\nRUN one \\\n\n# why\n   && two\nCMD x\n")
    assert [(i.keyword, i.line, i.end_line) for i in docker.instructions] == [
        ("FROM", 1, 1),
        ("RUN", 2, 5),
        ("CMD", 6, 6),
    ]


def test_the_escape_directive_is_obeyed():
    docker = read("# escape=`\nFROM a:1\nRUN one `\n two\nCOPY a c:\\\nCMD x\n")
    assert [i.keyword for i in docker.instructions] == ["FROM", "RUN", "COPY", "CMD"]


def test_heredocs_belong_to_their_instruction():
    docker = read(
        "FROM a:1\nRUN <<EOF\nFROM b\napt-get install x\nEOF\nCOPY <<A <<B /x/\n1\nA\n2\nB\n"
    )
    assert [(i.keyword, i.line, i.end_line) for i in docker.instructions] == [
        ("FROM", 1, 1),
        ("RUN", 2, 5),
        ("COPY", 6, 10),
    ]


def test_a_heredoc_that_never_ends_is_left_alone():
    assert [i.keyword for i in read("FROM a\nRUN cat <<EOF\nCMD x\n").instructions] == [
        "FROM",
        "RUN",
        "CMD",
    ]


def test_commands_in_a_heredoc_are_read_at_their_own_lines():
    found = hits("FROM a:1\nRUN <<EOF\nset -e\napt-get install x\nEOF\n")
    asked = next(h for h in found if h.rule == "docker/install-asks")
    assert asked.span == Span(2, 4, 1, 18)


def test_a_command_on_the_first_line_is_pointed_at_exactly():
    found = hits("FROM a:1\nRUN --network=none apt-get install x && true\n")
    asked = next(h for h in found if h.rule == "docker/install-asks")
    assert asked.span == Span(2, 2, 20, 37)


def test_stages_take_the_values_of_arguments():
    docker = read("ARG V=3\nFROM a:${V} AS one\nFROM b:${W:-4}\nFROM $X\nFROM one\n")
    assert [stage.image for stage in docker.stages] == ["a:3", "b:4", "", "one"]
    assert docker.parent(docker.stages[3]) is docker.stages[0]


def test_windows_images_are_not_read_as_posix_shell():
    assert "cd" not in rules("FROM mcr.microsoft.com/windows/servercore:ltsc2022\nRUN cd C:\\x\n")


def test_a_user_of_the_parent_stage_counts():
    assert "no-user" not in rules('FROM a:1 AS b\nUSER me\nFROM b\nCMD ["x"]\n')


def test_templates_of_dockerfiles_are_not_judged():
    assert rules("{% if x %}\nFROM a\n{% endif %}\nBLA\n") == set()


@pytest.mark.parametrize(
    "text", ["", "\n", "FROM", "FROM a AS", "RUN", "ONBUILD", "[", "\x00", "\\"]
)
def test_odd_files_do_not_raise(text):
    hits(text)
    hits("FROM a\n" + text)


def test_crlf_is_no_part_of_a_value():
    assert "untagged-image" not in rules("FROM a:1\r\nRUN x\r\n")
    assert "latest-image" in rules("FROM a:latest\r\n")


@pytest.mark.slow
def test_a_large_file_is_read_in_linear_time():
    text = "FROM a:1\n" + "RUN apt-get install x \\\n  && true | cat\n" * 5_000
    assert len(hits(text)) >= 5_000
    assert len(hits("FROM a:latest AS b\nRUN cd x\n" * 5_000)) > 5_000
