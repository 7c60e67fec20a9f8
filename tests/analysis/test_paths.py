"""Purpose of a file by its path, language by path and first lines."""

import pytest
from support.growth import ends_soon, grows_faster_than_its_text

from reviewloop.analysis.contract import PathClass
from reviewloop.analysis.languages import is_cloudformation, is_test_name, language_of, path_class

PRODUCT, TEST = PathClass.PRODUCT, PathClass.TEST
EXAMPLE, FIXTURE = PathClass.EXAMPLE, PathClass.FIXTURE
TEMPLATE = "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shop/orders.py", PRODUCT),
        ("src/data/loader.py", PRODUCT),
        ("src/latest/contest.py", PRODUCT),
        ("attestation.py", PRODUCT),
        ("tests/test_orders.py", TEST),
        ("shop/test_orders.py", TEST),
        ("shop/orders_test.go", TEST),
        ("src/orders.spec.ts", TEST),
        ("src/Orders.test.tsx", TEST),
        ("src/test/java/OrdersTest.java", TEST),
        ("src/OrdersTests.cs", TEST),
        ("conftest.py", TEST),
        ("league/match_fixtures.go", PRODUCT),
        ("src/fixtures_loader.py", PRODUCT),
        (".github/ci/e2econfig/users.yaml", TEST),
        ("docker/dummy/webdav/Dockerfile", TEST),
        ("unittests/scans/keys.json", TEST),
        ("shop/acceptance/orders.py", PRODUCT),
        ("contrib/local-environment/values.yaml", EXAMPLE),
        ("Tests/helpers.py", TEST),
        ("tests/fixtures/broken.py", FIXTURE),
        ("tests/data/case.tf", FIXTURE),
        ("pkg/testdata/main.go", FIXTURE),
        ("web/__snapshots__/a.js", FIXTURE),
        ("examples/app.py", EXAMPLE),
        ("docs/conf.py", EXAMPLE),
        ("benchmarks/speed.py", EXAMPLE),
        ("examples/tests/test_app.py", TEST),
        ("scripts/test-environments/compose.yml", TEST),
        ("internal/suites/http.go", TEST),
        ("attest-keys/a.py", PRODUCT),
        ("pkg/db/fixtures/users.yml", FIXTURE),
        ("backend/seeds/tokens.ts", EXAMPLE),
        (".examples/compose.yaml", EXAMPLE),
        ("t/unit/security/keys.py", TEST),
        ("src/t/keys.py", PRODUCT),
        ("integration/resources/tls/local.key", FIXTURE),
        ("shop/integration/mail.py", PRODUCT),
        ("web/.env.test", TEST),
        (".env.production", PRODUCT),
        ("pkg/testhelpers/server.go", TEST),
        ("cienv/_testdata/event.json", FIXTURE),
        ("caddytest/caddytest.go", TEST),
        ("molecule/upgrade/files/apt.priv", TEST),
        ("internal/latest/server.go", PRODUCT),
        ("caddytest/page.py", PRODUCT),
        ("identity/.snapshots/a.json", FIXTURE),
        ("backup/snapshots/a.go", PRODUCT),
    ],
)
def test_a_path_tells_what_a_file_is_for(path, expected):
    assert path_class(path) is expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", "", "python"),
        ("module.j2", "#!/usr/bin/python\n{% set a = 1 %}\n", ""),
        ("a.PY", "", "python"),
        ("a.mts", "", "typescript"),
        ("a.tsx", "", "tsx"),
        ("main.tf", "", "terraform"),
        ("Dockerfile", "", "dockerfile"),
        ("Dockerfile.prod", "", "dockerfile"),
        ("Dockerfile.prod.dockerignore", "docs\n", ""),
        ("deploy/api.dockerfile", "", "dockerfile"),
        ("Containerfile", "", "dockerfile"),
        ("dockerfile.py", "", "python"),
        ("mydockerfile", "", ""),
        (".github/workflows/ci.yml", "", "github-workflow"),
        ("sub/.github/workflows/ci.yaml", "", "github-workflow"),
        (".github/workflows/readme.md", "", "markdown"),
        ("action.yml", "runs:\n  using: node20\n", "github-action"),
        ("action.yml", "name: no action\n", "yaml"),
        (".github/dependabot.yml", "", "dependabot"),
        ("stack.yaml", TEMPLATE, "cloudformation"),
        ("stack.template", TEMPLATE, "cloudformation"),
        ("stack.json", '{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}', "cloudformation"),
        ("values.yaml", "resources: {}\n", "yaml"),
        ("deploy", "#!/bin/sh\n", "shell"),
        ("deploy", "#!/usr/bin/env bash\n", "shell"),
        ("deploy", "#!/usr/bin/env -S python3.12 -u\n", "python"),
        ("deploy", "#!/usr/bin/perl\n", ""),
        ("notes.txt", "#!/bin/sh\n", "shell"),
        ("LICENSE", "text", ""),
    ],
)
def test_a_path_and_its_text_tell_the_language(path, text, expected):
    assert language_of(path, text) == expected


def test_a_template_needs_resources_and_a_sign_of_whose_they_are():
    assert is_cloudformation(TEMPLATE)
    assert is_cloudformation("AWSTemplateFormatVersion: '2010-09-09'\nResources: {}\n")
    assert not is_cloudformation("Resources: {}\n")
    assert not is_cloudformation("Type: AWS::S3::Bucket\n")


@pytest.mark.parametrize("piece", ['"Type" : ', "\n", " \n", "{ ", "Type :\n\n", ", "])
def test_a_long_hostile_text_costs_no_more_than_its_length(piece):
    def read(text):
        assert language_of("a.json", text) == "json"
        assert language_of("run", "#!" + text) == ""

    assert not grows_faster_than_its_text(read, piece * 4000)
    assert ends_soon(read, piece)


@pytest.mark.parametrize("name", ["test_a.py", "a_test.go", "a.spec.ts", "ATest.java", "tests.py"])
def test_a_name_can_say_that_it_holds_tests(name):
    assert is_test_name(name)
    assert is_test_name(f"deep/folder/{name}")


@pytest.mark.parametrize("name", ["testing.py", "contest.py", "latest.js", "attest.go"])
def test_a_name_that_only_sounds_like_it_does_not(name):
    assert not is_test_name(name)
