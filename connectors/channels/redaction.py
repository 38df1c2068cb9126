"""What a provider answered, fit to be kept: without addresses, without what the message said."""

import html
import re
from collections.abc import Collection

LONGEST = 200
REPEATS = "(it repeats the message)"

_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:@]+@[^\s<>()\[\]\"',;:@]+")
_URL = re.compile(r"(?i)\b(https?://)(?:[^\s/?#]*@)?([^\s/?#<>\"']+)[^\s<>\"']*")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_SHORTEST = 3
_ANYWHERE = 6  # shorter words are removed only where they stand alone
_LONG = 64
_BEGIN = 24
_MANY = 500


def redacted(text: str, known: Collection[str]) -> str:
    """At most LONGEST characters on one line. Removed: each known word (the address, its parts, contents), anything
    that looks like an address, and of a URL all but its host. An answer that repeats a long text is not kept at all.
    """
    text = _one_line(_unescaped(text))
    if not text or len(known) > _MANY:
        return ""
    folded = text.casefold()
    said = [word for word in map(_one_line, known) if _is_said(word, folded)]
    for word in sorted(said, key=len, reverse=True) if said else ():
        if len(word) > _LONG and word[:_BEGIN].casefold() in text.casefold():
            return REPEATS
        if word.casefold() in text.casefold():
            alone = r"(?<!\w){}(?!\w)" if len(word) < _ANYWHERE else "{}"
            text = re.sub("(?i)" + alone.format(re.escape(word)), "…", text)
    if "://" in text:
        text = _URL.sub(r"\1\2/…", text)
    if "@" in text:
        text = _ADDRESS.sub("<address>", text)
    return text[:LONGEST]


def _is_said(word: str, folded: str) -> bool:
    """Most are not. What is removed later leaves nothing in which more would be found."""
    if len(word) > _LONG:
        return word[:_BEGIN].casefold() in folded
    return len(word) >= _SHORTEST and word.casefold() in folded


def _unescaped(text: str) -> str:
    """Without the escapes of JSON and HTML, behind which a known word could hide."""
    if "\\" in text:
        units = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        text = units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = text.replace('\\"', '"').replace("\\/", "/").replace("\\n", " ").replace("\\\\", "\\")
    return html.unescape(text) if "&" in text else text


def _one_line(text: str) -> str:
    if text.isprintable() and "  " not in text:  # of all space and controls only single spaces are in it
        return text.strip()
    return _SPACE.sub(" ", text).strip()
