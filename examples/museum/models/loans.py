"""Loans and exhibitions, and what is recorded on the links to works."""

from enum import Enum

from neomodel import (
    ArrayProperty,
    BooleanProperty,
    DateProperty,
    DateTimeProperty,
    FloatProperty,
    IntegerProperty,
    JSONProperty,
    One,
    OneOrMore,
    RegexProperty,
    RelationshipFrom,
    RelationshipTo,
    StringProperty,
    StructuredRel,
    ZeroOrOne,
)

from .base import AnnotatedMixin, CollectionNode
from .rel_types import BORROWS, CURATES, LENDS, SHOWN_IN

ATTRIBUTION_ROLES = {
    "hand": "By the artist's own hand",
    "workshop": "Workshop of the artist",
    "circle": "Circle of the artist",
    "after": "After the artist",
}


class LoanStatus(Enum):
    """The stages a loan goes through."""

    REQUESTED = "requested"
    AGREED = "agreed"
    OUT = "out"
    RETURNED = "returned"
    REFUSED = "refused"


class Attribution(StructuredRel):
    """Who made a work, how sure that is, and since when it is held."""

    __kgid__ = "attribution_v1"

    confidence = FloatProperty(required=True, index=True)
    role = StringProperty(choices=ATTRIBUTION_ROLES, default="hand")
    since = DateProperty()


class Placement(StructuredRel):
    """Where a work hangs or stands."""

    __kgid__ = "placement_v1"

    since = DateProperty(index=True)
    wall = StringProperty(max_length=12)
    position = IntegerProperty()
    on_view = BooleanProperty(default=True)
    checked_at = DateTimeProperty()


class Showing(StructuredRel):
    """A work's entry in an exhibition."""

    __kgid__ = "showing_v1"

    catalogue_number = IntegerProperty(required=True)
    label_text = StringProperty()


class Exhibition(CollectionNode, AnnotatedMixin):
    """A temporary exhibition, in one museum or touring."""

    __kgid__ = "exhibition_v1"

    title = StringProperty(unique_index=True, required=True)
    opens_on = DateProperty(index=True)
    closes_on = DateProperty()
    themes = ArrayProperty(StringProperty())
    ticketed = BooleanProperty(default=True)

    venues = RelationshipTo("models.places.Museum", "HELD_AT", cardinality=OneOrMore)
    curators = RelationshipFrom(".people.Curator", CURATES, cardinality=OneOrMore)
    works = RelationshipFrom("models.works.Artwork", SHOWN_IN, model=Showing)
    loans = RelationshipFrom("Loan", "ARRANGED_FOR")


class Loan(CollectionNode, AnnotatedMixin):
    """A loan of works to a museum."""

    __kgid__ = "loan_v1"

    loan_number = RegexProperty(expression=r"^L\d{4}-\d{3}$", unique_index=True, required=True)
    status = StringProperty(
        choices={status.value: status.name.title() for status in LoanStatus},
        default=LoanStatus.REQUESTED.value,
        index=True,
    )
    agreed_at = DateTimeProperty()
    starts_on = DateProperty(index=True)
    ends_on = DateProperty()
    insured_total = FloatProperty()
    conditions = JSONProperty()

    works = RelationshipTo("models.works.Artwork", LENDS, cardinality=OneOrMore)
    borrower = RelationshipFrom(".places.Museum", BORROWS, cardinality=One)
    exhibition = RelationshipTo(Exhibition, "ARRANGED_FOR", cardinality=ZeroOrOne)
    approved_by = RelationshipTo("models.people.Curator", "APPROVED_BY", cardinality=ZeroOrOne)
