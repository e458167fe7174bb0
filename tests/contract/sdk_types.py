"""Answers held against stripe-python's own types: what the SDK makes of a JSON body, field by
field, beside the annotations of its generated classes, which are those of the version spoken.
"""

import ast
import inspect
import sys
import types
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, ClassVar, Literal, Union

import stripe
from stripe import ErrorObject, ListObject, StripeObject
from stripe._stripe_object import UntypedStripeObject

from . import endive

NOT_FIELDS = frozenset({"OBJECT_NAME"})


def findings(answer: dict[str, Any]) -> list[str]:
    """What stripe-python's types do not expect of an object or a list; empty when nothing."""
    made = stripe.convert_to_stripe_object(answer)
    if isinstance(made, ListObject):
        items = [_field_findings(each, f"data[{i}]") for i, each in enumerate(made.data)]
        return [finding for each in items for finding in each]
    if type(made) is StripeObject:
        return [f"object: {answer.get('object')!r} has no class in stripe-python"]
    return list(_field_findings(made, str(answer["object"])))


def error_findings(error: dict[str, Any]) -> list[str]:
    """The same for the `error` of an error body; its code must be one that the SDK lists."""
    made = ErrorObject.construct_from(error, None)
    found = list(_field_findings(made, "error"))
    if "code" in error and error["code"] not in error_codes():
        found.append(f"error.code: {error['code']!r} is no error code of Stripe's")
    return found


@cache
def error_codes() -> frozenset[str]:
    """Every error code that Stripe documents (ErrorObject.code is open text, this one is not)."""
    annotation = fields_of(stripe.PaymentIntent.LastPaymentError)["code"]
    return frozenset(_literals(annotation)) | endive.ERROR_CODES_ADDED


@cache
def fields_of(cls: type) -> dict[str, Any]:
    """The annotated fields of a generated class, names resolved."""
    hints = typing.get_type_hints(cls, localns=_Names(cls))
    return {
        name: hint
        for name, hint in hints.items()
        if not name.startswith("_")
        and name not in NOT_FIELDS
        and typing.get_origin(hint) is not ClassVar
    }


class _Names(dict[str, Any]):
    """What the quoted names in a class's annotations mean.

    stripe-python imports them for type checkers alone, to break circles.
    """

    def __init__(self, cls: type) -> None:
        super().__init__()
        self._imports = {}
        for base in (each for each in cls.__mro__ if issubclass(each, StripeObject)):
            self._imports.update(_type_checking_imports(base.__module__))

    def __missing__(self, name: str) -> Any:
        module, original = self._imports[name]
        __import__(module)
        return getattr(sys.modules[module], original)


@cache
def _type_checking_imports(module: str) -> dict[str, tuple[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    guarded = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name: (str(node.module), alias.name)
        for guard in guarded
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _field_findings(made: StripeObject, where: str) -> Iterator[str]:
    values = made.to_dict(recursive=False)
    fields = fields_of(type(made))
    for name, annotation in fields.items():
        if name in values:
            yield from _value_findings(values[name], annotation, f"{where}.{name}")
        elif type(None) not in typing.get_args(annotation):
            yield f"{where}.{name}: absent, {_label(annotation)} in stripe-python"
    for name in values.keys() - fields.keys():
        yield f"{where}.{name}: unknown to stripe-python"


def _value_findings(value: Any, annotation: Any, where: str) -> list[str]:
    literals = _literals(annotation)
    if literals and isinstance(value, str):
        # Literal[...] | str leaves room for values of a later version; this one has the literals.
        return [] if value in literals else [f"{where}: {value!r} is no value in stripe-python"]
    is_union = typing.get_origin(annotation) in {Union, types.UnionType}
    for branch in typing.get_args(annotation) if is_union else (annotation,):
        if _fits(value, branch):
            return list(_inner_findings(value, branch, where))
    return [f"{where}: {str(value)[:80]!r} is no {_label(annotation)}"]


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of a type, its contents aside."""
    if annotation is Any:
        return True
    kind = typing.get_origin(annotation) or annotation
    if kind is Literal:
        return value in typing.get_args(annotation)
    if kind is UntypedStripeObject:  # for type checkers alone; an event's object has its own class
        return isinstance(value, StripeObject)
    if issubclass(kind, StripeObject):
        return isinstance(value, kind)
    # Exactly: True is an int to Python and no amount to Stripe.
    return type(value) is kind


def _inner_findings(value: Any, annotation: Any, where: str) -> Iterator[str]:
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, ListObject):
        children = enumerate(value.data)
    elif isinstance(value, list):
        children = enumerate(value)
    elif isinstance(value, dict):
        children = value.items()
    elif type(value) is StripeObject:
        children = value.to_dict(recursive=False).items()
    elif isinstance(value, StripeObject):
        yield from _field_findings(value, where)
    elements = typing.get_args(annotation)
    for key, child in children:
        yield from _value_findings(child, elements[-1] if elements else Any, f"{where}[{key}]")


def _literals(annotation: Any) -> set[Any]:
    if typing.get_origin(annotation) is Literal:
        return set(typing.get_args(annotation))
    return {
        value
        for branch in typing.get_args(annotation)
        for value in (_literals(branch) if typing.get_args(branch) else ())
    }


def _label(annotation: Any) -> str:
    return getattr(annotation, "__name__", str(annotation)).replace("typing.", "")
