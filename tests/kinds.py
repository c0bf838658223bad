"""A contract for techniques of several kinds: its checks, and how it is tested itself."""

from collections.abc import Callable

from dl_techniques.catalogue import Technique

Check = Callable[[Technique], None]


class Checks(dict[Check, tuple[type, ...]]):
    """Each check with the kinds that it is for. Used as a decorator of checks, with the kinds."""

    def __call__(self, *kinds: type) -> Callable[[Check], Check]:
        def register(function: Check) -> Check:
            self[function] = kinds
            return function

        return register

    def of(self, row: Technique) -> list[Check]:
        return [function for function, kinds in self.items() if issubclass(row.cls, kinds)]

    def failing(self, row: Technique) -> set[str]:
        """The names of the checks that the row fails."""
        return {check.__name__ for check in self.of(row) if _fails(check, row)}


def _fails(check: Check, row: Technique) -> bool:
    try:
        check(row)
    except Exception:  # Any kind: what does not compile says so in its framework's own way.
        return True
    return False
