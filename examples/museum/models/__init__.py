"""The graph of a museum's collection: people, works, places and loans."""

from .loans import Attribution, Exhibition, Loan, LoanStatus, Placement, Showing
from .people import Artist, Curator, Person
from .places import City, Museum, Room
from .works import Artwork, Material, Period, Technique

__all__ = [
    "Artist",
    "Artwork",
    "Attribution",
    "City",
    "Curator",
    "Exhibition",
    "Loan",
    "LoanStatus",
    "Material",
    "Museum",
    "Period",
    "Person",
    "Placement",
    "Room",
    "Showing",
    "Technique",
]
