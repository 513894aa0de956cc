"""The judge: imports models with the real neomodel, tells what it sees, and lets it install their schema.

Reads one JSON request per line and answers each with one JSON line. Every request runs in a process of its own,
forked after neomodel was imported, so that no class of one file is left for the next.

    {"do": "look", "root": folder, "modules": [names], "together": false}   what neomodel sees in each module
    {"do": "install", "root": folder, "modules": [names]}  install_all_labels() after importing all of them
    {"do": "statements", "root": folder, "modules": [names]}  what install_all_labels() would send, without a server
    {"do": "compile", "files": [paths]}                    the files that Python cannot compile

Connects to CROCHET_TEST_URI. Modules are looked for in `root` first.
"""

import asyncio
import importlib
import io
import json
import os
import signal
import sys
import traceback
import warnings

warnings.simplefilter("ignore")

import neomodel  # noqa: E402
import neomodel.contrib  # noqa: E402
from neomodel import (  # noqa: E402
    AsyncStructuredNode,
    AsyncStructuredRel,
    StructuredNode,
    StructuredRel,
    adb,
    db,
)
from neomodel.properties import AliasProperty  # noqa: E402
from neomodel.sync_.relationship_manager import RelationshipDefinition  # noqa: E402

try:
    import django
    from django.conf import settings

    settings.configure(INSTALLED_APPS=[])
    django.setup()
except ImportError:
    pass

for helper in ("pytest", "pytest_asyncio", "numpy", "pandas", "shapely"):
    try:
        importlib.import_module(helper)
    except ImportError:
        pass

PARALLEL = 4
LIMIT_SECONDS = 60
DIRECTIONS = {1: "to", -1: "from", 0: "either"}


def url():
    scheme, rest = os.environ["CROCHET_TEST_URI"].split("://", 1)
    return f"{scheme}://neo4j:{os.environ.get('CROCHET_TEST_PASSWORD', 'crochet-scratch')}@{rest}"


def subclasses(base):
    found = []
    for cls in base.__subclasses__():
        found += [cls, *subclasses(cls)]
    return list(dict.fromkeys(found))


def own(classes, root):
    """The classes that a file of the project defines."""
    for cls in classes:
        module = sys.modules.get(cls.__module__)
        path = os.path.realpath(getattr(module, "__file__", None) or "/")
        if path.startswith(os.path.realpath(root) + os.sep):
            yield cls


def qualified(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


def plain(value):
    """The value where JSON has it too, else its text."""
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def property_of(name, prop):
    base = next(
        c.__name__ for c in type(prop).__mro__ if c.__module__.split(".")[0] == "neomodel"
    )
    alias = isinstance(prop, AliasProperty)
    choices = None if alias else getattr(prop, "choices", None)
    fulltext = getattr(prop, "fulltext_index", None)
    vector = getattr(prop, "vector_index", None)
    return {
        "name": name,
        "property": name if alias else prop.get_db_property_name(name),
        "type": base,
        "required": False if alias else bool(prop.required),
        "uniqueIndex": False if alias else bool(prop.unique_index),
        "index": False if alias else bool(prop.index),
        "fulltextIndex": {
            "analyzer": fulltext.analyzer,
            "eventuallyConsistent": fulltext.eventually_consistent,
        }
        if fulltext
        else None,
        "vectorIndex": {
            "dimensions": vector.dimensions,
            "similarityFunction": vector.similarity_function,
        }
        if vector
        else None,
        "hasDefault": bool(getattr(prop, "has_default", False)),
        "choices": sorted([plain(key) for key in dict(choices)], key=str) if choices else None,
        "maxLength": getattr(prop, "max_length", None),
        "format": getattr(prop, "format", None) if base == "DateTimeFormatProperty" else None,
        "expression": getattr(prop, "expression", None)
        if base in ("RegexProperty", "EmailProperty")
        else None,
    }


def relationship_of(name, rel):
    raw = rel._raw_class
    try:
        rel.lookup_node_class()
        target = rel.definition["node_class"]
    except Exception:
        target = None
    model = rel.definition["model"]
    return {
        "name": name,
        "type": rel.definition["relation_type"],
        "direction": DIRECTIONS[int(rel.definition["direction"])],
        "targetRaw": raw if isinstance(raw, str) else getattr(raw, "__qualname__", str(raw)),
        "target": qualified(target) if isinstance(target, type) else None,
        "cardinality": rel.manager.__name__.removeprefix("Async"),
        "model": qualified(model)
        if model not in (None, StructuredRel, AsyncStructuredRel)
        else None,
    }


def look(root):
    nodes = []
    types = {}
    for base, is_async in ((StructuredNode, False), (AsyncStructuredNode, True)):
        for cls in own(subclasses(base), root):
            rels = cls.defined_properties(properties=False, aliases=False).items()
            for _, rel in rels:
                if rel.definition["model"] and rel.definition["relation_type"] is not None:
                    types.setdefault(rel.definition["model"], set()).add(
                        rel.definition["relation_type"]
                    )
            nodes.append(
                {
                    "class": cls.__qualname__,
                    "module": cls.__module__,
                    "abstract": "__all_properties__" not in vars(cls),
                    "async": is_async,
                    "label": getattr(cls, "__label__", ""),
                    "labels": cls.inherited_labels(),
                    "optionalLabels": list(getattr(cls, "__optional_labels__", []))
                    if "__all_properties__" in vars(cls)
                    else None,
                    "properties": [
                        property_of(*item) for item in cls.defined_properties(rels=False).items()
                    ],
                    "relationships": [relationship_of(*item) for item in rels],
                }
            )
    models = [
        {
            "class": cls.__qualname__,
            "module": cls.__module__,
            "types": sorted(types.get(cls, ())) or [getattr(cls, "__type__", None)][: hasattr(cls, "__type__")],
            "properties": [property_of(*item) for item in cls.defined_properties(rels=False).items()],
        }
        for base in dict.fromkeys((StructuredRel, AsyncStructuredRel))
        for cls in own(subclasses(base), root)
    ]
    return {"nodes": nodes, "relationshipModels": models}


def install(root):
    db.set_connection(url=url())
    db.install_all_labels(stdout=io.StringIO())
    db.close_connection()
    if any(True for _ in own(subclasses(AsyncStructuredNode), root)):

        async def install_async():
            await adb.set_connection(url=url())
            await adb.install_all_labels(stdout=io.StringIO())
            await adb.close_connection()

        asyncio.run(install_async())


def statements(root):
    """What both databases would be sent, each statement once, in one line."""
    sent = set()

    def record(query, *args, **kwargs):
        sent.add(" ".join(query.split()).removesuffix(";").rstrip())
        return [], None

    async def record_async(query, *args, **kwargs):
        return record(query)

    async def yes_async(*args):
        return True

    for database, recorder, yes in ((db, record, lambda *args: True), (adb, record_async, yes_async)):
        schema = getattr(database, "_schema", database)
        for part in {id(p): p for p in (database, schema, getattr(schema, "db", database))}.values():
            part.version_is_higher_than = yes
        for part in (database, getattr(schema, "_query", database)):
            part.cypher_query = recorder
    db.install_all_labels(stdout=io.StringIO())
    asyncio.run(adb.install_all_labels(stdout=io.StringIO()))
    return {"statements": sorted(sent)}


def file_of(error, root):
    """The file of the project in which an error was raised, or whose text is no Python."""
    if isinstance(error, SyntaxError) and error.filename:
        return os.path.relpath(error.filename, root)
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    inner = [path for path in files if path.startswith(os.path.join(root, ""))]
    return os.path.relpath(inner[-1], root) if inner else None


def child(request, modules):
    root = request["root"]
    os.chdir(root)
    sys.path.insert(0, root)
    if "CROCHET_TEST_URI" in os.environ:
        os.environ["NEOMODEL_DATABASE_URL"] = url()
        if hasattr(neomodel, "get_config"):
            neomodel.get_config().database_url = url()
        else:
            neomodel.config.DATABASE_URL = url()
    try:
        for module in modules:
            importlib.import_module(module)
    except BaseException as error:  # pytest.skip() at module level is a BaseException
        return {"error": f"{type(error).__name__}: {error}", "file": file_of(error, root)}
    if request["do"] == "look":
        return look(root)
    if request["do"] == "statements":
        return statements(root)
    try:
        install(root)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {}


def fork(request, modules):
    """Starts a child; gives its id and the end of the pipe that its answer comes from."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    signal.alarm(LIMIT_SECONDS)
    try:
        answer = child(request, modules)
    except Exception:
        answer = {"error": f"the judge failed: {traceback.format_exc()}"}
    with os.fdopen(writing, "w") as pipe:
        json.dump(answer, pipe)
        pipe.flush()
    os._exit(0)


def collect(pid, reading):
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else {"error": f"no answer within {LIMIT_SECONDS} seconds"}


def compile_files(files):
    faults = []
    for path in files:
        try:
            with open(path, "rb") as file:
                compile(file.read(), path, "exec")
        except (SyntaxError, ValueError) as error:
            faults.append(f"{path}: {error}")
    return faults


def answer(request):
    if request["do"] == "compile":
        return compile_files(request["files"])
    if request["do"] in ("install", "statements"):
        return collect(*fork(request, request["modules"]))
    if request.get("together"):
        return collect(*fork(request, request["modules"]))
    results = []
    modules = request["modules"]
    for at in range(0, len(modules), PARALLEL):
        children = [fork(request, [module]) for module in modules[at : at + PARALLEL]]
        results += [collect(*c) for c in children]
    return results


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
