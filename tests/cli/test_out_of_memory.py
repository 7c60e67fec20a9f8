"""Memory that runs out is the machine's limit, not a bug."""

from reviewloop.cli.unexpected_errors import expected_failure


def test_memory_that_runs_out_is_said_in_one_sentence():
    try:
        try:
            raise MemoryError
        except MemoryError as error:
            raise RuntimeError("somewhere inside") from error
    except RuntimeError as error:
        assert "memory" in expected_failure(error)
