"""Broken and hostile infrastructure code: never an error, never an endless wait."""

import random

import pytest
from rules.infra.test_infra_planted import blocks
from support.growth import ends_within, grows_too_fast

from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.languages import language_of
from reviewloop.rules.infra.check import infra_hits

CFN = "AWSTemplateFormatVersion: 1\nResources:\n"


def run(text, path, language=""):
    return list(infra_hits(SourceFile(path, text, language=language or language_of(path, text))))


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_never_raise(seed):
    chance = random.Random(seed)
    for block in blocks():
        text = block.text
        start = chance.randrange(len(text))
        for damaged in (
            text[:start],
            text[start:],
            text[:start] + chance.choice('{}[]()"$%\\<\n\t\0:-*&!') + text[start + 1 :],
        ):
            language = language_of(block.path, block.text)
            for hit in run(damaged, block.path, language):
                assert hit.span is None or 1 <= hit.span.line <= damaged.count("\n") + 1


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "language", "text"),
    [
        ("t.yaml", "cloudformation", CFN + "  R: {Type: AWS::S3::Bucket, Properties: *k}\n"),
        ("t.yaml", "cloudformation", BOMB + CFN + "  R:\n    Type: A\n    Properties: *k\n"),
        ("t.yaml", "cloudformation", CFN + "  R: &r\n    Type: A\n    Properties: *r\n"),
        ("t.yaml", "cloudformation", CFN + "  R: " + "[" * 50_000),
        ("t.yaml", "cloudformation", CFN + "- " * 50_000),
        ("t.json", "cloudformation", '{"Resources": ' + '{"a":' * 50_000),
        ("t.json", "cloudformation", '{"Resources": ' + "[" * 100_000),
        ("m.tf", "terraform", "a = " + "[" * 100_000),
        ("m.tf", "terraform", "a = " + "f(" * 100_000),
        ("m.tf", "terraform", "b {" * 50_000),
        ("m.tf", "terraform", 'a = "${' * 50_000),
        ("m.tf", "terraform", 'a = "${x["${' * 20_000),
        ("m.tf", "terraform", "a = <<EOF\n" * 50_000),
        ("m.tf", "terraform", "/*" * 100_000),
        ("m.tf", "terraform", 'resource "a" "b" {\n' * 20_000),
        ("m.tf", "terraform", 'a = "' + '\\"' * 200_000),
        ("m.tf", "terraform", "? : " * 50_000),
        ("m.tf", "terraform", 'resource "aws_x" "y" {\n  password = "' + "x" * 500_000 + '"\n}'),
        ("m.tf", "terraform", 'resource "aws_instance" "y" {\n  user_data = "' + "db_" * 99_000),
        ("s.ts", "typescript", "// aws-cdk-lib\n" + "new a.B(" * 5_000),
        ("s.ts", "typescript", "// aws-cdk-lib\nnew a.B(this, 'x', " + "{a:" * 5_000),
        ("s.py", "python", "import aws_cdk\nA(" + "B(" * 5_000),
        ("s.py", "python", "import aws_cdk\na" + ".b" * 20_000 + "()"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else None,
)
def test_hostile_files_end_soon(path, language, text):
    run(text[:60], path, language)  # loads and compiles what the first file needs
    assert ends_within(lambda: run(text, path, language), 1_000_000 + 60 * len(text))


def test_the_cost_grows_with_the_text():
    block = (
        'resource "aws_kms_key" "k%d" {\n  description = "x"\n  policy = jsonencode({ a = 1 })\n}\n'
    )

    def found(count):
        return run("".join(block % number for number in range(count)), "main.tf")

    assert len(found(800)) == 800
    assert not grows_too_fast(found, 800)
