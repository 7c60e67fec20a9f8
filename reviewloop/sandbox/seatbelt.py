"""macOS: the system's own sandbox-exec with a profile that denies what is not named.

Apple calls the program deprecated and has shipped it unchanged for years; whether it holds is not
assumed, it is tried at every start like the other levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reviewloop.sandbox.base import Grants, Level, Limits, Started, limit_options

PROGRAM = Path("/usr/bin/sandbox-exec")

_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/System",
    "/Library/Developer",
    "/Library/Frameworks",
    "/Library/Preferences/Logging",
    "/private/etc/ssl",
    "/private/etc/passwd",
    "/private/etc/group",
    "/private/etc/hosts",
    "/private/etc/localtime",
    "/private/var/db/timezone",
    "/private/var/db/dyld",
    "/private/var/select",
    "/opt/homebrew",
    "/dev",
)
_RULES = """(version 1)
(deny default)
(allow process-fork)
(allow process-exec)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-sem)
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow mach-lookup (global-name "com.apple.logd"))
(allow file-read-metadata)
(allow file-read* (literal "/"))
(allow network-bind (local ip "localhost:*"))
(allow network-inbound (local ip "localhost:*"))
(allow network-outbound (remote ip "localhost:*"))
(allow file-write* (literal "/dev/null") (literal "/dev/zero"))
"""


@dataclass(frozen=True)
class Seatbelt:
    """Runs commands through sandbox-exec."""

    program: Path = PROGRAM
    level: Level = Level.SEATBELT

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return sandbox-exec's command line with the whole profile as an argument."""
        del cwd
        profile = _RULES
        for place in (*map(Path, _SYSTEM), *_both(grants.read)):
            profile += f"(allow file-read* (subpath {_quoted(place)}))\n"
        for place in _both((grants.work, *grants.write)):
            profile += f"(allow file-read* file-write* (subpath {_quoted(place)}))\n"
        return Started((str(self.program), "-p", profile, *argv), limit_options(limits))


def _both(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return paths as they are spelled and as the kernel sees them: /tmp is /private/tmp."""
    return tuple(dict.fromkeys(form for place in places for form in (place, place.resolve())))


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
