"""Checkouts as others have them: of one branch, shallow, unpacked, inside another repository; and what git keeps."""

import errno
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.commandline import USAGE, Refused
from bench.regress import __main__ as command
from bench.regress import checkouts, pairs, two_stage
from bench.run import journal

# What compares imports no framework.
pytestmark = pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "jax", reason="imports no framework: once, on JAX")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def made(folder: Path) -> Path:
    """A repository with two commits on main and one on topic, which is checked out."""
    (folder / "bench" / "run").mkdir(parents=True)
    (folder / "bench" / "run" / "launches.py").write_text("")
    (folder / ".gitignore").write_text("/results/regress/\n")
    git(folder, "init", "-q", "-b", "main")
    for name in ("first", "second"):
        (folder / name).write_text(name)
        git(folder, "add", "--all")
        git(folder, "commit", "-q", "-m", name)
    git(folder, "checkout", "-q", "-b", "topic")
    (folder / "third").write_text("third")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "third")
    return folder


@pytest.fixture
def origin(tmp_path) -> Path:
    return made(tmp_path / "origin")


@pytest.fixture
def use(monkeypatch):
    """Makes a folder the checkout that is compared."""

    def as_root(folder: Path) -> Path:
        monkeypatch.setattr(checkouts, "ROOT", folder.resolve())
        return folder

    return as_root


def clone(origin: Path, *options: str) -> Path:
    folder = origin.with_name("clone")
    git(origin.parent, "clone", "-q", *options, origin.as_uri(), str(folder))
    return folder


def refused(name: str = "main") -> str:
    with pytest.raises(Refused) as refusal:
        checkouts.revision(name)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


# References.


def test_a_branch_that_only_the_remote_has_is_taken(origin, use):
    use(clone(origin, "--branch", "topic"))
    found = checkouts.revision("main")
    assert (found.name, found.commit) == ("origin/main", git(origin, "rev-parse", "main"))


def test_a_branch_of_ones_own_comes_before_the_remotes(origin, use):
    folder = use(clone(origin, "--branch", "topic"))
    git(folder, "branch", "main", "topic")
    assert checkouts.revision("main") == checkouts.Revision("main", git(origin, "rev-parse", "topic"))


def test_a_branch_of_several_remotes_is_not_guessed(origin, use):
    folder = use(clone(origin, "--branch", "topic"))
    git(folder, "remote", "add", "-f", "fork", origin.as_uri())
    assert "there is no git ref 'main' here" in refused()


def test_a_clone_of_one_branch_is_told_what_to_fetch(origin, use):
    folder = use(clone(origin, "--branch", "topic", "--single-branch"))
    told = refused()
    assert told.startswith("there is no git ref 'main' here; if it is elsewhere, get it with: git fetch origin ")
    git(folder, *told.partition("with: git ")[2].split())
    assert checkouts.revision("main").name == "origin/main"


def test_a_shallow_clone_is_told_to_fetch_the_rest(origin, use):
    folder = use(clone(origin, "--depth", "1", "--branch", "topic"))
    told = refused("HEAD~1")
    assert "git fetch --unshallow (in CI: fetch-depth 0)" in told
    git(folder, "fetch", "-q", "--unshallow")
    assert checkouts.revision("HEAD~1").commit == git(origin, "rev-parse", "topic~1")


def test_an_unpacked_archive_has_no_revisions(origin, use, monkeypatch):
    folder = origin.with_name("archive")
    shutil.copytree(origin, folder, ignore=shutil.ignore_patterns(".git"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    use(folder)
    assert "is no git checkout and has no revisions to compare; clone the repository, or" in refused()
    with pytest.raises(Refused, match="is no git checkout"):
        checkouts.working_tree(folder / "results" / "regress" / "objects")


def test_a_folder_inside_another_repository_does_not_take_its_commits(origin, use):
    outer = made(origin.with_name("outer"))
    inner = outer / "inner"
    shutil.copytree(origin, inner, ignore=shutil.ignore_patterns(".git"))
    use(inner)
    assert f"lies inside the repository {outer} and has no history of its own" in refused()
    with pytest.raises(Refused, match="lies inside the repository"):
        checkouts.working_tree(inner / "results" / "regress" / "objects")


def test_a_checkout_of_another_user_is_told_how_to_trust_it(origin, use, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    use(origin)
    assert f"git config --global --add safe.directory {origin}" in refused()


def test_no_git_is_one_line(origin, use, monkeypatch):
    use(origin)
    monkeypatch.setenv("PATH", "")
    assert "git is not installed here" in refused()


# The working tree.


def stored_objects(folder: Path) -> set[Path]:
    return {path for path in (folder / ".git").rglob("*") if path.is_file() and path.name != "index"}


def test_the_working_tree_is_compared_without_a_copy_in_git(origin, use):
    folder = use(origin)
    before = stored_objects(folder)
    (folder / "first").write_text("changed")
    (folder / "large").write_bytes(os.urandom(1 << 20))
    objects, tree = (folder / "results" / "regress" / name for name in ("objects", "head"))
    found = checkouts.working_tree(objects)
    assert stored_objects(folder) == before
    checkouts.check_out(found.commit, tree, objects)
    assert (tree / "first").read_text() == "changed"
    assert (tree / "large").read_bytes() == (folder / "large").read_bytes()
    assert git(tree, "rev-parse", "HEAD") == found.commit != git(folder, "rev-parse", "HEAD")

    marked = tree / "results" / "regress" / "mark"
    marked.parent.mkdir(parents=True)
    marked.write_text("")
    assert checkouts.working_tree(objects) == found, "the same files are the same commit, also after an interruption"
    checkouts.check_out(found.commit, tree, objects)
    assert marked.exists(), "a whole checkout is used again"
    checkouts.remove(tree)
    assert stored_objects(folder) == before
    assert git(folder, "worktree", "list").count("\n") == 0
    assert git(folder, "status", "--porcelain") == "M first\n?? large"


def test_an_unchanged_working_tree_is_its_commit(origin, use):
    folder = use(origin)
    objects = folder / "results" / "regress" / "objects"
    assert checkouts.working_tree(objects).commit == git(folder, "rev-parse", "HEAD")
    assert not objects.exists()


def test_a_checkout_that_cannot_be_made_says_why(origin, use):
    folder = use(origin)
    blocked = folder / "first" / "tree"
    with pytest.raises(Refused, match=r"cannot check \w{12} out into .*: .*(Not a directory|not create)"):
        checkouts.check_out(git(folder, "rev-parse", "HEAD"), blocked, folder / "none")


@pytest.mark.parametrize("harm", ["locked", "without its file", "emptied", "gone"])
def test_a_checkout_that_git_was_killed_over_is_removed_and_made_again(origin, use, harm):
    folder = use(origin)
    commit, tree = git(folder, "rev-parse", "HEAD"), folder / "results" / "regress" / "base"
    checkouts.check_out(commit, tree, folder / "none")
    git(folder, "worktree", "lock", str(tree), "--reason", "initializing")
    if harm in ("without its file", "emptied"):
        (tree / ".git").unlink()
    if harm == "emptied":
        shutil.rmtree(tree)
        tree.mkdir()
    if harm == "gone":
        shutil.rmtree(tree)
    checkouts.remove(tree)
    assert not tree.exists()
    assert git(folder, "worktree", "list").count("\n") == 0
    checkouts.check_out(commit, tree, folder / "none")
    assert (tree / "third").exists()


# What ends a comparison.


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (
            "ImportError while loading conftest 'bench/conftest.py'.\nbench/conftest.py:3: in <module>\n    import x\n"
            "E   ModuleNotFoundError: No module named 'x'\n",
            "ModuleNotFoundError: No module named 'x'",
        ),
        (
            "ERROR: dl_techniques was imported from /a, not from /b\n",
            "dl_techniques was imported from /a, not from /b",
        ),
        (
            'INTERNALERROR> Traceback (most recent call last):\nINTERNALERROR>   File "x.py", line 1\n'
            "INTERNALERROR> OSError: [Errno 28] No space left on device\nINTERNALERROR> \n",
            "OSError: [Errno 28] No space left on device",
        ),
        ("", ""),
    ],
)
def test_the_cause_of_a_launch_that_could_not_begin_is_the_first_line_of_its_error(tmp_path, log, told):
    path = tmp_path / "jax-cpu-1.log"
    path.write_text(log)
    assert pairs.cause(path) == (f"{told}; see {path}" if told else "")


def full(folder: Path) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / journal.NAME))


def removed(folder: Path) -> int:
    shutil.rmtree(folder)
    journal.append(folder, "pair")
    return 0


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (full, "No space left on device: .*what is finished is kept. Go on with: --resume --run one"),
        (removed, "No such file or directory: "),
    ],
)
def test_a_disk_that_fails_is_one_line(tmp_path, monkeypatch, capsys, happens, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkouts, "revision", lambda name: checkouts.Revision(name, "0" * 40))
    monkeypatch.setattr(checkouts, "working_tree", lambda objects: checkouts.Revision("working tree", "1" * 40))
    monkeypatch.setattr(two_stage, "compare", lambda comparison, plan, device, folder, text: happens(folder))
    monkeypatch.setattr(command, "listen_to_interrupts", lambda: None)
    assert command.main(["--base", "main", "--run", "one"]) == USAGE
    error = capsys.readouterr().err
    assert error.startswith("regress: ")
    assert len(error.splitlines()) == 1
    assert re.search(told, error), error
