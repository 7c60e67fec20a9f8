"""Which comments are commands, what they request, and that they cannot request more."""

import pytest

from reviewloop.github.user_comments import HELP, VERBS, Command, Wrong, parse

ID = "0123456789ab"


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("/reviewloop review", Command("review")),
        ("  /ReviewLoop  FULL-REVIEW \r\n\r\nthanks!", Command("full-review")),
        ("> somebody wrote\n> /reviewloop pause\n\n/reviewloop resume", Command("resume")),
        ("/reviewloop", Command("help")),
        (f"/reviewloop explain {ID}", Command("explain", ID)),
        (f"/reviewloop explain `{ID[:6].upper()}`.", Command("explain", ID[:6])),
        ("/reviewloop explain", Command("explain")),
        ("/reviewloop fix ALL", Command("fix", "all")),
        ("/reviewloop\tfix\tall", Command("fix", "all")),
        ("> a\r/reviewloop fix all", Command("fix", "all")),
        (f"/reviewloop fix #{ID}", Command("fix", ID)),
        (
            f"/reviewloop dismiss {ID} by design: see https://example.org, --strict",
            Command(
                "dismiss",
                ID,
                "by design: see https://example.org, --strict",
                f"{ID} by design: see https://example.org, --strict",
            ),
        ),
        (
            "/reviewloop dismiss facade is what we want",
            Command("dismiss", "facade", "is what we want", "facade is what we want"),
        ),
        ("/reviewloop dismiss not here", Command("dismiss", "", "not here", "not here")),
        ("reviewloop: dismiss by design", Command("dismiss", "", "by design", "by design")),
        (f"ReviewLoop:dismiss: {ID} x=y", Command("dismiss", ID, "x=y", f"{ID} x=y")),
        (f"/reviewloop undismiss {ID}", Command("reopen", ID)),
        ("/reviewloop reopen", Command("reopen")),
        (f"/reviewloop dismiss {ID}", Command("dismiss", ID, "", ID)),
    ],
)
def test_a_command_is_understood(body, asked):
    assert parse(body) == asked


@pytest.mark.parametrize("words", ["reviewloop dismiss: x y", "reviewloop dismiss x y"])
def test_in_a_thread_a_reply_need_not_have_its_colon(words):
    assert parse(words, in_thread=True) == Command("dismiss", "", "x y", "x y")
    assert parse("reviewloop dismisses too much", in_thread=True) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "> /reviewloop fix all",
        "```\n/reviewloop fix all\n```",
        "    /reviewloop fix all",
        "\t/reviewloop fix all",
        "<!-- -->\n/reviewloop fix all",
        "Try this:\n/reviewloop fix all",
        "/reviewloopx fix all",
        "/reviewloop-fix all",
        "reviewloop dismiss reason",  # in a thread it is one
        "reviewloop: dismissed",
        "reviewloop: fix all",
        "`/reviewloop fix all`",
        "x /reviewloop help",
        # What breaks a line for Python alone stays inside of what somebody quotes.
        *(f"> a{odd}/reviewloop fix all\n\nThanks!" for odd in "\x0b\x0c\x1c\x85\u2028\u2029"),
    ],
)
def test_anything_else_is_no_command(body):
    assert parse(body) is None


@pytest.mark.parametrize(
    "words",
    [
        "review --model bedrock_converse:x",
        "review model=x",
        "review models.reasoning=x",
        "full-review —model x",
        "full-review -m x",
        "review https://evil.example/v1",
        "review www.evil.example",
        "review base_url:http",
        f"explain {ID} --api-key x",
        "fix all --model=x",
        f"dismiss {ID} --model=x by design",
        "dismiss --model x",
        "dismiss model=x y",
        "--model x",
        "OPENAI_API_KEY=x review",
        "https://evil.example/",
    ],
)
def test_keys_models_and_addresses_are_refused(words):
    asked = parse(f"/reviewloop {words}")
    assert isinstance(asked, Wrong)
    assert "no options, keys, models or addresses" in asked.sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("explian abc", "Did you mean `/reviewloop explain`?"),
        ("rewiev", "Did you mean `/reviewloop review`?"),
        ("@octo`<b>", "there is no command ``@octo`<b>``"),
        ("review please", "takes nothing after it"),
        ("explain abc", "first 6 characters"),
        (f"explain {ID}0", "first 6 characters"),
        (f"fix {ID} {ID}", "one finding or `all`"),
        ("explain all", "one finding:"),
        ("dismiss " + "x" * 2000, "longer than 1000"),
    ],
)
def test_what_cannot_be_obeyed_says_what_to_write(words, said):
    asked = parse(f"/reviewloop {words}")
    assert isinstance(asked, Wrong)
    assert said in asked.sentence


def test_a_reason_is_bounded_and_the_help_names_every_command():
    asked = parse(f"/reviewloop dismiss {ID} " + "so it is " * 50)
    assert isinstance(asked, Command)
    assert len(asked.reason) == 120
    assert all(f"`/reviewloop {verb}" in HELP for verb in VERBS)
