"""Repositories that try to run something, and a check that none of them changed."""

from support.trapped import contents as contents
from support.trapped import trapped as trapped
from support.trapped import tripwire as tripwire
