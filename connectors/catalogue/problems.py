"""What is wrong with a catalogue, gathered before anything is said, so that one run names it all."""

from collections.abc import Sequence
from pathlib import Path


class CatalogueError(ValueError):
    """A catalogue cannot be used. Correct the files it names; `problems` has one line each: file, what is wrong."""

    def __init__(self, folder: Path, problems: Sequence[str]) -> None:
        many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n  ".join([f"{many} in the catalogue {folder}:", *problems]))
        self.folder = folder
        self.problems = tuple(problems)


class Problems:
    """Problems found so far."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, file: str, said: str) -> None:
        """One problem of one file; `said` tells what would be right."""
        self.found.append(f"{file}: {said}")
