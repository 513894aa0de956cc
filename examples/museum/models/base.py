"""What all nodes of the collection share."""

from neomodel import DateTimeProperty, StringProperty, StructuredNode, UniqueIdProperty


class CollectionNode(StructuredNode):
    """Abstract base: an identifier and the time the record was made."""

    __abstract_node__ = True

    uid = UniqueIdProperty()
    created_at = DateTimeProperty(default_now=True)


class AnnotatedMixin:
    """Free text kept by the registrars, and where it came from."""

    notes = StringProperty()
    source = StringProperty(max_length=200)
