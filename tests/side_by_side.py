"""All tests in two halves side by side, since each waits more than it works: `python -m tests.side_by_side`.

With arguments it is pytest with these. Each half starts servers of its own; the second is shown after the first.
"""

import subprocess
import sys
import tempfile

FIRST = ("tests/engine", "tests/agents", "tests/delivery")
"""The rooms of the first half, which takes as long as all others together."""


def main(arguments: list[str]) -> int:
    """The exit code: of the first half that failed."""
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.call([*pytest, *arguments])
    others = [f"--ignore={room}" for room in FIRST]
    with tempfile.TemporaryFile() as told, subprocess.Popen([*pytest, *others], stdout=told, stderr=told) as beside:
        try:
            first = subprocess.call([*pytest, *FIRST])
            second = beside.wait()
        finally:
            if beside.poll() is None:
                beside.terminate()
        told.seek(0)
        sys.stdout.buffer.write(told.read())
        sys.stdout.flush()
    return first or second


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
