"""The conversation that is sent again: cache points, old and repeated results."""

from reviewloop.llm.history import trim_results, with_cache_points, without_repeats
from reviewloop.llm.messages import (
    Reply,
    ToolCall,
    assistant_message,
    text_block,
    tool_message,
    tool_result,
    user_message,
)


def _talk(*results: str) -> list[dict]:
    messages = [user_message(text_block("go"))]
    for number, text in enumerate(results):
        call = ToolCall(f"id{number}", "fs_read", {"n": number})
        messages.append(assistant_message(Reply("", (call,))))
        messages.append(tool_message([tool_result(call.id, text, error=False)]))
    return messages


def _points(messages) -> list[int]:
    ends = [message["content"][-1]["type"] for message in messages]
    return [n for n, end in enumerate(ends) if end == "cache_point"]


def _texts(messages) -> list[str]:
    return [m["content"][0]["text"] for m in messages if m["role"] == "tool"]


def test_points_stand_at_the_tail_and_where_the_tail_was():
    messages = _talk("a", "b", "c")
    assert _points(with_cache_points(messages, 1, writes=False, more=True)) == [4, 6]
    assert _points(with_cache_points(messages, 1, writes=True, more=True)) == [0, 4, 6]
    assert _points(with_cache_points(messages, 1, writes=False, more=False)) == [
        4
    ]  # nobody reads the last
    assert _points(with_cache_points(messages[:1], 1, writes=False, more=True)) == []
    assert _points(messages) == []


def test_the_oldest_results_go_at_once_and_the_latest_never():
    long = ["x" * 1000 + str(n) for n in range(6)]
    assert trim_results(_talk(*long), 10_000) == _talk(*long)
    texts = _texts(trim_results(_talk(*long), 5_000))
    assert [text.startswith("[left out") for text in texts] == [True] * 4 + [False] * 2
    assert texts[4:] == long[4:]
    assert _texts(trim_results(_talk(*long[:2]), 100)) == long[:2]
    again = trim_results(_talk(*long), 5_000)
    assert trim_results(again, 5_000) == again


def test_a_result_that_the_history_holds_is_named_not_sent_again():
    long = "the text of a file\n" * 40

    def shown(text: str, *before: str) -> str:
        return without_repeats(_talk(*before), [tool_result("i", text, error=False)])[0]["text"]

    assert shown(long, "other", long).startswith("[the same")
    assert shown(f"[asked 3 times]\n{long}", long).startswith("[asked 3 times]\n[the same")
    assert shown(long, "other") == long
    assert shown("short", "short") == "short"
    assert shown(long + "!", long) == long + "!"
    dropped = trim_results(_talk(long, "b" * 900, "c" * 900), 100)
    assert without_repeats(dropped, [tool_result("i", long, error=False)])[0]["text"] == long
