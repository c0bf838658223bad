"""The catalogue is complete: nothing public is missing from it, nothing in it is untested."""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import pytest

import dl_techniques
from dl_techniques.catalogue import FUNCTIONS, TECHNIQUES, TRAINING_TECHNIQUES, WEIGHT_TECHNIQUES, Function, Technique
from dl_techniques.catalogue.__main__ import gallery
from tests.contract import RESOLVE, own_parameters

TESTS = Path(__file__).parent
ROWS = (*TECHNIQUES, *WEIGHT_TECHNIQUES, *TRAINING_TECHNIQUES)

OF_KERAS = ("name", "reduction")

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
each_row_and_function = pytest.mark.parametrize("row", [*ROWS, *FUNCTIONS], ids=lambda row: row.name)


def is_private(dotted: str) -> bool:
    return any(part.startswith("_") for part in dotted.split("."))


def public_classes() -> set[type]:
    """What public modules define or re-export, unless it is defined in a private one.

    An enumeration is the value of an argument, and an abstract class is for others to be made of.
    """
    names = [module.name for module in pkgutil.walk_packages(dl_techniques.__path__, "dl_techniques.")]
    public = [name for name in names if not is_private(name) and not name.startswith("dl_techniques.catalogue")]
    values = [value for name in public for value in vars(importlib.import_module(name)).values()]
    classes = {value for value in values if isinstance(value, type) and value.__module__.startswith("dl_techniques.")}
    public_ones = {cls for cls in classes if not is_private(f"{cls.__module__}.{cls.__name__}")}
    return {cls for cls in public_ones if not issubclass(cls, Enum) and not inspect.isabstract(cls)}


def public_functions() -> set[Callable]:
    """What the families export, but for constraints, initializers, regularizers and utilities."""
    modules = pkgutil.walk_packages(dl_techniques.__path__, "dl_techniques.")
    rooms = tuple(f"dl_techniques.{room}" for room in ("layers", "losses", "metrics", "models", "optimization"))
    packages = [m.name for m in modules if m.ispkg and m.name.startswith(rooms)]
    values = [value for name in packages for value in vars(importlib.import_module(name)).values()]
    return {value for value in values if inspect.isfunction(value) and not is_private(value.__name__)}


def test_every_public_class_has_a_row_and_every_row_a_public_class():
    listed = {row.cls for row in ROWS}
    assert listed, "the catalogue is empty"
    assert public_classes() - listed == set(), "public, but not in the catalogue"
    assert listed - public_classes() == set(), "in the catalogue, but not public"


def test_every_public_function_has_a_row_and_every_row_a_public_function():
    listed = {row.function for row in FUNCTIONS}
    assert public_functions() - listed == set(), "public, but not in the catalogue"
    assert listed - public_functions() == set(), "in the catalogue, but not public"


@each_row_and_function
def test_a_technique_is_exported_by_its_family_and_above(row: Technique | Function):
    family, _, _ = row.subject.__module__.rpartition(".")
    for package in (family, ".".join(family.split(".")[:2])):
        assert getattr(importlib.import_module(package), row.name, None) is row.subject, f"{package} lacks {row.name}"


def test_every_technique_has_an_oracle_test_named_after_its_module():
    wanted = {f"test_{row.subject.__module__.rpartition('.')[2]}.py" for row in (*ROWS, *FUNCTIONS)}
    assert wanted - {path.name for path in TESTS.rglob("test_*.py")} == set(), "test files missing"


def test_names_are_unique():
    assert [name for name, count in Counter(row.name for row in (*ROWS, *FUNCTIONS)).items() if count > 1] == []


@each_row
def test_a_row_sets_every_argument_off_its_default(row: Technique):
    """Or its loss goes unseen, but for those with a reason.

    The contract tries both positions of each switch, and sets what the base class of a loss or a metric has.
    """
    own = [p for p in own_parameters(row.cls) if not isinstance(p.default, bool) and p.name not in OF_KERAS]
    unset = {p.name for p in own if row.arguments.get(p.name, p.default) == p.default}
    assert unset == set(row.at_default), "left at their defaults, or not, though the row says so"


@each_row
def test_a_row_says_what_it_rejects(row: Technique):
    """Unless there is nothing to reject: no argument, or only such as Keras itself looks up by name."""
    own = [p for p in own_parameters(row.cls) if not isinstance(p.default, bool) and p.name not in OF_KERAS]
    assert row.rejects or all(p.name.rpartition("_")[2] in RESOLVE for p in own)


@each_row_and_function
def test_a_row_names_its_paper(row: Technique | Function):
    assert row.paper == "none" or row.paper.startswith(("arXiv:", "doi:"))


def test_the_gallery_is_up_to_date():
    written = (TESTS.parent / "TECHNIQUES.md").read_text()
    assert written == gallery(), "make it anew: python -m dl_techniques.catalogue > TECHNIQUES.md"
