"""Commands put together from parts that bring their own options.

A parameter annotated ``Annotated[Contact, contact]`` is made by the function ``contact``: the
command gets that function's options instead of the parameter, and calls it with what was typed.
Parts are made in the order of the parameters, so what is cheap to refuse comes first.
"""

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Annotated, Any, get_args, get_origin

Command = Callable[..., None]


def assembled(function: Callable[..., None]) -> Command:
    """Make a command out of a function and its parts."""
    parts = {name: _maker(p) for name, p in _parameters(function).items()}

    def command(**typed: Any) -> None:
        made = {
            name: typed[name] if maker is None else _make(maker, typed)
            for name, maker in parts.items()
        }
        function(**made)

    options = [
        option
        for name, parameter in _parameters(function).items()
        for option in _options(parameter, parts[name])
    ]
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__annotations__ = {option.name: option.annotation for option in options}
    command.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    return command


def _options(
    parameter: inspect.Parameter, maker: Callable[..., Any] | None
) -> list[inspect.Parameter]:
    made_of = [parameter] if maker is None else list(_parameters(maker).values())
    return [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in made_of]


def _make(maker: Callable[..., Any], typed: Mapping[str, Any]) -> Any:
    return maker(**{name: typed[name] for name in _parameters(maker)})


def _maker(parameter: inspect.Parameter) -> Callable[..., Any] | None:
    if get_origin(parameter.annotation) is not Annotated:
        return None
    return next((m for m in get_args(parameter.annotation) if isinstance(m, FunctionType)), None)


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function, eval_str=True).parameters
