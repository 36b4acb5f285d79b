"""`*` for any characters, as EventBridge writes it: `\\*` is an asterisk, `\\\\` a backslash, and `**` an error."""

from __future__ import annotations


class Glob:
    """A compiled wildcard; calling it tests a whole text. Time is linear in the text for each `*`, whatever the text.

    Raises ValueError for `**` and for a backslash before anything but `*` and `\\`.
    """

    __slots__ = ("parts",)

    def __init__(self, text: str) -> None:
        parts, escaped, star = [""], False, False
        for character in text:
            if escaped:
                if character not in "*\\":
                    raise ValueError(f"{text!r}: a backslash stands before * or another backslash only")
                parts[-1] += character
            elif character == "*":
                if star:
                    raise ValueError(f"{text!r}: two wildcards next to each other say no more than one")
                parts.append("")
            elif character != "\\":
                parts[-1] += character
            star = character == "*" and not escaped
            escaped = character == "\\" and not escaped
        if escaped:
            raise ValueError(f"{text!r}: ends with a single backslash")
        self.parts = tuple(parts)

    @property
    def head(self) -> str:
        """What every matching text starts with."""
        return self.parts[0]

    def __call__(self, text: str) -> bool:
        first, *middle = self.parts
        if not middle:
            return text == first
        *middle, last = middle
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return False
        # The leftmost place for each part is never a worse one, so nothing has to be tried twice.
        at, end = len(first), len(text) - len(last)
        for part in middle:
            found = text.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


def meet(one: Glob, other: Glob) -> bool:
    """Whether some text matches both."""
    left, right = _tokens(one), _tokens(other)
    reached = {(0, 0)}
    todo = [(0, 0)]
    while todo:
        i, j = todo.pop()
        if i == len(left) and j == len(right):
            return True
        for step in _steps(left, right, i, j):
            if step not in reached:
                reached.add(step)
                todo.append(step)
    return False


def _tokens(glob: Glob) -> list[str | None]:
    """Characters, and None for a wildcard."""
    found: list[str | None] = list(glob.parts[0])
    for part in glob.parts[1:]:
        found += [None, *part]
    return found


def _steps(left: list[str | None], right: list[str | None], i: int, j: int) -> list[tuple[int, int]]:
    a = left[i] if i < len(left) else ""
    b = right[j] if j < len(right) else ""
    steps = []
    if a is None:
        steps.append((i + 1, j))
        if b:
            steps.append((i, j + 1))
    if b is None:
        steps.append((i, j + 1))
        if a:
            steps.append((i + 1, j))
    if a and a == b:
        steps.append((i + 1, j + 1))
    return steps
