"""`dataclass` of the standard library, with frozen ones made in a third of the time.

Up to Python 3.12 the standard library compiles six functions for each frozen class. A review makes
240 of them, which takes a seventh of its processor time. Here a class compiles its `__init__` only;
comparison, hash, text and the refusal to change are closures over the names of its fields.
"""

import dataclasses
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

_SMALL = {"frozen", "eq", "kw_only"}


def _frozen(cls: type, options: Mapping[str, bool]) -> type:
    given = set(vars(cls))
    if "__eq__" in given and cls.__hash__ is None:
        given.discard("__hash__")  # Python set it to None, not the author of the class
    made: Any = dataclasses.dataclass(
        init=False, repr=False, eq=False, kw_only=options.get("kw_only", False)
    )(cls)
    fields = dataclasses.fields(made)
    methods: dict[str, Callable[..., object]] = {
        "__init__": _init(made, fields),
        "__repr__": _repr([field.name for field in fields if field.repr]),
    }
    if options.get("eq", True):
        hashed = [f.name for f in fields if (f.compare if f.hash is None else f.hash)]
        methods["__eq__"] = _eq(_values([field.name for field in fields if field.compare]))
        methods["__hash__"] = _hash(_values(hashed))
    for name, method in methods.items():
        if name not in given:
            setattr(made, name, method)
    made.__setattr__, made.__delattr__ = _refusals(made, frozenset(f.name for f in fields))
    return cast("type", made)


def _init(cls: type, fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """Compile the `__init__` of a class; defaults and factories are handed to it by name."""
    known: dict[str, object] = {"_put": object.__setattr__, "_none_given": object()}
    parameters: list[str] = []
    named: list[str] = []
    body: list[str] = []
    for field in fields:
        name, value, default = field.name, field.name, ""
        if field.default_factory is not dataclasses.MISSING:
            known[f"_new_{name}"] = field.default_factory
            default = "=_none_given"
            value = f"_new_{name}() if {name} is _none_given else {name}"
            if not field.init:
                value = f"_new_{name}()"
        elif field.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = field.default
            default = f"=_default_{name}"
            if not field.init:
                value = f"_default_{name}"
        elif not field.init:
            continue
        if field.init:
            (named if field.kw_only else parameters).append(name + default)
        body.append(f" _put(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    signature = ", ".join(["self", *parameters, *(["*", *named] if named else [])])
    exec(f"def __init__({signature}):\n" + ("\n".join(body) or " pass"), known)  # noqa: S102 - names of fields only
    init = cast("Callable[..., None]", known["__init__"])
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _values(names: list[str]) -> Callable[[object], object]:
    """Return what reads these attributes: a tuple, but of one name its value, of none always ()."""
    return attrgetter(*names) if names else lambda _: ()


def _repr(names: list[str]) -> Callable[[object], str]:
    def text(self: object) -> str:
        shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{type(self).__qualname__}({shown})"

    return text


def _eq(values: Callable[[object], object]) -> Callable[[object, object], object]:
    def equal(self: object, other: object) -> object:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    return equal


def _hash(values: Callable[[object], object]) -> Callable[[object], int]:
    return lambda self: hash(values(self))


def _refusals(cls: Any, names: frozenset[str]) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return what refuses to set and to delete; a plain subclass may have attributes of its own."""

    def refuse_to_set(self: object, name: str, value: object) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def refuse_to_delete(self: object, name: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return refuse_to_set, refuse_to_delete


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """Make a dataclass; `options` are those of `dataclasses.dataclass`, and mean the same."""
        if cls is None:
            return lambda cls: dataclass(cls, **options)
        if options.get("frozen") and set(options) <= _SMALL:
            return _frozen(cls, options)
        return dataclasses.dataclass(**options)(cls)
