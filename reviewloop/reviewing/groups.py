"""Packs what there is to read into groups that fit a prompt, neighbours together."""

from collections.abc import Sequence

from reviewloop.reviewing.neighbours import STRONG, Ties


def grouped(items: Sequence[tuple[str, int]], ties: Ties, room: int) -> list[list[int]]:
    """Return groups of positions in `items`, (path, size) pairs, each at most `room` in sum.

    Every position is in exactly one group; an item larger than `room` has one of its own. What is
    strongly tied is joined, the strongest ties first, as long as it fits; then groups are filled
    in the order of the items, which keeps folders together. The same input always gives the same
    groups.
    """
    clusters = _Clusters([size for _, size in items])
    at = {path: position for position, (path, _) in enumerate(items)}  # the last piece of a file
    for _, one, other in sorted(
        (-strength, at[path], at[near])
        for path, tied in ties.items()
        for near, strength in tied.items()
        if strength >= STRONG and path in at and near in at and at[path] < at[near]
    ):
        clusters.join(one, other, room)
    groups: list[tuple[int, list[int]]] = []
    for size, members in clusters.in_order():
        fitting = (n for n, (used, _) in enumerate(groups) if used + size <= room)
        number = next(fitting, None)
        if number is None:
            groups.append((size, members))
        else:
            groups[number] = (groups[number][0] + size, groups[number][1] + members)
    return sorted(sorted(members) for _, members in groups)


class _Clusters:
    """Positions that were joined, with the size of each cluster."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = list(sizes)
        self._members = [[position] for position in range(len(sizes))]
        self._home = list(range(len(sizes)))

    def join(self, one: int, other: int, room: int) -> None:
        """Make one cluster of two if it is not larger than `room`."""
        first, second = sorted((self._home[one], self._home[other]))
        if first == second or self._sizes[first] + self._sizes[second] > room:
            return
        self._sizes[first] += self._sizes[second]
        self._members[first] += self._members[second]
        for position in self._members[second]:
            self._home[position] = first

    def in_order(self) -> list[tuple[int, list[int]]]:
        """Return (size, positions) of each cluster, in the order of their first positions."""
        mine = [n for n, home in enumerate(self._home) if n == home]
        return [(self._sizes[n], self._members[n]) for n in mine]
