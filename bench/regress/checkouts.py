"""The two sides as checkouts of their own: git worktrees, and packages that one side has in another version."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.commandline import Refused
from bench.run.machine import ROOT

WORKING_TREE = "working tree"
NOBODY = {"NAME": "dl_techniques", "EMAIL": "none", "DATE": "2000-01-01T00:00:00Z"}
REQUIREMENTS = re.compile(r"[A-Za-z0-9][\w.-]*==[\w.+!-]+(,[A-Za-z0-9][\w.-]*==[\w.+!-]+)*")


@dataclass(frozen=True)
class Revision:
    """What one side measures.

    Args:
        name: what the user called it.
        commit: the commit, also of the working tree as it is now.
    """

    name: str
    commit: str


def revision(name: str) -> Revision:
    """Returns the commit of a git reference; of a branch that only one remote has, that remote's."""
    _check_repository()
    for candidate in (name, *_of_remotes(name)):
        if commit := _git("rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}"):
            break
    else:
        raise Refused(f"there is no git ref {name!r} here{_remedy(name)}")
    if not _git("ls-tree", commit, "bench/run/launches.py"):
        raise Refused(f"{candidate} ({commit[:12]}) has no bench/ that can be compared; name a later revision")
    return Revision(candidate, commit)


def has_changes() -> bool:
    """Whether tracked files differ from the last commit."""
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def working_tree(objects: Path) -> Revision:
    """The working tree with its changes and new files, as a commit that no branch has.

    The index, the branch and the files stay as they are. What git has no copy of yet is written into the folder
    `objects`, which is to be removed with the checkout.
    """
    _check_repository()
    head = _git("rev-parse", "HEAD", refusal="this is a git repository without a commit")
    if not _git("status", "--porcelain"):
        return Revision(WORKING_TREE, head)
    objects.mkdir(parents=True, exist_ok=True)
    index = objects / "index"
    apart = {**_apart(objects), "GIT_INDEX_FILE": str(index)}
    try:
        _git("read-tree", "HEAD", **apart)
        _git("add", "--all", refusal="cannot take the working tree as it is", **apart)
        tree = _git("write-tree", **apart)
    finally:
        index.unlink(missing_ok=True)
    nobody = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in NOBODY.items()}
    return Revision(WORKING_TREE, _git("commit-tree", tree, "-p", head, "-m", "The working tree", **apart, **nobody))


def check_out(commit: str, folder: Path, objects: Path) -> None:
    """Makes a worktree, or uses the one that an interrupted comparison left; `objects` as in `working_tree`."""
    apart = _apart(objects)
    if folder.exists():
        in_folder = ("-C", str(folder))
        if _git(*in_folder, "rev-parse", "HEAD") == commit and not _git(*in_folder, "status", "--porcelain", **apart):
            return
        remove(folder)
    _git("worktree", "prune")
    add = ("worktree", "add", "--detach", str(folder), commit)
    _git(*add, refusal=f"cannot check {commit[:12]} out into {folder}", **apart)


def remove(folder: Path) -> None:
    """Removes a checkout, also one that a killed git left half made or half removed."""
    _git("worktree", "remove", "--force", str(folder))
    shutil.rmtree(folder, ignore_errors=True)
    _git("worktree", "unlock", str(folder))
    _git("worktree", "prune")


def _check_repository() -> None:
    """Raises `Refused` where this checkout has no history of its own."""
    found = _run("rev-parse", "--show-toplevel")
    if "dubious ownership" in found.stderr:
        remedy = f"git config --global --add safe.directory {ROOT}"
        raise Refused(f"git does not trust this checkout, which another user owns; allow it with: {remedy}")
    instead = "clone the repository, or compare with stored results: --against-baseline"
    if found.returncode:
        raise Refused(f"{ROOT} is no git checkout and has no revisions to compare; {instead}")
    if Path(found.stdout.strip()).resolve() != ROOT:
        raise Refused(
            f"{ROOT} lies inside the repository {found.stdout.strip()} and has no history of its own; {instead}"
        )


def _of_remotes(name: str) -> list[str]:
    """The branch of that name of the only remote that has it."""
    found = _git("for-each-ref", "--format=%(refname:short)", f"refs/remotes/*/{name}").splitlines()
    return found if len(found) == 1 else []


def _remedy(name: str) -> str:
    remedies = []
    if _git("rev-parse", "--is-shallow-repository") == "true":
        remedies.append("git fetch --unshallow (in CI: fetch-depth 0)")
    remotes = _git("remote").splitlines()
    if remotes and _git("check-ref-format", "--branch", name):
        remote = "origin" if "origin" in remotes else remotes[0]
        remedies.append(f"git fetch {remote} +refs/heads/{name}:refs/remotes/{remote}/{name}")
    return f"; if it is elsewhere, get it with: {' or '.join(remedies)}" if remedies else ""


def _apart(objects: Path) -> dict[str, str]:
    """Variables by which git writes objects into a folder of its own, beside those of the repository."""
    if not objects.exists():
        return {}
    own = Path(ROOT, _git("rev-parse", "--git-path", "objects"))
    return {"GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(own)}


def upgrade(requirements: str, folder: Path) -> None:
    """Installs packages in other versions, and nothing else, into a folder that one side finds first."""
    if folder.exists():
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    command += requirements.split(",")
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        shutil.rmtree(folder, ignore_errors=True)
        raise Refused(f"cannot install {requirements}: {lines[-1] if lines else result.stderr.strip()[-200:]}")


def _git(*arguments: str, refusal: str = "", **variables: str) -> str:
    """Returns what git prints; where it fails, raises `Refused` if that is the user's to mend, else returns ""."""
    result = _run(*arguments, **variables)
    if result.returncode and refusal:
        lines = [line.strip() for line in result.stderr.splitlines()]
        told = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
        raise Refused(f"{refusal}: {told[0].partition(': ')[2] or told[0]}" if told else refusal)
    return result.stdout.strip() if result.returncode == 0 else ""


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C", **variables}
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except FileNotFoundError:
        raise Refused("git is not installed here, and two revisions cannot be compared without it") from None
