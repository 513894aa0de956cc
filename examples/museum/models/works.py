"""Works of art, and the terms that describe them."""

from neomodel import (
    ArrayProperty,
    BooleanProperty,
    DateProperty,
    FloatProperty,
    FulltextIndex,
    IntegerProperty,
    JSONProperty,
    OneOrMore,
    RegexProperty,
    RelationshipFrom,
    RelationshipTo,
    StringProperty,
    VectorIndex,
    ZeroOrOne,
)

from .base import AnnotatedMixin, CollectionNode
from .loans import Attribution, Exhibition, Loan, Placement, Showing
from .people import Artist
from .rel_types import ATTRIBUTED_TO, LENDS, PLACED_IN, SHOWN_IN

WORK_KINDS = {
    "painting": "Painting",
    "drawing": "Drawing",
    "print": "Print",
    "sculpture": "Sculpture",
    "textile": "Textile",
    "ceramic": "Ceramic",
}

MATERIAL_FAMILIES = (
    ("pigment", "Pigments and binders"),
    ("support", "Supports"),
    ("stone", "Stone"),
    ("metal", "Metals"),
    ("fibre", "Fibres"),
    ("clay", "Clays and glazes"),
)

EMBEDDING_SIZE = 8


class Material(CollectionNode):
    """What a work is made of, such as oak panel or egg tempera."""

    __kgid__ = "material_v1"

    name = StringProperty(unique_index=True, required=True)
    family = StringProperty(choices=MATERIAL_FAMILIES)
    light_sensitive = BooleanProperty(default=False)

    works = RelationshipFrom("Artwork", "MADE_OF")


class Technique(CollectionNode):
    """How a work was made, such as drypoint or lost-wax casting."""

    __kgid__ = "technique_v1"

    name = StringProperty(unique_index=True, required=True)
    description = StringProperty()

    broader = RelationshipTo("Technique", "NARROWER_THAN", cardinality=ZeroOrOne)
    materials = RelationshipTo(Material, "CALLS_FOR")


class Period(CollectionNode):
    """A span of years under a name that art historians use."""

    __kgid__ = "period_v1"

    name = StringProperty(unique_index=True, required=True)
    start_year = IntegerProperty(index=True)
    end_year = IntegerProperty()

    follows = RelationshipTo("Period", "FOLLOWS", cardinality=ZeroOrOne)
    artists = RelationshipFrom(Artist, "ASSOCIATED_WITH")


class Artwork(CollectionNode, AnnotatedMixin):
    """One work of the collection, known by its inventory number."""

    __kgid__ = "artwork_v1"

    inventory_number = RegexProperty(
        expression=r"^[A-Z]{2}-\d{4}$",
        unique_index=True,
        required=True,
    )
    title = StringProperty(index=True, required=True)
    kind = StringProperty(choices=WORK_KINDS, required=True)
    description = StringProperty(fulltext_index=FulltextIndex(analyzer="english"))
    creation_year = IntegerProperty(index=True)
    acquired_on = DateProperty(db_property="acquisition_date", index=True)
    insured_value = FloatProperty(help_text="In euros.")
    signed = BooleanProperty(default=False)
    keywords = ArrayProperty(StringProperty())
    dimensions = JSONProperty()
    embedding = ArrayProperty(
        FloatProperty(),
        vector_index=VectorIndex(dimensions=EMBEDDING_SIZE, similarity_function="cosine"),
    )

    artists = RelationshipTo(Artist, ATTRIBUTED_TO, cardinality=OneOrMore, model=Attribution)
    room = RelationshipTo(".places.Room", PLACED_IN, cardinality=ZeroOrOne, model=Placement)
    exhibitions = RelationshipTo(Exhibition, SHOWN_IN, model=Showing)
    loans = RelationshipFrom(Loan, LENDS)
    materials = RelationshipTo(Material, "MADE_OF")
    techniques = RelationshipTo(Technique, "MADE_BY")
    period = RelationshipTo(Period, "DATES_FROM", cardinality=ZeroOrOne)
