"""Print the cost of reviewing a usual pull request: the table of docs/github.md.

python benchmarks/pull_request_cost.py [--answer 1000]

A diff of 300 lines is reviewed by the five reviewers, once with one turn each and once with three
(two files read before the answer). The stand-in for Bedrock counts the tokens that are sent, and
those from the cache; genai-prices has the prices. The length of answers is an assumption:
`--answer` tokens in each turn of each reviewer, reasoning included. Nothing goes over the network.
"""

import argparse

from cost import REVIEWERS, review_of, small_modules

from reviewloop.llm.messages import Usage
from reviewloop.llm.prices import cost

MODELS = (
    "anthropic:claude-sonnet-5-5",
    "openai:gpt-6.1-sol",
    "google_genai:gemini-3.8-flash",
    "bedrock_converse:global.anthropic.claude-sonnet-5-5",
    "bedrock_converse:amazon.nova-pro-v1:0",
)
TURNS = (1, 3)
ANSWER = 1000  # tokens


def usage(turns: int, answer: int) -> Usage:
    """Return the billed usage of the five reviewers for the change of 300 lines."""
    files = [(path, "".join(parts)) for path, parts in small_modules()]
    fresh, written, read = review_of(files, turns, 0.0, cache=True).billed
    return Usage(fresh, len(REVIEWERS) * turns * answer, read, written)


def main() -> None:
    """Measure both reviews and print a row for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answer", type=int, default=ANSWER, help="tokens of one answer")
    answer = parser.parse_args().answer
    usages = [usage(turns, answer) for turns in TURNS]
    for turns, one in zip(TURNS, usages, strict=True):
        print(
            f"{turns} turns: {one.input:,} tokens sent, {one.cache_write:,} kept in the cache, "
            f"{one.cache_read:,} read from it, {one.output:,} answered"
        )
    print("\n| model | one turn | three turns |\n|---|--:|--:|")
    for model in MODELS:
        prices = [f"${price:.2f}" if (price := cost(model, u)) else "?" for u in usages]
        print(f"| `{model}` | {' | '.join(prices)} |")


if __name__ == "__main__":
    main()
