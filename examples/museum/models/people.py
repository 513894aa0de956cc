"""People: artists, curators, and anyone else the records mention."""

from neomodel import (
    ArrayProperty,
    BooleanProperty,
    DateProperty,
    EmailProperty,
    IntegerProperty,
    RelationshipFrom,
    RelationshipTo,
    StringProperty,
    ZeroOrOne,
)

from .base import AnnotatedMixin, CollectionNode
from .loans import Attribution, Exhibition
from .rel_types import ATTRIBUTED_TO, CURATES

DEPARTMENTS = {
    "painting": "Paintings and drawings",
    "sculpture": "Sculpture",
    "textile": "Textiles and dress",
    "print": "Prints and photographs",
}


class Person(CollectionNode, AnnotatedMixin):
    """A person known to the collection."""

    __kgid__ = "person_v1"

    name = StringProperty(unique_index=True, required=True)
    birth_date = DateProperty()
    death_date = DateProperty()

    birthplace = RelationshipTo("models.places.City", "BORN_IN", cardinality=ZeroOrOne)


class Artist(Person):
    """A person to whom works are attributed."""

    __kgid__ = "artist_v1"

    nationality = StringProperty(index=True)
    aliases = ArrayProperty(StringProperty())
    active_from = IntegerProperty(index=True)
    active_to = IntegerProperty()
    self_taught = BooleanProperty(default=False)

    works = RelationshipFrom("models.works.Artwork", ATTRIBUTED_TO, model=Attribution)
    teachers = RelationshipTo("Artist", "STUDIED_UNDER")
    pupils = RelationshipFrom("Artist", "STUDIED_UNDER")
    periods = RelationshipTo(".works.Period", "ASSOCIATED_WITH")


class Curator(Person):
    """A member of staff who looks after works and plans exhibitions."""

    __kgid__ = "curator_v1"

    email = EmailProperty(unique_index=True, required=True)
    department = StringProperty(choices=DEPARTMENTS, default="painting")
    languages = ArrayProperty(StringProperty(max_length=3))
    hired_on = DateProperty(index=True)

    employer = RelationshipTo(".places.Museum", "EMPLOYED_BY", cardinality=ZeroOrOne)
    exhibitions = RelationshipTo(Exhibition, CURATES)
