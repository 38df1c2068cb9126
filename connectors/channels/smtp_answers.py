"""What an SMTP relay should answer, and what nearly every answer looks like."""

import re
from collections.abc import Sequence

Expected = Sequence[tuple[str, tuple[int, ...]]]
"""Commands in the order they were said, with the codes that let the mail go on."""

GO_ON = 354
CLOSING = 421
GOOD: Expected = (("MAIL", (250,)), ("RCPT", (250, 251, 252)), ("DATA", (GO_ON,)))
RESET = ("RSET", (250,))

LONGEST = 65_536
"""Bytes of an answer."""

_TEXT = rb"(?:[ \t][^\n]*)?\r?\n"
_ONE = rb"([0-9]{3})(" + _TEXT + rb")"
_GOOD = b"250" + _TEXT + b"25[012]" + _TEXT + b"354" + _TEXT

one_answer = re.compile(_ONE).fullmatch
"""Of one line: its code, and its text with what is around it."""

envelope_taken = re.compile(_GOOD).fullmatch
"""GOOD, of one line each."""

answer_and_envelope = re.compile(_ONE + _GOOD).fullmatch
"""One answer to a content, then GOOD to the next mail."""
