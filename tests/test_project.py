"""Laws on the project itself: what lies where, what must agree with what."""

import functools
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import nnkit
from nnkit._extras import install
from tests import systems

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {
    *("README.md", "pyproject.toml", "constraints.txt", "Makefile", "LICENSE", "CONTRIBUTING.md"),
    *("CHANGELOG.md", "CITATION.cff"),  # where people and tools look for them
    *("lectures", "nnkit", "tests", "img"),
}
# Where a link may lead. Nothing is fetched from there unless `make` is told to, by CPU=1.
HOSTS = {
    "colab.research.google.com",  # opens a notebook
    "creativecommons.org",
    "doi.org",
    "download.pytorch.org",  # which `make lab CPU=1` asks; see below
    "example.org",  # what a test asks for and must not get
    "github.com",
    "mybinder.org",  # opens a notebook
    "nbgitpuller.readthedocs.io",  # makes the link that opens a notebook on a JupyterHub
    "matplotlib.org",  # which signs its pictures
    "purl.org",  # a namespace of SVG, as is www.w3.org
    "pytorch.org",
    "scripts.sil.org",
    "semver.org",
    "www.voip.ammdomus.it",  # whose recordings ask to be credited where it can be seen
    "www.w3.org",
}
# Where the README's longer half stands.
HOWTO = "nnkit/course/site/pages/howto"
# What would make pip, uv or the like fetch the other package, which the index has as `nnkit`.
OTHER = "nnkit"
FETCHED = re.compile(
    r"(?:\b(?:install|add|inject|uvx|pipx run)|--with)\b[^\n`;&|]*?"
    rf"(?<![\w./-]){OTHER}(?![\w/-]|\.\w)"
    rf"|(?<![\w./-]){OTHER}(?:\\?\[|\s*(?:[=<>~!]=|[<>])\s*\d)"
    rf"|\b(?:version|metadata|requires|files|distributions?)\((?:name=)?[\"']{OTHER}[\"']"
)
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:home|opt|root|Users|work)/|\b[A-Z]:\\Users\b")


@functools.cache
def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@functools.cache
def pyproject() -> dict[str, Any]:
    return dict(tomllib.loads(read("pyproject.toml"))["project"])


@functools.cache
def tracked() -> list[Path]:
    """The files under version control, or all but what is made here where there is no git."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z"]
    done = subprocess.run(git, capture_output=True, text=True)
    if done.returncode == 0:
        paths = [Path(name) for name in done.stdout.split("\0") if name]
    else:
        made = re.compile(r"(^|/)(\.venv|build|__pycache__|\.\w+_cache|[^/]*\.egg-info)(/|$)")
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        paths = [path for path in found if not made.search(path.as_posix())]
    return [path for path in paths if (ROOT / path).is_file()]


def texts() -> list[Path]:
    binary = {".png", ".jpg", ".ttf", ".woff2", ".npz", ".gz", ".wav"}
    return [path for path in tracked() if path.suffix not in binary]


# What lies where


def test_the_top_level_holds_what_the_layout_names() -> None:
    names = {path.parts[0] for path in tracked() if not path.parts[0].startswith(".")}
    assert names <= TOP_LEVEL


def test_no_outputs_lie_beside_the_lectures() -> None:
    names = [path for path in tracked() if path.parts[0] == "lectures" and path.suffix != ".md"]
    assert not names


def test_no_file_knows_a_machine() -> None:
    named = [
        f"{path}: {found[0]}"
        for path in texts()
        if path != Path("tests/test_project.py") and (found := MACHINE_PATH.search(read(str(path))))
    ]
    assert not named


def test_links_lead_to_known_places() -> None:
    hosts = {
        (host, str(path))
        for path in texts()
        if path.name != "LICENSE.txt"  # credits whom the author of stored data asks to credit
        for host in re.findall(r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)+)", read(str(path)))
        if not host[0].isdigit()
    }
    assert {host for host, _ in hosts} <= HOSTS, sorted(h for h in hosts if h[0] not in HOSTS)


def test_nothing_asks_for_the_other_package_of_our_name() -> None:
    asked = [
        f"{path}: {found[0]}" for path in texts() for found in FETCHED.finditer(read(str(path)))
    ]
    assert not asked


@pytest.mark.parametrize(
    "text",
    [
        f"pip install {OTHER}",
        f"%pip install -q '{OTHER}'",
        f"uv pip install --upgrade {OTHER}",
        f"uv add {OTHER}",
        f"uvx {OTHER} lab",
        f"uv run --with {OTHER} x.py",
        f"pip install torch {OTHER} numpy",
        f"{OTHER}[lab]",
        rf"{OTHER}\[lab\]",
        f"{OTHER}>=1.0",
        f"{OTHER} == 0.1.0",
        f'importlib.metadata.version("{OTHER}")',
        f"distributions(name='{OTHER}')",
    ],
)
def test_a_bare_requirement_of_the_other_package_is_seen(text: str) -> None:
    assert FETCHED.search(f"Try: {text}.")


@pytest.mark.parametrize(
    "text",
    [
        f"pip install '{OTHER}-course[lab]'",
        f"`pip install .` gives {OTHER} alone",
        f"git clone … {OTHER} && cd {OTHER}",
        f"uv run {OTHER} lab",
        f"pip install ./{OTHER}",
        f"make lab installs what {OTHER} needs",
    ],
)
def test_a_word_about_the_package_is_none(text: str) -> None:
    assert not FETCHED.search(text)


# What must agree


def test_hints_name_the_distribution_and_an_extra_that_is_there() -> None:
    name, extras = pyproject()["name"], pyproject()["optional-dependencies"]
    assert install("lab") == f'pip install "{name}[lab]"'
    code = "\n".join(read(str(path)) for path in texts() if path.parts[0] == "nnkit")
    hinted = set(re.findall(r"\binstall\([\"'](\w+)[\"']\)", code))
    assert hinted
    assert hinted <= set(extras)


def test_one_version_everywhere() -> None:
    versions = {
        "pyproject.toml": pyproject()["version"],
        "nnkit": nnkit.__version__,
        "CITATION.cff": _find(r"^version: (\S+)$", "CITATION.cff"),
        "CHANGELOG.md": _find(r"^## ([\d.]+)", "CHANGELOG.md"),
    }
    assert len(set(versions.values())) == 1, versions


def _find(pattern: str, name: str) -> str:
    found = re.search(pattern, read(name), re.MULTILINE)
    assert found, f"{pattern} is not in {name}"
    return found[1]


def test_the_workflow_tries_the_python_versions_that_are_promised() -> None:
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(pyproject()["classifiers"]))
    matrix = re.findall(r'"(3\.\d+)"', _find(r"python: \[(.*)\]", ".github/workflows/ci.yml"))
    assert matrix == promised
    assert pyproject()["requires-python"] == f">={promised[0]}"


@functools.cache
def jobs() -> dict[str, Any]:
    return dict(yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"])


def commands(job: str) -> list[str]:
    lines = [step["run"] for step in jobs()[job]["steps"] if "run" in step]
    return [line for line in lines if not line.startswith("sudo sysctl")]


def test_the_workflow_runs_all_on_linux() -> None:
    assert commands("linux") == [".ci/run"]
    assert jobs()["linux"]["env"]["CPU"] == "1"
    steps = _find(r"^\[ \$# -gt 0 \] \|\| set -- (.*)$", ".ci/run").split()
    assert steps == ["lint", "test", "noavx"]
    assert set(steps) <= targets()


def test_the_workflow_tries_the_torch_that_brings_cuda_each_week() -> None:
    assert "schedule" in jobs()["cuda"]["if"]
    assert commands("cuda") == [".ci/run unit"]
    assert "CPU" not in jobs()["cuda"]["env"]


def test_the_workflow_tries_a_mac_and_windows() -> None:
    assert jobs()["mac"]["runs-on"].startswith("macos")
    assert commands("mac") == ["make --keep-going unit notebooks PYTHON=python"]
    assert jobs()["windows"]["runs-on"].startswith("windows")
    make, *by_hand = (line.replace("Scripts", "bin") for line in commands("windows"))
    assert make == "python -m venv .venv"
    assert len(by_hand) == 3
    assert not [line for line in by_hand if f"`{line}`" not in read(f"{HOWTO}/without_make.md")]


@functools.cache
def targets() -> set[str]:
    return set(_find(r"^\.PHONY: (.*)$", "Makefile").split())


@pytest.fixture
def dry(tmp_path: Path) -> Callable[..., str]:
    """What `make` would do in a fresh clone."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    ours = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CPU", "CONSTRAINTS", "ARGS")  # of a make around us
    environment = {name: value for name, value in os.environ.items() if name not in ours}

    def dry(*arguments: str, **more: str) -> str:
        command = ["make", "-C", str(tmp_path), "-n", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment | more
        )
        return done.stdout

    return dry


@systems.posix
@pytest.mark.parametrize("extra", ["lab", "test", "bench"])
def test_cpu_1_takes_torch_from_its_own_index_first(dry: Callable[..., str], extra: str) -> None:
    pip = r"\.venv/bin/python -m pip install -c constraints\.txt"
    packages = "torch torchvision" if extra == "bench" else "torch"
    pattern = rf'{pip} --no-deps --index-url file:///torch {packages}\s*\n{pip} -e "\.\[{extra}\]"'
    assert re.search(pattern, dry(f".venv/.{extra}", "CPU=1", "CPU_INDEX=file:///torch"))
    assert re.search(pattern, dry(f".venv/.{extra}", CPU="1", CPU_INDEX="file:///torch"))
    newest = dry(f".venv/.{extra}", "CPU=1", "CPU_INDEX=file:///torch", "CONSTRAINTS=")
    assert re.search(pattern.replace(r" -c constraints\.txt", " *"), newest)


@systems.posix
def test_nothing_else_asks_the_index_of_torch(dry: Callable[..., str]) -> None:
    address = "https://" + "download.pytorch.org"
    assert address in dry("lab", "CPU=1")
    assert address not in dry("lab")
    assert address not in dry("lab", CPU="x86_64")  # some systems say so everywhere
    places = [str(path) for path in texts() if address in read(str(path))]
    assert places == ["Makefile"]


@systems.posix
@pytest.mark.parametrize(
    ("said", "here"),
    [
        (True, {}),
        (False, {"SYSTEM": "Darwin"}),
        (False, {"NVIDIA": "/usr/bin/nvidia-smi"}),
        (False, {"TORCH": ".venv/lib/python3.13/site-packages/torch"}),
        (False, {"CPU": "1"}),
    ],
)
def test_make_says_once_what_cpu_1_saves(
    dry: Callable[..., str], said: bool, here: dict[str, str]
) -> None:
    known = [f"{k}={v}" for k, v in ({"SYSTEM": "Linux", "NVIDIA": "", "TORCH": ""} | here).items()]
    for target in (".venv/.lab", ".venv/.test", "help"):
        assert dry(target, *known).count("No NVIDIA driver") == said


@systems.posix
def test_make_alone_prints_every_target() -> None:
    done = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True)
    assert set(re.findall(r"^make ([a-z]+)  .*\S$", done.stdout, re.MULTILINE)) == targets()


HOWTOS = [str(path) for path in tracked() if path.parent == Path(HOWTO)]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *HOWTOS])
def test_texts_name_what_is_there(name: str) -> None:
    named = set(re.findall(r"`make ([a-z]+)|^\s*make ([a-z]+)", read(name), re.MULTILINE))
    assert {a or b for a, b in named} <= targets()
    links = re.findall(r"\]\(([^)#]+)\)|(?:src|srcset|href)=\"([^\"#]+)\"", read(name))
    paths = [a or b for a, b in links if "://" not in a + b]
    made = {"index.md", "../reference/index.md", "../lectures/index.md", "../changelog.md"}
    folder = (ROOT / name).parent
    assert not [path for path in paths if path not in made and not (folder / path).exists()]


EXAMPLES = [
    example
    for name in ("README.md", f"{HOWTO}/build.md")
    for example in re.findall(r"^```python\n(.*?)^```", read(name), re.MULTILINE | re.DOTALL)
]


def test_the_readme_and_the_how_to_have_examples() -> None:
    assert len(EXAMPLES) > 2


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_of_the_texts_run(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")
    exec(compile(code, "example", "exec"), {"__name__": "readme"})
