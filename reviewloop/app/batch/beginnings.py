"""What the tasks of a batch stand on when they begin, by the order alone."""

from reviewloop.app.batch.stacking import listed_above
from reviewloop.specs.order import Order


class Beginnings:
    """What tasks stand on when they begin, by the order alone."""

    def __init__(self, order: Order) -> None:
        self._wished: dict[str, set[str]] = {}
        self._before: dict[str, set[str]] = {}
        for step in order.steps:  # each comes after all that it can stand on
            wished = {*step.needs, *listed_above(order, step)} & self._before.keys()
            self._wished[step.task.id] = wished
            self._before[step.task.id] = wished.union(*(self._before[one] for one in wished))

    def before(self, task: str) -> set[str]:
        """Return all tasks in the commits below a task."""
        return self._before[task]

    def alone(self, task: str) -> bool:
        """Whether it can begin without any run being brought: one stack holds all below it."""
        todo = [task]
        while todo:  # no two of what it wishes for can both hold all the others
            wished = self._wished[todo.pop()]
            todo += [one for one in wished if wished - {one} <= self.before(one)]
            if not wished:
                return True
        return False
