"""Secrets in texts: what vendors issue, passwords written down, and masking both."""

from reviewloop.secrets.check import CHECKS

__all__ = ["CHECKS"]
