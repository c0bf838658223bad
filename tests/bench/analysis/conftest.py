"""The analysis imports no framework, as `test_architecture.py` makes sure: one backend's session runs its tests."""

import os

if os.environ.get("KERAS_BACKEND", "jax") != "jax":
    collect_ignore_glob = ["*"]
