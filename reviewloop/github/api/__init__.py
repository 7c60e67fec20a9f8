"""The client of GitHub's API: requests, answers, errors and the values that they make."""
