"""What failed for the same reason is told once, with the names of all that it failed for."""

from collections.abc import Iterable


def by_reason(failures: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return (names, reason) of (name, reason) pairs, in their order.

    Reasons that differ only in the name of who failed are the same reason.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, reason in failures:
        groups.setdefault(reason.replace(name, "it") if name else reason, []).append((name, reason))
    return [
        (", ".join(name for name, _ in group), group[0][1] if len(group) == 1 else reason)
        for reason, group in groups.items()
    ]
