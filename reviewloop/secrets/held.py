"""Finds the secrets that this machine holds in a text, however the text spells them."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from reviewloop.secrets.encodings import SHORTEST, Form, forms_of
from reviewloop.secrets.stretches import Stretch, joined
from reviewloop.secrets.unseen import through_unseen
from reviewloop.secrets.values import is_random

_LONG = 24  # characters of a form in a row: the escapes, which ordinary texts hold many parts of


class Held:
    """The values of a run by their names, built once; threads may share it.

    Values shorter than 8 characters are left out: they would take harmless words out of texts.
    """

    def __init__(self, values: Iterable[tuple[str, str]] = ()) -> None:
        self._short = _Index(gram=6, least=SHORTEST)
        self._long = _Index(gram=14, least=_LONG)
        self._whole: set[str] = set()
        self._drawn: set[str] = set()
        seen: set[str] = set()
        for name, value in values:
            if len(value) < SHORTEST or value in seen:
                continue
            seen.add(value)
            if is_random(value):
                self._drawn.add(name)
            for form in dict.fromkeys(forms_of(value)):
                self._whole.add(form.text)
                (self._long if form.least >= _LONG else self._short).add(form, name)

    def __bool__(self) -> bool:
        return bool(self._short)

    def places(self, text: str) -> list[Stretch]:
        """Return the stretches of the text that give a value away, in order, without overlap.

        Their names say whose values they are. A value is found although hidden characters stand
        inside of it.
        """
        return joined(through_unseen(text, self.stretches)) if self else []

    def names_in(self, text: str) -> tuple[str, ...]:
        """Return whose values the text gives away, each once."""
        return tuple(dict.fromkeys(place.name for place in self.places(text)))

    def is_whole(self, written: str) -> bool:
        """Whether a text is a whole value, in any of its forms."""
        return written in self._whole

    def is_drawn(self, name: str) -> bool:
        """Whether a value of this name looks drawn by a machine."""
        return name in self._drawn

    def stretches(self, text: str) -> Iterator[Stretch]:
        """Yield the same in no order; they may overlap, and hidden characters are no exception."""
        yield from self._short.places(text)
        yield from self._long.places(text)


class _Index:
    """Forms by their grams: short parts of them, which are looked up in a text at every step."""

    def __init__(self, gram: int, least: int) -> None:
        """Take how many characters a gram has, and how many every form is found by."""
        self._gram = gram
        self._step = least - gram + 1  # whatever is found holds a gram at a multiple of this
        self._table: dict[str, list[tuple[Form, str, int]]] = {}  # gram -> (form, name, offset)

    def __bool__(self) -> bool:
        return bool(self._table)

    def add(self, form: Form, name: str) -> None:
        offsets: dict[str, list[int]] = {}
        for offset in range(len(form.text) - self._gram + 1):
            offsets.setdefault(form.text[offset : offset + self._gram], []).append(offset)
        for gram, found in offsets.items():
            entries = self._table.setdefault(gram, [])
            entries += ((form, name, offset) for offset in self._ends(found))

    def places(self, text: str) -> Iterator[Stretch]:
        """Yield stretches that give a value away, in the order of their grams."""
        table, size = self._table, self._gram
        if not table:
            return
        done = 0
        for at in [i for i in range(0, len(text), self._step) if text[i : i + size] in table]:
            if at + size > done:
                place = self._around(text, at)
                if place:
                    done = place.end
                    yield place

    def _ends(self, offsets: list[int]) -> list[int]:
        """Return the offsets without the inner ones of a repetition: `======` in `=========`.

        In a text it is met at its beginning and its end, wherever the steps fall.
        """
        if len(offsets) <= 2 * self._step:
            return offsets
        runs = [[offsets[0]]]
        for before, offset in pairwise(offsets):
            near = offset - before <= self._gram
            same = len(runs[-1]) < 2 or offset - before == runs[-1][1] - runs[-1][0]
            if near and same:
                runs[-1].append(offset)
            else:
                runs.append([offset])
        kept = (run[: self._step] + run[self._step :][-self._step :] for run in runs)
        return [offset for run in kept for offset in run]

    def _around(self, text: str, at: int) -> Stretch | None:
        """Return the longest stretch around a gram that is long enough to give a value away."""
        best: Stretch | None = None
        for form, name, offset in self._table[text[at : at + self._gram]]:
            length = best.end - best.start if best else form.least - 1
            if len(form.text) <= length:
                continue
            start = at - _common_before(text, at, form.text, offset)
            end = at + self._gram
            end += _common_behind(text, end, form.text, offset + self._gram)
            if end - start >= form.least and end - start > length:
                best = Stretch(start, end, name)
        return best


def _common_behind(text: str, at: int, form: str, offset: int) -> int:
    """Return how many characters agree from these places on."""
    most = min(len(text) - at, len(form) - offset)
    if text[at : at + most] == form[offset : offset + most]:
        return most
    done, step, grows = 0, 8, True
    while step and done < most:
        end = min(done + step, most)
        same = text[at + done : at + end] == form[offset + done : offset + end]
        grows = grows and same
        done = end if same else done
        step = step * 2 if grows else step // 2
    return done


def _common_before(text: str, at: int, form: str, offset: int) -> int:
    """Return how many characters agree in front of these places."""
    most = min(at, offset)
    if text[at - most : at] == form[offset - most : offset]:
        return most
    done, step, grows = 0, 8, True
    while step and done < most:
        end = min(done + step, most)
        same = text[at - end : at - done] == form[offset - end : offset - done]
        grows = grows and same
        done = end if same else done
        step = step * 2 if grows else step // 2
    return done
