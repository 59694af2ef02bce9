"""Examples that run: the docstring of every exported name shows what it is for."""

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import nnkit

LINES = 8  # of code, at most
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def public(name: str) -> bool:
    parts = name.split(".")
    return "course" not in parts and not any(part.startswith("_") for part in parts)


FOUND = pkgutil.walk_packages(nnkit.__path__, "nnkit.")
MODULES = {m.name: importlib.import_module(m.name) for m in FOUND if public(m.name)}


def documented(module: Any) -> dict[str, Any]:
    """The functions and classes that a module exports, by their names."""
    named = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
    return {n: o for n, o in named.items() if inspect.isclass(o) or inspect.isfunction(o)}


def example(what: Any, name: str) -> doctest.DocTest:
    """The example in a docstring, which knows nothing but what it imports itself."""
    (found,) = doctest.DocTestFinder(recurse=False, exclude_empty=False).find(what, name, globs={})
    return found


def all_examples() -> dict[str, doctest.DocTest]:
    """Those of all exported names, each once, and those that introduce a module."""
    found, seen = {}, set()
    for module_name, module in MODULES.items():
        introduction = example(module, module_name)
        if introduction.examples:
            found[module_name] = introduction
        for name, what in documented(module).items():
            test = example(what, f"{module_name}.{name}")
            if what not in seen:
                found[test.name] = test
            seen.add(what)
    return found


@pytest.mark.parametrize("test", all_examples().values(), ids=lambda test: test.name)
def test_example(test: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert test.examples, f"{test.name} has no example in its docstring"
    if test.name not in MODULES:  # the introduction to a module may be longer
        code = [line for part in test.examples for line in part.source.splitlines()]
        output = [line for part in test.examples for line in part.want.splitlines()]
        assert len(code) <= LINES, f"{len(code)} lines of code"
        assert len(code) + len(output) >= 3, "too short to show what it is for"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    said: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=FLAGS).run(test, out=said.append)
    if said:
        pytest.fail("".join(said), pytrace=False)


@pytest.mark.parametrize("name", [n for n in MODULES if n.count(".") == 1])
def test_a_room_says_what_it_exports(name: str) -> None:
    module = MODULES[name]
    assert module.__all__
    for exported in module.__all__:
        assert hasattr(module, exported) or f"{name}.{exported}" in MODULES


def test_every_name_has_one_public_address() -> None:
    addresses: dict[Any, list[str]] = {}
    for module_name, module in MODULES.items():
        for name, what in documented(module).items():
            addresses.setdefault(what, []).append(f"{module_name}.{name}")
    assert [several for several in addresses.values() if len(several) > 1] == []


def test_what_lies_within_a_package_is_private() -> None:
    within = {name for name, module in MODULES.items() if name.count(".") > 1}
    packages = {f"nnkit.augment.{kind}" for kind in ("images", "speech", "text")}
    assert within == packages | {"nnkit.plots.style"}  # which the slides' own style is made of
