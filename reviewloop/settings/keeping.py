"""The tables of the settings file about what becomes of a run's work."""

from pydantic import Field

from reviewloop.settings.section import Section


class Commit(Section):
    """How the approved commit is made."""

    sign: bool = Field(
        default=False, description="Sign the commit as the user's git is configured to."
    )


class Runs(Section):
    """What is kept of finished runs."""

    keep_days: int = Field(default=30, ge=0, description="Days that `clean` keeps finished runs.")
