"""Where the course is published, and what can be opened from there: Colab, Binder, a JupyterHub."""

import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, urlencode

from nnkit.course.lectures import CourseError

GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
#: The branch that holds the notebooks, and what Binder makes their environment from.
BRANCH = "notebooks"
DISTRIBUTION = "nnkit-course"


@dataclass(frozen=True)
class Repository:
    """The course's repository on GitHub."""

    owner: str
    name: str
    library: bool = True  #: whether it holds ``nnkit`` itself, not a course that builds on it

    @classmethod
    def at(cls, address: str, *, library: bool = True) -> "Repository | None":
        """Return the repository at an address; None if that is empty.

        Raises:
            CourseError: if the address is not that of a repository on GitHub, which alone Colab
                and Binder are told about here.
        """
        if not address:
            return None
        found = GITHUB.fullmatch(address)
        if found is None:
            raise CourseError(
                f"{address!r} is no repository on GitHub; write https://github.com/owner/name"
            )
        return cls(found[1], found[2], library)

    @property
    def address(self) -> str:
        """Its address, without a slash at the end."""
        return f"https://github.com/{self.owner}/{self.name}"

    def launchers(self, notebook: str) -> dict[str, str]:
        """Return the links that open a notebook elsewhere, by the name of the place.

        Args:
            notebook: its path in the branch, as in ``18_architecture/1_neuron.ipynb``.
        """
        file, name = quote(notebook), f"{self.owner}/{self.name}"
        lab = f"lab/tree/{notebook}"
        binder = urlencode({"urlpath": lab})
        puller = {"repo": self.address, "branch": BRANCH}
        hub = urlencode(puller | {"urlpath": f"lab/tree/{self.name}/{notebook}"})
        return {
            "Colab": f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{file}",
            "Binder": f"https://mybinder.org/v2/gh/{name}/{BRANCH}?{binder}",
            "JupyterHub": f"https://nbgitpuller.readthedocs.io/en/latest/link.html?{hub}",
        }

    def write_binder(self, folder: Path) -> None:
        """Write what Binder makes the notebooks' environment from.

        Args:
            folder: the root of the branch of notebooks.
        """
        binder = folder / "binder"
        binder.mkdir(parents=True, exist_ok=True)
        (binder / "requirements.txt").write_text(f"{requirement(self)}\n", "utf-8")
        (binder / "runtime.txt").write_text("python-3.12\n", "utf-8")


def requirement(published: Repository | None) -> str:
    """Return what pip installs to run a notebook: ``nnkit`` from its repository, or by its name.

    Args:
        published: the repository; None if there is none.
    """
    if published is None or not published.library:
        return f"{DISTRIBUTION}[lab]=={version(DISTRIBUTION)}"
    return f"{DISTRIBUTION}[lab] @ git+{published.address}"
