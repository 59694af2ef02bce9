"""What the library needs and what its environments are made of."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LIBRARY = (
    *("activations", "losses", "models", "graph", "optim", "symmetry", "hypernetworks"),
    *("data", "training", "regularizers", "sweep", "augment.images"),
)
EXTRAS = (
    "matplotlib",
    "sklearn",
    "mlxtend",
    "tqdm",
    "ipywidgets",
    "IPython",
    "torchmetrics",
    "joblib",
)


def python(code: str) -> str:
    """Run code in a fresh interpreter, warnings as errors, and give what it prints."""
    command = [sys.executable, "-W", "error", "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@cache
def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("#")]
    pairs = (re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines)
    found = {str(canonicalize_name(pair[1])): pair[2] for pair in pairs if pair}
    assert len(found) == len(lines), "a line is not name==version, or a name comes twice"
    return found


def test_the_bare_library_needs_torch_and_numpy_only() -> None:
    assert {Requirement(line).name for line in PROJECT["dependencies"]} == {"torch", "numpy"}


def for_one_system(requirement: Requirement) -> bool:
    """Whether one system alone needs it, as the ordinary torch of Linux its CUDA libraries."""
    return bool(re.search("platform|os_name", str(requirement.marker)))


def test_importing_costs_what_torch_costs() -> None:
    rooms = ", ".join(f"nnkit.{room}" for room in LIBRARY)
    loaded = python(f"import sys, {rooms}; print(*sys.modules)").split()
    # the same modules of torch and NumPy alone: with CUDA one of torch's own imports triton
    theirs = [name for name in loaded if name.partition(".")[0] in ("torch", "numpy")]
    without = python(
        f"import importlib, sys\nfor name in {theirs}: importlib.import_module(name)\n"
        "print(*sys.modules)"
    ).split()
    packages, allowed = ({name.partition(".")[0] for name in names} for names in (loaded, without))
    assert packages - allowed - sys.stdlib_module_names == {"nnkit"}


def test_importing_nnkit_alone_imports_nothing_else() -> None:
    code = "import sys, nnkit; print({'torch', 'numpy', 'matplotlib'} & set(sys.modules))"
    assert python(code) == "set()"


def test_the_bare_library_trains() -> None:
    code = f"""
import sys
sys.modules.update(dict.fromkeys({EXTRAS!r}))  # importing one of these raises
import torch
from nnkit.models import MLP
from nnkit.training import EarlyStopping, fit
X = torch.rand(64, 2)
data = (X, (X[:, 0] > X[:, 1]).long())
history = fit(MLP([2, 8, 2]), data, validation=data, loss=torch.nn.functional.cross_entropy,
              epochs=3, seed=0, callbacks=[EarlyStopping(patience=2)])
print(len(history.rows))
"""
    assert python(code) == "3"


def test_every_direct_requirement_is_pinned_to_an_allowed_version() -> None:
    extras = PROJECT["optional-dependencies"].values()
    for requirement in map(Requirement, [*PROJECT["dependencies"], *chain(*extras)]):
        name = canonicalize_name(requirement.name)
        if name != PROJECT["name"]:
            assert name in pins(), f"{requirement} has no pin in constraints.txt"
            assert requirement.specifier.contains(pins()[name]), f"{requirement} against its pin"


def test_what_a_pinned_package_needs_is_pinned_too() -> None:
    loose = []
    for name, version in pins().items():
        installed = {d.version for d in importlib.metadata.distributions(name=name)}
        if not any(v.partition("+")[0] == version for v in installed):
            continue  # another environment: the newest versions, or only some of the extras
        for line in importlib.metadata.requires(name) or []:
            requirement = Requirement(line)
            needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if for_one_system(requirement):
                continue
            if needed and canonicalize_name(requirement.name) not in pins():
                loose.append(f"{name} needs {requirement}")
    assert not loose
