"""The commands of each repository that a user trusts; stored outside of every repository."""

import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reviewloop.domain.errors import UsageError
from reviewloop.store.locks import hold


class TrustStore:
    """Consents by repository key and by the digest of their commands."""

    def __init__(self, root: Path) -> None:
        self._path = root / "trust.json"
        self._lock = root / "trust.lock"

    def is_trusted(self, repository_key: str, digest: str) -> bool:
        """Return whether a user agreed to exactly these commands; "" (no commands) needs no
        consent.
        """
        return not digest or digest in self._read().get(repository_key, {})

    def trust(
        self, repository_key: str, digest: str, commands: Mapping[str, Sequence[str]]
    ) -> None:
        """Store the consent to these commands in this repository."""
        with hold(self._lock, "the list of trusted commands"):
            known = self._read()
            shown = {key: list(argv) for key, argv in commands.items()}
            entry = {"at": time.time(), "commands": shown}
            known.setdefault(repository_key, {})[digest] = entry
            self._write(known)

    def consents(self, repository_key: str) -> dict[str, dict[str, list[str]]]:
        """Return every consent for this repository: digest -> the commands."""
        known = self._read().get(repository_key, {})
        return {digest: entry.get("commands", {}) for digest, entry in known.items()}

    def revoke(self, repository_key: str) -> int:
        """Delete every consent for this repository; return how many there were."""
        with hold(self._lock, "the list of trusted commands"):
            known = self._read()
            gone = known.pop(repository_key, {})
            self._write(known)
        return len(gone)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise UsageError(
                f"{self._path} is not readable as JSON; remove it and run `reviewloop trust` again"
            ) from error
        return known if isinstance(known, dict) else {}

    def _write(self, known: Mapping[str, Any]) -> None:
        # A temporary file of mkstemp is 0600; the rename prevents readers of half a file.
        handle, name = tempfile.mkstemp(prefix="trust-", dir=self._path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(known, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
