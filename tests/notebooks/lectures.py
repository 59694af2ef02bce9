"""A pytest plugin: every code cell of a lecture is a test, run from its Jupytext source by nbval.

    python -m pytest -p tests.notebooks.lectures --nbval lectures

A cell fails if it raises, if it writes to stderr (a warning would show in red on the slide), or
if it prints something else than the stored reference, where numbers that may come of training may
differ by one in the last digit. Its id names file, number and slide, as in
`lectures/18_architecture/1_neuron.md::Cell 3: The neuron by hand`. With `--rebuild-references`
nothing is compared: the references are written anew, and the diff is for you to read.

A part that passes as a whole is kept in build/runs; decks, site and notebooks are written from it.
While all that it stands on is the same, it is not run again, but what it showed is judged again. In
CI it is run.
"""

import difflib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import jupytext
import nbformat
import psutil
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from nnkit.course import lectures, reading, runs
from nnkit.course.execute import ENVIRONMENT, join_prints, settle
from tests.notebooks import figures, outputs

REFERENCES = Path("tests", "notebooks", "references")
# The parts that train most, about a minute of the processor each. They are begun first, so that no
# processor waits for another at the end; `make noavx` runs them alone.
TRAINING = {
    "18_architecture/8_hypernetworks",
    "19_regularization/7_pruning",
    "19_regularization/8_together",
}
# Seconds of the processor for a whole part, with all frames of its sliders, which live are drawn
# as they are asked for; a busy machine must not fail a good lecture.
SECONDS = 120
SECONDS_SHOWN = "shows-seconds"  # the tag of a cell whose figure shows how long something took
# Asked in CI only, whose processor is known, and only of all that it can do: see `make noavx`.
CI = bool(os.environ.get("CI"))
NATIVE = "ATEN_CPU_CAPABILITY" not in os.environ
TIMED = CI and NATIVE
FRAMES = {"NNKIT_EXPORT": str(int(NATIVE))}  # for decks, which are written of such runs only
HANGS = 300  # seconds on the clock for one cell
HEADER = "---\njupyter:"
HOMEWORK = "homework.md"  # runs with its solutions; its tests say what comes out, nothing is stored
REBUILD = "Run `make references` and read the diff."
# What the kernel executes first, so that figures tell what they show.
DESCRIBE = f"exec({Path(figures.__file__).read_text(encoding='utf-8')!r} + 'install()', {{}})"
DESCRIBED = "described"  # in the metadata of a run whose figures do
ANSI = re.compile(r"\x1b\[[0-9;]*m")  # IPython colours its tracebacks
OUTPUTS = {"stream", "display_data", "execute_result", "error"}
CHANGES = {
    "clear_output",
    "update_display_data",
}  # of what is shown already; nbval passes over them


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nbval")
    group.addoption(
        "--rebuild-references",
        action="store_true",
        help="write the reference outputs of the lectures instead of comparing with them",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.option.nbval_current_env = True  # a kernel of this environment, whatever "python3" is
    config.option.nbval_cell_timeout = HANGS
    config.addinivalue_line("markers", "trains: a cell of a part that trains for long")


def pytest_report_header() -> str:
    interfaces = Path("/proc/net/dev")
    if interfaces.exists() and interfaces.read_text().count(":") == 1:
        return "network: cut off, only the loopback interface is there"
    return "network: not cut off"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "Part | None":
    if not parent.config.option.nbval or file_path.suffix != ".md":
        return None
    if is_beside(file_path) or not file_path.read_text("utf-8").startswith(HEADER):
        return None
    return Part.from_parent(parent, path=file_path)


def is_beside(path: Path) -> bool:
    """Whether `nnkit update` has set it beside the newest one: its user has yet to look."""
    return re.fullmatch(r"\.mine\d*", Path(path.stem).suffix) is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: the parts that train, then the tests of this plugin."""
    items.sort(
        key=lambda item: (not item.get_closest_marker("trains"), isinstance(item.parent, Part))
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, [])]
    told = {r.nodeid: said for r in reports for name, said in r.user_properties if name == "ran"}
    for nodeid, said in sorted(told.items()):
        terminalreporter.write_line(f"{nodeid.partition('::')[0]} {said}")


class Part(IPyNbFile):
    """A lecture part: collects its code cells and, last, the demands on the part as a whole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.compare_outputs = True
        self.label = self.path.relative_to(self.config.rootpath).as_posix()
        name = Path(self.path.parent.name, self.path.stem + ".txt")
        self.reference = self.config.rootpath / REFERENCES / name
        self.is_compared = self.path.name != HOMEWORK
        self.stored = outputs.read(self.reference)
        self.shown: dict[str, outputs.Stored] = {}
        self.cells: list[Cell] = []
        self.clock = 0.0  # seconds spent on this part
        self.source = lectures.Part(self.path)
        if self.source.name in TRAINING:
            self.add_marker("trains")
        self.kept: Any = None  # the run to judge instead of a new one
        self.heard: list[Any] = []  # the kernel's messages on what the cell that runs shows

    @property
    def processor(self) -> float:
        """Seconds that the kernel has kept the processor busy."""
        times = psutil.Process(self.kernel.km.provisioner.pid).cpu_times()
        return float(times.user + times.system)

    def collect(self) -> Iterator[pytest.Item]:
        text = self.source.read()
        has_slides = self.is_compared
        self.notebook = reading.read(self.source) if has_slides else jupytext.reads(text, fmt="md")
        with mock.patch("nbformat.read", return_value=self.notebook):
            plain = list(super().collect())
        sources = [cell.cell.source for cell in plain]
        digests, trained = outputs.digests(sources), outputs.trained(sources)
        position = 0
        for cell, title, *about in zip(
            plain, slide_titles(self.notebook), digests, trained, strict=True
        ):
            position = text.index("\n" + cell.cell.source, position) + 1
            copy = Cell.from_parent(
                self,
                name=f"{cell.name}: {title}",
                cell_num=cell.cell_num,
                cell=cell.cell,
                options=cell.options,
            )
            copy.digest, copy.trained = about
            copy.line = 1 + text[:position].count("\n")
            self.cells.append(copy)
        yield from self.cells
        yield Whole.from_parent(self, name="Whole part")

    def setup(self) -> None:
        """Take the run that is kept; or start a kernel, without the user's settings and history."""
        self.made_from = runs.key(self.source)
        if not CI and not self.config.option.rebuild_references:
            self.kept = runs.find(self.source, self.made_from)
        if self.kept and DESCRIBED in self.kept.metadata.nnkit:
            return
        self.kept = None  # or one for decks, whose figures do not tell what they show
        start = time.perf_counter()
        self.ipython = tempfile.TemporaryDirectory(prefix="ipython-")
        with (
            mock.patch.dict(os.environ, ENVIRONMENT | FRAMES, IPYTHONDIR=self.ipython.name),
            open(os.devnull, "w") as sink,  # for the kernel's log; nbval would leave its own open
            mock.patch("nbval.kernel.open", create=True, return_value=sink),
        ):
            super().setup()
            self.kernel.await_idle(self.kernel.execute_cell_input(DESCRIBE), HANGS)
        self.clock += time.perf_counter() - start

    def teardown(self) -> None:
        super().teardown()
        if not self.kept:
            self.ipython.cleanup()

    def get_kernel_message(self, timeout: float | None = None, stream: str = "iopub") -> Any:
        """Let nbval have a message, and keep it: of all that is printed nbval makes one piece."""
        message = super().get_kernel_message(timeout, stream)
        self.heard.append(message)
        return message

    def keep(self) -> None:
        """Keep the run, for the next time and for decks, site and notebooks."""
        if NATIVE and not self.kept and all(cell.passed for cell in self.cells):
            settle(self.notebook, self.clock)
            self.notebook.metadata.nnkit[DESCRIBED] = True
            runs.keep(self.source, self.made_from, self.notebook)


class Cell(IPyNbCell):
    """A code cell, in the kernel of its part."""

    digest: str
    trained: bool  # what it shows may come of training
    line: int  # of the source file, where the cell starts
    has_run = False
    passed = False

    def runtest(self) -> None:
        """Run the cell and judge it; cells before it that were not selected run first, unjudged."""
        for cell in self.parent.cells[: self.cell_num]:
            if not cell.has_run:
                cell.run()
        self.run()
        self.judge()
        self.passed = True

    def run(self) -> None:
        """Let nbval execute the cell, or take what it showed in the run that is kept."""
        part: Part = self.parent
        self.has_run = True
        if part.kept:
            code = [cell for cell in part.kept.cells if cell.cell_type == "code"]
            self.cell.outputs = code[self.cell_num].outputs
            return
        start = time.perf_counter()
        part.heard.clear()
        try:
            super().runtest()  # as the source holds no outputs, nbval compares nothing
        finally:
            part.clock += time.perf_counter() - start
        ours = part.heard[-1]["parent_header"][
            "msg_id"
        ]  # not a thread's that an earlier cell began
        for message in part.heard:
            if message["parent_header"].get("msg_id") == ours:
                self.note(message)
        join_prints(self.cell)

    def note(self, message: Any) -> None:
        """Add to the outputs what a message of the kernel shows."""
        if message["msg_type"] in OUTPUTS:
            self.cell.outputs.append(nbformat.v4.output_from_msg(message))
        elif message["msg_type"] in CHANGES:
            self.fail("The cell changes what it has shown already, which nbval does not follow")

    def judge(self) -> None:
        """Compare what the cell has shown with the reference, or keep it to become one."""
        part: Part = self.parent
        noise = [out.text for out in self.cell.outputs if out.get("name") == "stderr"]
        if noise:
            self.fail("The cell writes to stderr", "".join(noise))
        if not part.is_compared:
            return
        text = self.sanitize(outputs.text_of(self.cell.outputs))
        if not self.options["check"]:
            text = "(differs from run to run: not compared)"
        shown = part.shown[self.digest] = outputs.Stored(self.name, text)
        if not self.config.option.rebuild_references:
            self.compare(part.stored.get(self.digest), shown)

    def fail(self, message: str, detail: str = "") -> NoReturn:
        """Report the cell as broken, in nbval's way."""
        raise NbCellError(self.cell_num, message, self.cell.source, detail)

    def compare(self, stored: outputs.Stored | None, shown: outputs.Stored) -> None:
        """Fail if there is no reference for this source, or if it says something else."""
        if stored is None:
            self.fail(f"The cell is new or has changed: no reference output. {REBUILD}")
        seconds = SECONDS_SHOWN in self.cell.metadata.get("tags", [])
        if not outputs.agree(stored.text, shown.text, trained=self.trained, seconds=seconds):
            sides = (stored.text.splitlines(), shown.text.splitlines())
            lines = difflib.unified_diff(*sides, "reference", "now", lineterm="", n=1)
            self.fail("The cell prints something else", "\n".join(lines))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line - 1, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        """Say where the cell stands, then what went wrong, its source and the traceback or diff."""
        error = excinfo.value
        if not isinstance(error, NbCellError):
            return f"{self.parent.label}:{self.line}: {error!r}"
        pieces = [f"{self.parent.label}:{self.line}: {error}", error.source, error.inner_traceback]
        return ANSI.sub("", "\n\n".join(filter(None, pieces)))


class Whole(pytest.Item):
    """What is asked of a part as a whole: its time, and references for its cells and no others."""

    parent: Part

    def runtest(self) -> None:
        part = self.parent
        complete = len(part.shown) == len(part.cells)
        if part.config.option.rebuild_references and part.is_compared and complete:
            outputs.write(part.reference, part.label, part.shown)
        elif gone := set(part.stored) - {cell.digest for cell in part.cells}:
            names = [part.stored[digest].name for digest in gone]
            pytest.fail(f"References of cells that are gone: {names}. {REBUILD}", pytrace=False)
        if part.kept:
            seconds = part.kept.metadata.nnkit.seconds
            said = (
                f"has not changed since it took {seconds:.1f} s: judged is the run in {runs.RUNS}"
            )
        else:
            said = f"took {part.clock:.1f} s, {part.processor:.1f} s of the processor"
        self.user_properties.append(("ran", said))
        if TIMED and not part.kept and part.processor >= SECONDS:
            pytest.fail(f"{part.processor:.0f} s; a part may take {SECONDS} s", pytrace=False)
        part.keep()

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


def slide_titles(notebook: Any) -> Iterator[str]:
    """Give for each code cell the heading that it stands under."""
    title = "before the first slide"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield title
        elif heading := re.search(r"^#+ +(.+?) *$", cell.source, re.MULTILINE):
            title = heading[1]
