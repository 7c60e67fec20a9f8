"""The settings of a run: one frozen model from five layers, with the origin of each value."""

from reviewloop.settings.loading import Loaded, commands_digest, load_settings
from reviewloop.settings.schema import (
    Commit,
    Coverage,
    FollowUps,
    Gate,
    Gates,
    Governance,
    Guard,
    Limits,
    Models,
    Runs,
    Settings,
    Spec,
    Tools,
)
from reviewloop.settings.template import settings_template

__all__ = [
    "Commit",
    "Coverage",
    "FollowUps",
    "Gate",
    "Gates",
    "Governance",
    "Guard",
    "Limits",
    "Loaded",
    "Models",
    "Runs",
    "Settings",
    "Spec",
    "Tools",
    "commands_digest",
    "load_settings",
    "settings_template",
]
