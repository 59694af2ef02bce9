"""The library's reference: a page a module, made from what it exports."""

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from nnkit.course.site.lectures import listing, write


def modules() -> list[ModuleType]:
    """Return the modules that the library offers: public ones that say what they export."""
    found = [import_module(name) for name in sorted(_names())]
    return [module for module in found if hasattr(module, "__all__")]


def _names(package: str = "nnkit") -> Iterator[str]:
    for entry in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        if not entry.name.rpartition(".")[2].startswith("_") and entry.name != "nnkit.course":
            yield entry.name
            yield from _names(entry.name) if entry.ispkg else ()


def members(module: ModuleType) -> list[str]:
    """Return what a module exports, in the order of its source; modules have pages of their own."""
    order = _order(module)
    names = [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]
    return sorted(names, key=lambda name: order.get(name, len(order)))


def _order(module: ModuleType) -> dict[str, int]:
    """Number the names of a module as it defines or imports them, those of one file together."""
    names: list[str] = []
    for node in ast.parse(Path(str(module.__file__)).read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names += _defined(node.module) if node.module.startswith("nnkit") else []
            names += [alias.asname or alias.name for alias in node.names]
        else:
            names += _bound(node)
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _defined(name: str) -> list[str]:
    tree = ast.parse(Path(str(import_module(name).__file__)).read_text("utf-8"))
    return [bound for node in tree.body for bound in _bound(node)]


def _bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def aliases() -> dict[str, str]:
    """Map where a thing is defined to where it is documented, for links from code."""
    found: dict[str, str] = {}
    for module in modules():
        for name in members(module):
            thing = getattr(module, name)
            if hasattr(thing, "__qualname__"):
                found[f"{thing.__module__}.{thing.__qualname__}"] = f"{module.__name__}.{name}"
    return found


def write_reference(folder: Path) -> None:
    """Write the page of every module, and their list.

    Args:
        folder: what Sphinx reads; a page is ``nnkit.training.rst`` there.
    """
    found = modules()
    for module in found:
        write(folder / f"{module.__name__}.rst", _page(module))
    write(folder / "index.md", listing("Reference", [module.__name__ for module in found]))


def _page(module: ModuleType) -> str:
    name = module.__name__
    lines = [name, "=" * len(name), "", f".. automodule:: {name}", ""]
    for member in members(module):
        lines += [*_entry(f"{name}.{member}", getattr(module, member)), ""]
        lines += [f".. autolink-examples:: {name}.{member}", "   :collapse:", ""]
    return "\n".join(lines)


def _entry(name: str, thing: Any) -> list[str]:
    if inspect.isclass(thing):
        bases = ["   :show-inheritance:"] if thing.__bases__ != (object,) else []
        return [f".. autoclass:: {name}", "   :members:", *bases]
    if inspect.isroutine(thing):
        return [f".. autofunction:: {name}"]
    return [f".. autodata:: {name}", "   :no-value:"]
