"""Values that are made by the thousand: as frozen dataclasses with slots, made in a seventh of the time and less.

`dataclasses.replace` does not know them: `msgspec.structs.replace` does.
"""

from msgspec import Struct


class Value(Struct, frozen=True, gc=False):
    """Values of this kind are frozen and compared by their fields.

    The garbage collector does not look at them (gc=False): a value holds only values, and so is in no cycle.
    """
