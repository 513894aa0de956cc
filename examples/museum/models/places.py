"""Museums, their rooms, and the cities they stand in."""

from neomodel import (
    BooleanProperty,
    DateProperty,
    EmailProperty,
    FloatProperty,
    IntegerProperty,
    JSONProperty,
    RegexProperty,
    RelationshipFrom,
    RelationshipTo,
    StringProperty,
    ZeroOrOne,
)

from .base import AnnotatedMixin, CollectionNode
from .loans import Placement
from .rel_types import BORROWS, HAS_ROOM, LOCATED_IN, PLACED_IN

ROOM_KINDS = {
    "gallery": "Gallery",
    "cabinet": "Print cabinet",
    "court": "Sculpture court",
    "store": "Store",
}


class City(CollectionNode):
    """A city or town."""

    __kgid__ = "city_v1"

    name = StringProperty(unique_index=True, required=True)
    country = StringProperty(index=True)
    latitude = FloatProperty()
    longitude = FloatProperty()

    museums = RelationshipFrom("Museum", LOCATED_IN)
    natives = RelationshipFrom("models.people.Person", "BORN_IN")


class Room(CollectionNode):
    """A room of a museum, open to visitors or not."""

    __kgid__ = "room_v1"

    code = RegexProperty(expression=r"^[A-Z]{2}/\d{3}$", unique_index=True, required=True)
    name = StringProperty(index=True)
    kind = StringProperty(choices=ROOM_KINDS, default="gallery")
    floor = IntegerProperty(default=0)
    area_m2 = FloatProperty()
    climate_controlled = BooleanProperty(default=True)

    museum = RelationshipFrom("Museum", HAS_ROOM, cardinality=ZeroOrOne)
    works = RelationshipFrom("models.works.Artwork", PLACED_IN, model=Placement)
    next_to = RelationshipTo("Room", "OPENS_INTO")


class Museum(CollectionNode, AnnotatedMixin):
    """An institution that holds, lends or borrows works."""

    __kgid__ = "museum_v1"

    name = StringProperty(unique_index=True, required=True)
    code = RegexProperty(expression=r"^[A-Z]{2}$", unique_index=True, required=True)
    email = EmailProperty()
    founded_on = DateProperty()
    opening_hours = JSONProperty(ensure_ascii=False)
    step_free = BooleanProperty(default=False)

    city = RelationshipTo(City, LOCATED_IN, cardinality=ZeroOrOne)
    rooms = RelationshipTo(Room, HAS_ROOM)
    loans_in = RelationshipTo("models.loans.Loan", BORROWS)
    staff = RelationshipFrom(".people.Curator", "EMPLOYED_BY")
