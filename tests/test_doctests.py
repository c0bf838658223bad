"""The examples in the docstrings run, and every technique has one."""

import doctest
import importlib
import pkgutil

import keras
import pytest

import dl_techniques
from dl_techniques.catalogue import FUNCTIONS, TECHNIQUES, TRAINING_TECHNIQUES, WEIGHT_TECHNIQUES

MODULES = [module.name for module in pkgutil.walk_packages(dl_techniques.__path__, "dl_techniques.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str):
    assert doctest.testmod(importlib.import_module(name), extraglobs={"keras": keras}).failed == 0


def test_every_technique_has_an_example():
    parser = doctest.DocTestParser()
    rows = (*TECHNIQUES, *WEIGHT_TECHNIQUES, *TRAINING_TECHNIQUES, *FUNCTIONS)
    assert {row.name for row in rows if not parser.get_examples(row.subject.__doc__ or "")} == set()
