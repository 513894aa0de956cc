/**
 * Small model files on which a reader can go wrong, each with what the real neomodel makes of it. The test asks
 * neomodel again on every run.
 */

/** Model files of a project by their names in its folder `models`. */
export interface ModelCase {
  name: string;
  files: Record<string, string>;
}

const ALL = "from neomodel import *\n\n";

function one(name: string, body: string): ModelCase {
  return { name, files: { "m.py": ALL + body } };
}

/** neomodel imports and installs these; crochet gives the same schema and reads the same classes. */
export const EQUAL: ModelCase[] = [
  one(
    "sibling models of one type, after their parent",
    `class Base(StructuredRel):
    a = StringProperty(index=True)

class Left(Base):
    b = StringProperty(index=True)

class Right(Base):
    c = StringProperty(unique_index=True)

class Node(StructuredNode):
    one = RelationshipTo("Node", "T", model=Base)
    two = RelationshipTo("Node", "T", model=Left)
    three = RelationshipTo("Node", "T", model=Right)
`,
  ),
  one(
    "sibling models of one type, without their parent",
    `class Base(StructuredRel):
    a = StringProperty(index=True)

class Left(Base):
    b = StringProperty(index=True)

class Right(Base):
    c = StringProperty(unique_index=True)

class Node(StructuredNode):
    two = RelationshipTo("Node", "T", model=Left)
    three = RelationshipTo("Node", "T", model=Right)
`,
  ),
  one(
    "a model of a type after a model that derives from it",
    `class Base(StructuredRel):
    a = StringProperty(index=True)

class Left(Base):
    b = StringProperty(index=True)

class Node(StructuredNode):
    two = RelationshipTo("Node", "T", model=Left)
    one = RelationshipTo("Node", "T", model=Base)
`,
  ),
  one(
    "one type with a sync and an async model",
    `class A(StructuredRel):
    a = StringProperty(index=True)

class B(AsyncStructuredRel):
    b = StringProperty(index=True)

class Node(StructuredNode):
    one = RelationshipTo("Node", "T", model=A)

class Other(AsyncStructuredNode):
    one = AsyncRelationshipTo("Other", "T", model=B)
`,
  ),
  one(
    "an async definition on a sync node",
    `class B(AsyncStructuredRel):
    b = StringProperty(index=True)

class Node(StructuredNode):
    name = StringProperty(index=True)
    one = AsyncRelationshipTo("Node", "T", model=B)
`,
  ),
  one(
    "a sync definition on an async node",
    `class B(StructuredRel):
    b = StringProperty(index=True)

class Node(AsyncStructuredNode):
    name = StringProperty(index=True)
    one = RelationshipTo("Node", "T", model=B)
`,
  ),
  one(
    "an abstract class with a label",
    `class Base(StructuredNode):
    __abstract_node__ = True
    __label__ = "Thing"
    a = StringProperty(index=True)

class Node(Base):
    b = StringProperty(unique_index=True)
`,
  ),
  one(
    "an abstract class and a concrete one with one label",
    `class Base(StructuredNode):
    __abstract_node__ = True
    __label__ = "Thing"
    a = StringProperty(index=True)

class Thing(StructuredNode):
    b = StringProperty(unique_index=True)
`,
  ),
  one(
    "two abstract classes with one label",
    `class Base(StructuredNode):
    __abstract_node__ = True
    __label__ = "Thing"
    a = StringProperty(index=True)

class Second(StructuredNode):
    __abstract_node__ = True
    __label__ = "Thing"
    b = StringProperty(index=True)

class Node(Base):
    c = StringProperty()
`,
  ),
  one(
    "an abstract class below a concrete one",
    `class Base(StructuredNode):
    a = StringProperty(index=True)

class Middle(Base):
    __abstract_node__ = True
    b = StringProperty(index=True)

class Node(Middle):
    c = StringProperty(unique_index=True)
`,
  ),
  one(
    "an abstract class without a value of True",
    `class Base(StructuredNode):
    __abstract_node__ = False
    a = StringProperty(index=True)

class Node(Base):
    pass
`,
  ),
  one(
    "a mixin with a label",
    `class Mixin:
    __label__ = "Mixed"
    a = StringProperty(index=True)

class Node(Mixin, StructuredNode):
    b = StringProperty(index=True)
`,
  ),
  one(
    "a mixin with relationships and a model",
    `class Rel(StructuredRel):
    since = IntegerProperty(index=True)

class Mixin:
    a = StringProperty(index=True)
    others = RelationshipTo("Node", "T", model=Rel)

class Node(StructuredNode, Mixin):
    b = StringProperty(index=True)

class Second(Mixin, StructuredNode):
    a = StringProperty(unique_index=True)
`,
  ),
  one(
    "overridden attributes",
    `class Base(StructuredNode):
    a = StringProperty(unique_index=True)
    b = StringProperty(index=True)
    c = StringProperty(index=True)
    d = StringProperty(index=True)

class Node(Base):
    b = None
    a = StringProperty()

    def c(self):
        return 1

    d = RelationshipTo("Node", "D")
`,
  ),
  one(
    "an attribute added after the class",
    `class Node(StructuredNode):
    a = StringProperty()

Node.b = StringProperty(index=True)
`,
  ),
  one(
    "names with spaces, back-ticks, quotes and letters of other alphabets",
    `class Rel(StructuredRel):
    a = StringProperty(index=True, db_property="it's \\"a\\" \`b\`")

class Straße(StructuredNode):
    __label__ = "Große \`Straße\`"
    größe = StringProperty(unique_index=True, db_property="größe in m²")
    back = StringProperty(index=True, db_property="back\\\\slash")
    text = StringProperty(fulltext_index=FulltextIndex(analyzer="english"), db_property="a b")
    rel = RelationshipTo("Straße", "GOES TO 'X'", model=Rel)
`,
  ),
  one(
    "full-text and vector indexes on nodes and relationships",
    `class Rel(StructuredRel):
    t = StringProperty(fulltext_index=FulltextIndex(eventually_consistent=True))
    v = ArrayProperty(FloatProperty(), vector_index=VectorIndex(8, "euclidean"))
    u = StringProperty(unique_index=True, fulltext_index=FulltextIndex("english"))

class Node(StructuredNode):
    t = StringProperty(index=True, fulltext_index=FulltextIndex())
    v = ArrayProperty(FloatProperty(), vector_index=VectorIndex())
    rel = RelationshipTo("Node", "R", model=Rel)
`,
  ),
  one(
    "semi-structured nodes and points",
    `from neomodel.contrib import SemiStructuredNode
from neomodel.contrib.spatial_properties import PointProperty

class Node(SemiStructuredNode):
    a = StringProperty(index=True)
    p = PointProperty(unique_index=True, crs="wgs-84")
`,
  ),
  one(
    "positional arguments",
    `class Node(StructuredNode):
    a = StringProperty({"x": "X", "y": "Y"})
    b = StringProperty(None, 20, unique_index=True)
    c = IntegerProperty("given", None, True)
    d = DateTimeProperty(True, index=True)
    e = DateTimeFormatProperty(False, "%d.%m.%Y", index=True)
    f = JSONProperty(False, "f", None, False, True)
    g = FloatProperty(default=1.)
    h = RegexProperty(r"\\d{4}", index=True)
    i = EmailProperty(unique_index=True)
    j = AliasProperty("b")
    to = RelationshipTo("Node", "T", One)
`,
  ),
  one(
    "own property classes",
    `class Name(StringProperty):
    index = True

class Code(RegexProperty):
    expression = r"[A-Z]+"

class Node(StructuredNode):
    a = Name()
    b = Name(index=True)
    c = Code(unique_index=True)
`,
  ),
  one(
    "one class name twice in a file",
    `class Node(StructuredNode):
    a = StringProperty(index=True)

First = Node

class Node(StructuredNode):
    b = StringProperty(index=True)
`,
  ),
  one(
    "a class in a function with the name of one of the module",
    `class Node(StructuredNode):
    a = StringProperty(index=True)

def test():
    class Node(StructuredNode):
        b = StringProperty(index=True)
`,
  ),
  one(
    "nested classes",
    `class Node(StructuredNode):
    class Rel(StructuredRel):
        since = IntegerProperty(index=True)

    a = StringProperty(index=True)
    rel = RelationshipTo("Node", "T", model=Rel)

class Other(StructuredNode):
    rel = RelationshipFrom(Node, "T", model=Node.Rel)
`,
  ),
  {
    name: "one class name in two files",
    files: {
      "a.py": ALL + "class Node(StructuredNode):\n    a = StringProperty(index=True)\n",
      "b.py": ALL + "class Node(StructuredNode):\n    b = StringProperty(unique_index=True)\n",
    },
  },
  {
    name: "a subclass with its parent's name in another file",
    files: {
      "a.py": ALL + "class Node(StructuredNode):\n    a = StringProperty(index=True)\n",
      "b.py": ALL +
        "from models.a import Node as Base\n\nclass Node(Base):\n    b = StringProperty(unique_index=True)\n",
    },
  },
  {
    name: "a package with relative targets",
    files: {
      "__init__.py": ALL +
        'from .a import A\n\nclass Root(StructuredNode):\n    a = RelationshipTo(".a.A", "T")\n',
      "a.py": ALL +
        'class A(StructuredNode):\n    a = StringProperty(index=True)\n    root = RelationshipTo(".Root", "T")\n    b = RelationshipTo("models.sub.b.B", "U")\n',
      "sub/__init__.py": "",
      "sub/b.py": ALL +
        'class B(StructuredNode):\n    a = RelationshipTo("..a.A", "T")\n    c = RelationshipTo(".c.C", "V")\n',
      "sub/c.py": ALL + "class C(StructuredNode):\n    c = StringProperty(unique_index=True)\n",
    },
  },
];

/** neomodel takes these, and only running them tells the schema: crochet says so, and guesses nothing. */
export const UNKNOWN: ModelCase[] = [
  one(
    "an own property class with a setup that changes it",
    `class Name(StringProperty):
    def setup(self):
        self.index = True

class Node(StructuredNode):
    a = Name()
`,
  ),
  one(
    "an own property class with options of its own",
    `class Name(StringProperty):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, unique_index=True, **kwargs)

class Node(StructuredNode):
    a = Name()
`,
  ),
  one(
    "a property that a function makes",
    `def key():
    return StringProperty(unique_index=True)

class Node(StructuredNode):
    a = key()
`,
  ),
  one(
    "a property made with functools.partial",
    `from functools import partial

Key = partial(StringProperty, unique_index=True)

class Node(StructuredNode):
    a = Key()
`,
  ),
  one(
    "a class decorator that adds a property",
    `def keyed(cls):
    cls.key = StringProperty(unique_index=True)
    return cls

@keyed
class Node(StructuredNode):
    a = StringProperty(index=True)
`,
  ),
  one(
    "a base class that a function gives",
    `def base():
    return StructuredNode

class Node(base()):
    a = StringProperty(index=True)
`,
  ),
  one(
    "__init_subclass__ that adds a property",
    `class Base(StructuredNode):
    __abstract_node__ = True

    def __init_subclass__(cls):
        cls.key = StringProperty(unique_index=True)

class Node(Base):
    a = StringProperty(index=True)
`,
  ),
  one(
    "locals() in a class body",
    `class Node(StructuredNode):
    for name in ("a", "b"):
        locals()[name] = StringProperty(index=True)
`,
  ),
];

/** neomodel refuses these when they are imported; crochet says `neomodel-refuses`. */
export const REFUSED: ModelCase[] = [
  one("a property named id", "class Node(StructuredNode):\n    id = StringProperty()\n"),
  one("a method named deleted", "class Node(StructuredNode):\n    def deleted(self):\n        pass\n"),
  one("a relationship property named source", "class Rel(StructuredRel):\n    source = StringProperty()\n"),
  one(
    "index with unique_index",
    "class Node(StructuredNode):\n    a = StringProperty(index=True, unique_index=True)\n",
  ),
  one(
    "required with default",
    "class Node(StructuredNode):\n    a = BooleanProperty(required=True, default=False)\n",
  ),
  one(
    "choices with max_length",
    'class Node(StructuredNode):\n    a = StringProperty({"a": "A"}, max_length=3)\n',
  ),
  one(
    "choices that make no dict",
    'class Node(StructuredNode):\n    a = StringProperty(choices=["ab", "c"])\n',
  ),
  one(
    "a unique identifier with an index",
    "class Node(StructuredNode):\n    a = UniqueIdProperty(index=False)\n",
  ),
  one(
    "a nested array",
    "class Node(StructuredNode):\n    a = ArrayProperty(ArrayProperty(StringProperty()))\n",
  ),
  one(
    "an indexed array element",
    "class Node(StructuredNode):\n    a = ArrayProperty(StringProperty(index=True))\n",
  ),
  one(
    "a point without crs",
    "from neomodel.contrib.spatial_properties import PointProperty\n\nclass Node(StructuredNode):\n    a = PointProperty()\n",
  ),
  one(
    "a relationship model in quotes",
    'class Rel(StructuredRel):\n    pass\n\nclass Node(StructuredNode):\n    a = RelationshipTo("Node", "T", model="Rel")\n',
  ),
  one("a relationship without a type", 'class Node(StructuredNode):\n    a = RelationshipTo("Node")\n'),
  one(
    "a relationship with a strange argument",
    'class Node(StructuredNode):\n    a = RelationshipTo("Node", "T", index=True)\n',
  ),
  one(
    "two unrelated models of one type",
    `class A(StructuredRel):
    pass

class B(StructuredRel):
    pass

class Node(StructuredNode):
    a = RelationshipTo("Node", "T", model=A)
    b = RelationshipTo("Node", "T", model=B)
`,
  ),
  {
    name: "two unrelated models of one type in two files",
    files: {
      "a.py": ALL +
        'class A(StructuredRel):\n    pass\n\nclass Node(StructuredNode):\n    a = RelationshipTo("Node", "T", model=A)\n',
      "b.py": ALL +
        'class B(StructuredRel):\n    pass\n\nclass Other(StructuredNode):\n    a = RelationshipTo("Other", "T", model=B)\n',
    },
  },
  one(
    "an overridden definition with an unrelated model",
    `class A(StructuredRel):
    pass

class B(StructuredRel):
    pass

class Node(StructuredNode):
    a = RelationshipTo("Node", "T", model=A)

class Child(Node):
    a = RelationshipTo("Node", "T", model=B)
`,
  ),
  one(
    "bases without a consistent order",
    "class A(StructuredNode):\n    pass\n\nclass B(A):\n    pass\n\nclass C(A, B):\n    pass\n",
  ),
  one(
    "an abstract mixin",
    "class Mixin:\n    __abstract_node__ = True\n\nclass Node(Mixin, StructuredNode):\n    a = StringProperty()\n",
  ),
];

/**
 * neomodel imports these and its install stops half-way. `crochet` tells what is expected: "applies" where one graph
 * can hold everything that is declared (under another name), "refuses" where none can.
 */
export const HALF: (ModelCase & { crochet: "applies" | "refuses" })[] = [
  {
    ...one(
      "two objects with one name",
      'class A(StructuredNode):\n    b_c = StringProperty(index=True)\n\nclass AB(StructuredNode):\n    __label__ = "A_b"\n    c = StringProperty(index=True)\n',
    ),
    crochet: "applies",
  },
  {
    ...one(
      "a label that is a type too",
      'class Rel(StructuredRel):\n    a = StringProperty(unique_index=True)\n\nclass T(StructuredNode):\n    a = StringProperty(unique_index=True)\n    r = RelationshipTo("T", "T", model=Rel)\n',
    ),
    crochet: "applies",
  },
  {
    ...one(
      "one property with an index and a constraint",
      'class A(StructuredNode):\n    __label__ = "X"\n    a = StringProperty(index=True)\n\nclass B(StructuredNode):\n    __label__ = "X"\n    a = StringProperty(unique_index=True)\n',
    ),
    crochet: "refuses",
  },
  {
    ...one(
      "an unknown analyzer",
      'class A(StructuredNode):\n    a = StringProperty(fulltext_index=FulltextIndex(analyzer="no-such"))\n',
    ),
    crochet: "refuses",
  },
];

/** Changes of a file of the distribution, made in a project whose classes have kgids. */
export interface EditCase {
  path: string;
  /** Texts that change, everywhere in the file; a class name changes as a whole word only. */
  edits: [from: string | RegExp, to: string][];
  /** Nodes that stand in the graph before, and what they are after. */
  data: string[];
  after: string[];
}

/** Each file gets an added property with an index, a renamed class, and an index that turns unique or back. */
export const EDITS: EditCase[] = [
  {
    path: "test/diagram_classes.py",
    edits: [
      [/\bAuthor\b/g, "Writer"],
      ["    name = StringProperty(index=True)\n", "    name = StringProperty(unique_index=True)\n"],
      [
        "    number_of_words = IntegerProperty()\n",
        "    number_of_words = IntegerProperty(index=True)\n    shelf = StringProperty(index=True)\n",
      ],
      [
        "    order = IntegerProperty(required=True, indexed=True)\n",
        "    order = IntegerProperty(required=True, index=True)\n",
      ],
    ],
    data: ["(:Author {name: 'a'})"],
    after: ['node {"labels":["Writer"],"p":{"name":"a"}}'],
  },
  {
    path: "test/sync_/test_label_install.py",
    edits: [
      [/\bNodeWithIndex\b/g, "NodeWithKey"],
      ["    name = StringProperty(index=True)\n", "    name = StringProperty(unique_index=True)\n"],
      [
        "    indexed_rel_prop = StringProperty(index=True)\n",
        '    indexed_rel_prop = StringProperty(unique_index=True)\n    note = StringProperty(fulltext_index=FulltextIndex(analyzer="english"))\n',
      ],
      [
        '    id_ = UniqueIdProperty(db_property="id")\n',
        '    id_ = UniqueIdProperty(db_property="id")\n    vector = ArrayProperty(FloatProperty(), vector_index=VectorIndex(4, "euclidean"))\n',
      ],
      ['"INDEXED_REL"', '"LINKED"'],
    ],
    data: [
      "(:NodeWithIndex {name: 'a'})",
      "(:OtherNodeWithRelationship)-[:INDEXED_REL {indexed_rel_prop: 'x'}]->(:NodeWithRelationship)",
    ],
    after: [
      'node {"labels":["NodeWithKey"],"p":{"name":"a"}}',
      'node {"labels":["NodeWithRelationship"],"p":{}}',
      'node {"labels":["OtherNodeWithRelationship"],"p":{}}',
      'relationship {"a":{},"b":{},"p":{"indexed_rel_prop":"x"},"type":"LINKED"}',
    ],
  },
  {
    path: "test/sync_/test_issue283.py",
    edits: [
      [/\bBasePerson\b/g, "Human"],
      [
        "    name = StringProperty(required=True, unique_index=True)\n",
        "    name = StringProperty(required=True, index=True)\n    height = FloatProperty(default=1.5, index=True)\n",
      ],
      [
        "    expertise = StringProperty(required=True)\n",
        '    expertise = StringProperty(required=True, db_property="field")\n',
      ],
    ],
    data: ["(:BasePerson:TechnicalPerson {name: 'a', expertise: 'b'})", "(:BasePerson {name: 'c'})"],
    after: [
      'node {"labels":["Human","TechnicalPerson"],"p":{"field":"b","height":1.5,"name":"a"}}',
      'node {"labels":["Human"],"p":{"height":1.5,"name":"c"}}',
    ],
  },
  {
    path: "test/async_/test_batch.py",
    edits: [
      [/\bCustomer\b/g, "Client"],
      [
        "    email = StringProperty(unique_index=True, required=True)\n    age = IntegerProperty(index=True)\n",
        "    email = StringProperty(index=True, required=True)\n    age = IntegerProperty(unique_index=True)\n    rank = IntegerProperty(index=True, default=3)\n",
      ],
    ],
    data: ["(:Customer {email: 'a', age: 1})"],
    after: ['node {"labels":["Client"],"p":{"age":1,"email":"a","rank":3}}'],
  },
  {
    path: "test/sync_/test_match_api.py",
    edits: [
      [/\bPersonX\b/g, "HumanX"],
      [/\bCountryX\b/g, "PersonX"],
      [
        "    age = IntegerProperty(index=True, default=0)\n",
        "    age = IntegerProperty(unique_index=True)\n    mail = EmailProperty(index=True)\n",
      ],
      ["    IntegerProperty,\n", "    EmailProperty,\n    IntegerProperty,\n"],
    ],
    data: ["(:PersonX {name: 'a', age: 1})", "(:CountryX {code: 'c'})"],
    after: [
      'node {"labels":["HumanX"],"p":{"age":1,"name":"a"}}',
      'node {"labels":["PersonX"],"p":{"code":"c"}}',
    ],
  },
];

/** Changes that lose something: they apply, and are not reverted. */
export const REMOVALS: EditCase[] = [
  {
    path: "test/diagram_classes.py",
    edits: [
      ["    unique_prop = StringProperty(unique_index=True)\n    title", "    title"],
      ["    publication_date = DateProperty()\n", ""],
    ],
    data: ["(:Document {title: 't', unique_prop: 'u', publication_date: '2020-01-01'})"],
    after: ['node {"labels":["Document"],"p":{"title":"t"}}'],
  },
];
