"""Phone numbers as they are kept and called: E.164, a plus and 7 to 15 digits, nothing else."""

import re

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def number_fault(number: str) -> str | None:
    """Why this cannot be called, without repeating it; None: it can. Whether somebody is there is found out later."""
    if _E164.fullmatch(number):
        return None
    if not number.startswith("+"):
        return "a phone number begins with + and the country code: write +43660123456"
    return "a phone number is + and 7 to 15 digits without spaces, the country code first: write +43660123456"
