"""The base of all tables of the settings file."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from reviewloop.patterns import PatternError, require_sound


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _sound(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        try:
            require_sound(pattern)
        except PatternError as problem:
            raise ValueError(f"patterns that can match a file: {pattern!r} {problem}") from None
    return patterns


FilePatterns = Annotated[tuple[str, ...], AfterValidator(_sound)]
"""Patterns of files; one that can match nothing is refused, since nobody would notice."""
