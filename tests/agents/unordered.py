"""A catalogue with a type that keeps no order."""

from dataclasses import replace

from streams.domain.catalogue import Catalogue


def with_unordered(catalogue: Catalogue, name: str) -> Catalogue:
    """The same types, and one more of this name: as order.shipped, but each of its deliveries for itself."""
    alone = replace(catalogue.types["order.shipped"], name=name, ordered=False)
    return Catalogue(catalogue.version, {**catalogue.types, name: alone})
