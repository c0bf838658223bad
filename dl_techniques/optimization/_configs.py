"""What the builders share: a configuration is a plain dictionary, flat or with its arguments in `config`."""

from collections.abc import Collection, Mapping
from typing import Any


def flat(config: Any) -> dict[str, Any]:
    """A copy, with what stands in `config` over what stands beside it."""
    nested = config.get("config", {}) if isinstance(config, Mapping) else {}
    if not isinstance(config, Mapping) or not isinstance(nested, Mapping):
        raise ValueError(f"config must be a dictionary, and so must its entry 'config'. Received: config={config!r}")
    return {**{key: value for key, value in config.items() if key != "config"}, **nested}


def kind_of(config: Mapping[str, Any], kinds: Collection[str], name: str) -> str:
    """The entry `type`, in small letters."""
    kind = config.get("type")
    if kind is None:
        raise ValueError(f"{name} cannot be None: the entry 'type' names it. Received: config={config!r}")
    if not isinstance(kind, str):
        raise ValueError(f"{name} must be a string. Received: config={config!r}")
    if kind.strip().lower() not in kinds:
        raise ValueError(f"Unknown {name}; it must be one of {sorted(map(str, kinds))}. Received: config={config!r}")
    return kind.strip().lower()


def check_keys(
    given: Mapping[str, Any],
    kind: str,
    required: Collection[str],
    optional: Collection[str],
    remedies: Mapping[str, str] | None = None,
) -> None:
    """All that is required is there, and nothing that is not known; `remedies` are other names of known keys."""
    missing = [key for key in required if given.get(key) is None]
    if missing:
        raise ValueError(f"'{kind}' needs {missing}. Received: config={dict(given)!r}")
    known = [*required, *optional]
    unknown = [key for key in given if key not in known]
    if unknown:
        hints = [f"{key!r} is called {remedies[key]!r} here" for key in unknown if remedies and key in remedies]
        advice = "; ".join([*hints, f"'{kind}' knows {known}"])
        raise ValueError(f"Unknown keys {unknown}: {advice}. Received: config={dict(given)!r}")
