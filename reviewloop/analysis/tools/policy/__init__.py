"""The policy: which rules of other people's tools we report, to whom, and how bad they are."""
