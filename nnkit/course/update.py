"""``nnkit update``: the newest lectures, and nobody's edits lost.

Edits are kept as a commit, and git merges what is new into them. What both have changed in the same
place becomes the newest one, and the edited one is set beside it: ``1_neuron.mine.md``.
"""

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from nnkit.course.lectures import CourseError, Part, find_lectures, is_part
from nnkit.course.reading import read

NEWEST = "@{upstream}"
#: Who keeps the edits where git has not been told who its user is.
SELF = ("-c", "user.name=nnkit update", "-c", "user.email=update@nnkit.invalid")


def update() -> int:
    """Get the newest version of the course from where it was cloned.

    Returns:
        0.

    Raises:
        CourseError: if the course is no clone, a merge is under way, or git cannot get or merge
            what is new; it says why. Edits are kept in a commit then, and the files are as before.
    """
    git = Git(find_lectures().parent)
    git.require_clone()
    git("fetch", "--quiet")
    new = git("rev-list", "--count", f"HEAD..{NEWEST}")
    if new == "0":
        print("nothing is new")
        return 0
    git("add", "--update")
    git("add", "--all", "--", "lectures")
    if git.fails("diff", "--cached", "--quiet"):
        git.commit("--message", "Edits, kept by nnkit update")
    for file, beside in _merge(git):
        print(f"{file} is the newest one; yours stands beside it: {beside.name}")
    print(f"{new} changes are new, and your edits are kept; make lab goes on with them")
    return 0


class Git:
    """Git in the folder of the course; ``git("status")`` returns what it prints."""

    def __init__(self, course: Path) -> None:
        self.course = course
        self.known: tuple[str, ...] = ()
        if self.fails("config", "user.email"):
            self.known = SELF

    def run(self, *command: str) -> "subprocess.CompletedProcess[bytes]":
        """Run git, however it ends."""
        return subprocess.run(["git", *self.known, *command], cwd=self.course, capture_output=True)

    def __call__(self, *command: str) -> str:
        """Run git.

        Raises:
            CourseError: if it fails, with what it said.
        """
        done = self.run(*command)
        if done.returncode:
            told = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise CourseError(f"git {command[0]} failed:\n{told}")
        return done.stdout.decode(errors="replace").strip()

    def names(self, *of: str) -> list[str]:
        """Name files that differ, whatever letters are in their names."""
        return list(filter(None, self("diff", "--name-only", "-z", *of).split("\0")))

    def fails(self, *command: str) -> bool:
        """Whether git says no."""
        return bool(self.run(*command).returncode)

    def commit(self, *options: str) -> None:
        """Commit what is staged, whatever a hook has to say on it."""
        self("commit", "--quiet", "--no-verify", *options)

    def content(self, commit: str, file: str) -> bytes | None:
        """Return a file as it is in a commit; None if it is not there."""
        done = self.run("show", f"{commit}:{file}")
        return None if done.returncode else done.stdout

    def require_clone(self) -> None:
        """Refuse a folder that git cannot update."""
        if self.fails("rev-parse", "--verify", NEWEST):
            raise CourseError(
                f"{self.course} is no clone that follows a branch of another repository, so "
                "nothing is known of newer lectures; git clone the course, or git switch main"
            )
        if not self.fails("rev-parse", "--verify", "--quiet", "MERGE_HEAD"):
            raise CourseError("a merge is under way; git commit it, or git merge --abort")


def _merge(git: Git) -> list[tuple[str, Path]]:
    """Merge what is new; return the files that became the newest, and where the edited ones are."""
    mine = git("rev-parse", "HEAD")
    # a part that was renamed and edited is set beside, too, not guessed at
    done = git.run("merge", "--quiet", "--no-commit", "-X", "no-renames", NEWEST)
    files = git.names("--diff-filter=U")
    if done.returncode and not files:
        raise CourseError(f"git merge failed:\n{done.stderr.decode(errors='replace').strip()}")
    if git.fails("rev-parse", "--verify", "--quiet", "MERGE_HEAD"):
        return []  # there were no edits
    files += [file for file in _unreadable(git) if file not in files]
    aside = [(file, beside) for file in files if (beside := _set_beside(git, file, mine))]
    git.commit("--no-edit")
    return aside


def _unreadable(git: Git) -> Iterator[str]:
    """Name the parts of which the merge of two good ones has made no good one."""
    for file in git.names("--cached", "--diff-filter=AM", NEWEST):
        path = git.course / file
        if is_part(path) and git.content(NEWEST, file) is not None:
            try:
                read(Part(path))
            except CourseError:
                yield file


def _set_beside(git: Git, file: str, mine: str) -> Path | None:
    """Make a file the newest one, and set the edited one beside it, if there is one."""
    path = git.course / file
    newest, edited = git.content(NEWEST, file), git.content(mine, file)
    if newest is None:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(newest)
    git("add", "--all", "--", file)
    if edited is None:
        return None
    names = (f"{path.stem}.mine{n or ''}{path.suffix}" for n in count())
    beside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    beside.write_bytes(edited)
    git("add", "--", str(beside))
    return beside
