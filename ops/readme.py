"""The README's generated parts: `python -m ops.readme` writes them anew; a test keeps them fresh."""

import re
from pathlib import Path

from ops.settings import table

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def fresh(text: str) -> str:
    """The text with the settings table and the follower's source as they are now."""
    source = (ROOT / "ops" / "examples" / "follow_delivery_status.py").read_text()
    body = source[source.index("SCHEMAS =") :].rstrip()
    text = re.sub(r"(tested:\n\n```python\n).*?(\n```)", lambda m: m[1] + body + m[2], text, flags=re.DOTALL)
    return re.sub(
        r"(names it\.\n\n).*?(What each part logs)", lambda m: f"{m[1]}{table()}\n{m[2]}", text, flags=re.DOTALL
    )


if __name__ == "__main__":
    README.write_text(fresh(README.read_text()))
