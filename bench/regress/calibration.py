"""What this machine shows between equal code: the noise floor of each cell, measured once and kept."""

import json
from pathlib import Path
from typing import Any

from bench import files

MUST_AGREE = ("machine", "backend_version", "keras_version", "threads", "precision", "driver")


def path(results: Path, backend: str, device: str) -> Path:
    return results / "calibration" / f"{backend}-{device}.json"


def store(target: Path, facts: dict[str, Any], floors: dict[str, float], told: dict[str, Any]) -> None:
    content = {"facts": {name: facts.get(name) for name in MUST_AGREE}, **told, "floors": floors}
    files.replace(target, json.dumps(content, indent=1).encode())


def floors(source: Path, facts: dict[str, Any]) -> tuple[dict[str, float], str]:
    """Returns the floors that hold for launches with these facts, and a line on why there are none."""
    if not source.exists():
        return {}, "no calibration of this machine: noise floors are unknown; measure them with --calibrate"
    try:
        content = json.loads(source.read_text("utf-8"))
        known = {str(case): float(floor) for case, floor in content["floors"].items()}
        before = content["facts"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}, f"{source} is damaged and was not used; measure it again with --calibrate"
    for name in MUST_AGREE:
        if before.get(name) != facts.get(name):
            return {}, (
                f"the calibration was made with {name} {before.get(name)!r}, not {facts.get(name)!r}: not used; "
                f"measure it again with --calibrate"
            )
    return known, ""
