/**
 * Takes the modules and classes of a Python project and gives its neomodel models: nodes with their labels,
 * properties and relationships, relationship models, and the problems. The rules are neomodel's own (labels by
 * `mro()`, properties by the reversed MRO, presence of `__abstract_node__`); what cannot be known without running
 * Python is a problem with its place. Never runs Python, never needs a kgid.
 */
import {
  neomodelBase,
  neomodelName,
  type PropertyModel,
  propertyShapes,
  propertyType,
  readProperty,
} from "./neomodel_property.ts";
import type { Span } from "./python_syntax.ts";
import {
  type Attribute,
  type ClassValue,
  functionBody,
  type InstanceValue,
  methodResolutionOrder,
  type MroEntry,
  type PyValue,
  toData,
  type Where,
} from "./python_value.ts";
import type { PythonProblem, PythonWorld } from "./python_world.ts";
import { createStatement, schemaName, type SchemaObject, type SchemaShape, shapeKey } from "./schema.ts";
import { nearest } from "./text.ts";

/** A relationship as a node class declares it. */
export interface RelationshipModel {
  name: string;
  /** Relationship type; null where the model says None. */
  type: string | null;
  direction: "to" | "from" | "either";
  /** Qualified class name, or null where it is not found. */
  target: string | null;
  targetRaw: string;
  cardinality: string;
  /** Qualified class name of the relationship's model. */
  model: string | null;
  declaredIn: string;
}

/** What nodes and relationship models have in common. */
export interface ModelBase {
  kgid: string | null;
  class: string;
  module: string;
  file: string;
  line: number;
  properties: PropertyModel[];
}

/** A node class. */
export interface NodeModel extends ModelBase {
  label: string;
  /** Own label first, then the ancestors'. */
  labels: string[];
  optionalLabels: string[];
  abstract: boolean;
  async: boolean;
  relationships: RelationshipModel[];
}

/** A relationship's model class. */
export interface RelModel extends ModelBase {
  /** Types of the definitions that use the model; its own `__type__` where none does. */
  types: string[];
}

/** Everything that was read. */
export interface Models {
  nodes: NodeModel[];
  relationshipModels: RelModel[];
  schema: (SchemaObject & { cypher: string })[];
  problems: PythonProblem[];
}

/** Where the source of a class is, for those who add a line to it. */
export interface ClassSource {
  cls: ClassValue;
  abstract: boolean;
}

const NODE_BASES = new Set([
  "StructuredNode",
  "AsyncStructuredNode",
  "SemiStructuredNode",
  "AsyncSemiStructuredNode",
  "DjangoNode",
]);
const REL_BASES = new Set(["StructuredRel", "AsyncStructuredRel"]);
const DEFINITIONS: Record<string, "to" | "from" | "either"> = {
  RelationshipTo: "to",
  RelationshipFrom: "from",
  Relationship: "either",
  AsyncRelationshipTo: "to",
  AsyncRelationshipFrom: "from",
  AsyncRelationship: "either",
};
const DEFINITION_NAMES = new Set(Object.keys(DEFINITIONS));
const DEFINITION_ARGS = ["cls_name", "relation_type", "cardinality", "model", "exclusion_group"];
const HARMLESS_LIBRARIES = new Set([
  "builtins",
  "abc",
  "typing",
  "typing_extensions",
  "enum",
  "collections",
  "dataclasses",
]);
const RESERVED = ["deleted", "id", "element_id"];

/** Names that `from neomodel import *` brings, as far as models use them. */
export const NEOMODEL_STAR: readonly string[] = [
  ...NODE_BASES,
  ...REL_BASES,
  ...DEFINITION_NAMES,
  ..."AliasProperty ArrayProperty BooleanProperty DateProperty DateTimeFormatProperty DateTimeNeo4jFormatProperty DateTimeProperty EmailProperty FloatProperty FulltextIndex IntegerProperty JSONProperty NormalizedProperty RegexProperty StringProperty UniqueIdProperty VectorIndex One OneOrMore ZeroOrMore ZeroOrOne AsyncOne AsyncOneOrMore AsyncZeroOrMore AsyncZeroOrOne Q db adb config DoesNotExist UniqueProperty"
    .split(" "),
].filter((name) => !name.includes("SemiStructured") && name !== "DjangoNode");

/** Options of the reading. */
export interface ReadOptions {
  /** Class names (`Person` or `models.person.Person`) that are left out, with their problems. */
  ignore?: string[];
}

/** Reads all models of the project. */
export function readModels(world: PythonWorld, options: ReadOptions = {}): Models {
  return new ModelReader(world, new Set(options.ignore ?? [])).read();
}

/** The classes that need a kgid: concrete nodes and relationship models, in the order of their files. */
export function modelClasses(world: PythonWorld, options: ReadOptions = {}): ClassSource[] {
  const ignore = new Set(options.ignore ?? []);
  return world.classes.filter((cls) => !isIgnored(cls, ignore))
    .filter((cls) => neomodelBase(cls, NODE_BASES) || neomodelBase(cls, REL_BASES))
    .map((cls) => ({ cls, abstract: isAbstract(cls) }));
}

/** `module.Class`, as problems, targets and `[models] ignore` name it. */
export function qualifiedName(cls: ClassValue): string {
  return `${cls.module.name}.${cls.qualname}`;
}

function isIgnored(
  cls: { name: string; qualname?: string; module?: { name: string } },
  ignore: Set<string>,
): boolean {
  return ignore.has(cls.name) ||
    (cls.module !== undefined && ignore.has(`${cls.module.name}.${cls.qualname}`));
}

/** Presence counts, whatever the value: `__abstract_node__ = False` is abstract too. */
function isAbstract(cls: ClassValue): boolean {
  return cls.attributes.has("__abstract_node__");
}

class ModelReader {
  private readonly problems: PythonProblem[];
  private readonly relModels = new Map<ClassValue, RelModel>();
  private readonly typesOfModel = new Map<ClassValue, Set<string>>();
  private readonly modelOfType = new Map<string, ClassValue>();
  private readonly shapes: SchemaShape[] = [];
  private readonly told = new Set<string>();

  constructor(private readonly world: PythonWorld, private readonly ignore: Set<string>) {
    this.problems = [...world.problems];
  }

  read(): Models {
    const classes = this.world.classes.filter((cls) => !isIgnored(cls, this.ignore));
    const nodes: NodeModel[] = [];
    for (const cls of classes) {
      if (neomodelBase(cls, REL_BASES)) this.relModels.set(cls, this.readRelModel(cls));
    }
    for (const cls of classes) {
      if (this.isUndecided(cls)) continue;
      if (neomodelBase(cls, NODE_BASES)) nodes.push(this.readNode(cls));
    }
    for (const [cls, model] of this.relModels) {
      const types = this.typesOfModel.get(cls);
      const own = cls.attributes.get("__type__")?.value;
      if (types) {
        model.types = [...types].sort();
        if (own?.kind === "str" && !types.has(own.value)) {
          this.report(
            cls.where,
            "warning",
            "type-mismatch",
            `${cls.name} says __type__ = "${own.value}", but its definitions use ${model.types.join(", ")}`,
            "neomodel ignores __type__; the definition decides",
          );
        }
      } else model.types = own?.kind === "str" ? [own.value] : [];
    }
    this.findHidden();
    const order = (a: ModelBase, b: ModelBase) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line;
    const problems = this.problems.sort((a, b) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column
    );
    return {
      nodes: nodes.sort(order),
      relationshipModels: [...this.relModels.values()].sort(order),
      schema: this.schema(nodes),
      problems,
    };
  }

  /** The objects that neomodel installs, under neomodel's names. */
  private schema(nodes: NodeModel[]): (SchemaObject & { cypher: string })[] {
    for (const node of nodes) {
      if (node.abstract && !node.label) continue;
      this.shapes.push(...propertyShapes("node", node.label, node.properties));
    }
    this.findConflicts(nodes);
    const seen = new Map<string, SchemaObject & { cypher: string }>();
    for (const shape of this.shapes) {
      const object = { ...shape, name: schemaName(shape) };
      const cypher = createStatement(object);
      seen.set(cypher, { ...object, cypher });
    }
    return [...seen.values()].sort((a, b) => (a.cypher < b.cypher ? -1 : 1));
  }

  /** One label and property cannot have an index and be unique: no server holds both. */
  private findConflicts(nodes: NodeModel[]): void {
    const unique = new Set(
      this.shapes.filter((shape) => shape.kind === "unique").map((shape) =>
        shapeKey({ ...shape, kind: "index" })
      ),
    );
    for (const shape of this.shapes) {
      if (shape.kind !== "index" || !unique.has(shapeKey(shape))) continue;
      const owner = nodes.find((node) => node.label === shape.labelOrType) ?? nodes[0];
      const message = `${shape.labelOrType}.${
        shape.properties[0]
      } has an index in one class and is unique in another, which Neo4j refuses`;
      if (this.told.has(message)) continue;
      this.told.add(message);
      this.problems.push({
        severity: "error",
        code: "schema-conflict",
        message,
        hint: "give both the same option",
        file: owner.file,
        line: owner.line,
        column: 1,
      });
    }
  }

  private base(cls: ClassValue): ModelBase {
    const line = this.world.problemAt({ module: cls.module, span: cls.nameSpan }, {
      severity: "error",
      code: "",
      message: "",
    }).line;
    return {
      kgid: this.kgid(cls),
      class: cls.qualname,
      module: cls.module.name,
      file: cls.module.path,
      line,
      properties: [],
    };
  }

  private kgid(cls: ClassValue): string | null {
    const own = cls.attributes.get("__kgid__");
    if (!own) return null;
    if (own.value.kind === "str" && own.value.value !== "") return own.value.value;
    this.report(
      own.where,
      "error",
      "kgid-unknown",
      `the __kgid__ of ${cls.name} is no string that can be known`,
      `write it out: __kgid__ = "..."`,
    );
    return null;
  }

  private readNode(cls: ClassValue): NodeModel {
    const order = this.order(cls);
    const abstract = isAbstract(cls);
    this.checkClass(cls, order);
    const base = this.base(cls);
    const properties = this.readProperties(cls, order, base);
    const optional = cls.attributes.get("__optional_labels__")?.value;
    const labels = order.flatMap((entry) =>
      entry.kind === "class" ? labelOf(entry, this.order(entry)) ?? [] : []
    );
    if (!abstract) {
      for (const name of RESERVED) {
        const reserved = cls.attributes.get(name);
        if (reserved) {
          this.report(
            reserved.where,
            "error",
            "neomodel-refuses",
            `neomodel refuses ${cls.name}: the name "${name}" is reserved`,
            "choose another name, with db_property where the stored name must stay",
          );
        }
      }
    }
    return {
      ...base,
      label: labels[0] ?? "",
      labels,
      optionalLabels: optional ? (toData(optional) as string[] | undefined) ?? [] : [],
      abstract,
      async: /^Async/.test(neomodelBase(cls, NODE_BASES) ?? ""),
      properties,
      relationships: this.readRelationships(cls, order, abstract),
    };
  }

  private readRelModel(cls: ClassValue): RelModel {
    const base = this.base(cls);
    const order = this.order(cls);
    this.checkClass(cls, order);
    const properties = this.readProperties(cls, order, base);
    for (const name of ["source", "target", "id", "element_id"]) {
      const own = cls.attributes.get(name);
      if (own && propertyType(own.value)) {
        this.report(
          own.where,
          "error",
          "neomodel-refuses",
          `neomodel refuses ${cls.name}: the name "${name}" is reserved`,
          "choose another name",
        );
      }
    }
    return { ...base, properties, types: [] };
  }

  private order(cls: ClassValue): MroEntry[] {
    return methodResolutionOrder(cls) ?? [cls];
  }

  private checkClass(cls: ClassValue, order: MroEntry[]): void {
    const at = { module: cls.module, span: cls.nameSpan };
    if (!methodResolutionOrder(cls)) {
      this.report(
        at,
        "error",
        "neomodel-refuses",
        `Python refuses ${cls.name}: its bases have no consistent order`,
        "reorder the bases",
      );
    }
    for (const entry of order) {
      if (entry.kind !== "class") continue;
      const strange = entry.bases.find((base) => base.kind !== "class" && base.kind !== "external");
      if (strange) {
        const why = strange.kind === "unknown" ? strange.why : "it is made at run time";
        this.report(
          at,
          "error",
          "base-unknown",
          `a base of ${entry.name} cannot be known without running Python: ${why}`,
          `name the base class plainly, or add "${cls.name}" to [models] ignore`,
        );
      }
      for (const name of ["__label__", "__optional_labels__"]) {
        const own = entry.attributes.get(name);
        if (!own || (name === "__label__" ? own.value.kind === "str" : toData(own.value) !== undefined)) {
          continue;
        }
        this.reportOnce(own.where, {
          severity: "error",
          code: "label-unknown",
          message: `the ${name} of ${entry.name} cannot be known without running Python`,
          hint: name === "__label__" ? "write it as a string" : "write it as a list of strings",
        });
      }
      if (entry.attributes.has("__abstract_node__") && !neomodelBase(entry, NODE_BASES)) {
        this.reportOnce(at, {
          severity: "error",
          code: "neomodel-refuses",
          message: `neomodel refuses ${cls.name}: ${entry.name} has __abstract_node__ and is no node`,
          hint: "remove it: a mixin needs no mark",
        });
      }
      const changer = entry.decorators.find(mayChange);
      const hook = entry !== cls && entry.attributes.has("__init_subclass__");
      if (changer || hook) {
        this.reportOnce(at, {
          severity: "error",
          code: "made-at-run-time",
          message: `${entry.name} has ${
            changer ? "a decorator" : "an __init_subclass__"
          }, which may change ${cls.name}`,
          hint: `write its attributes into the class, or add "${cls.name}" to [models] ignore`,
        });
      }
      this.checkMadeAttributes(cls, entry);
      if (entry.keywords.has("metaclass")) {
        this.report(
          at,
          "error",
          "metaclass",
          `${entry.name} has a metaclass of its own, which may change the class`,
          `remove it, or add "${cls.name}" to [models] ignore`,
        );
      }
    }
    if (cls.conditional) {
      this.report(
        at,
        "error",
        "conditional-class",
        `${cls.name} exists only under a condition that cannot be known`,
        `define it without the condition, or add "${cls.name}" to [models] ignore`,
      );
    }
  }

  /** Attributes that a function of the project made, or a write into `locals()`: they may be properties. */
  private checkMadeAttributes(cls: ClassValue, entry: ClassValue): void {
    for (const [name, { value, where }] of entry.attributes) {
      const maker = value.kind === "unknown" && value.of?.kind === "function" ? value.of : undefined;
      const made = maker !== undefined &&
        /\w*(Property|Relationship(To|From)?)\s*\(/.test(functionBody(maker));
      const changed = name === "<changed at run time>" && value.kind === "instance" &&
        value.callee.kind === "external" &&
        /^builtins\.(locals|vars|globals)$/.test(value.callee.path);
      if (!made && !changed) continue;
      this.reportOnce(where, {
        severity: "error",
        code: "made-at-run-time",
        message: changed
          ? `attributes of ${entry.name} are made at run time`
          : `"${name}" of ${entry.name} is made by a function, which is not run`,
        hint: `write the property into the class, or add "${cls.name}" to [models] ignore`,
      });
    }
  }

  /** A class with neomodel properties whose bases are not known to be or not to be nodes: reported, not dropped. */
  private isUndecided(cls: ClassValue): boolean {
    if (neomodelBase(cls, NODE_BASES) || neomodelBase(cls, REL_BASES)) return false;
    const declares =
      ["__kgid__", "__label__", "__abstract_node__"].some((name) => cls.attributes.has(name)) ||
      [...cls.attributes.values()].some(({ value }) => propertyType(value) || this.definitionOf(value));
    if (!declares) return false;
    const order = this.order(cls);
    const doubtful = order.find((entry) =>
      entry.kind === "external" && !HARMLESS_LIBRARIES.has(entry.path.split(".")[0]) && !neomodelName(entry)
    );
    const unknownBase = order.some((entry) =>
      entry.kind === "class" && entry.bases.some((base) => base.kind !== "class" && base.kind !== "external")
    );
    if (!doubtful && !unknownBase) return false;
    const what = doubtful?.kind === "external"
      ? `comes from "${doubtful.path}", which is not in the project`
      : "cannot be known without running Python";
    this.report(
      { module: cls.module, span: cls.nameSpan },
      "error",
      "base-unknown",
      `${cls.name} looks like a model, but a base of it ${what}`,
      `name the folder that holds it with [models] roots, or add "${cls.name}" to [models] ignore`,
    );
    return true;
  }

  private readProperties(cls: ClassValue, order: MroEntry[], base: ModelBase): PropertyModel[] {
    const merged = new Map<string, PropertyModel>();
    for (const entry of [...order].reverse()) {
      if (entry.kind !== "class") continue;
      for (const [name, attribute] of entry.attributes) {
        const type = propertyType(attribute.value);
        if (!type) {
          if (entry === cls) this.checkSilentMistake(name, attribute);
          continue;
        }
        const call = attribute.value as InstanceValue;
        const { property, problems } = readProperty(name, call, type, `${base.module}.${base.class}`);
        property.declaredIn = qualifiedName(entry);
        // Problems are told once, at the class that declares the property.
        if (entry === cls || !this.isModel(entry)) {
          for (const problem of problems) {
            this.reportOnce({ module: call.where.module, span: problem.span }, problem);
          }
        }
        merged.set(name, property);
      }
    }
    return [...merged.values()];
  }

  private isModel(cls: ClassValue): boolean {
    return (neomodelBase(cls, NODE_BASES) ?? neomodelBase(cls, REL_BASES)) !== undefined;
  }

  /** `a = StringProperty(),` makes a tuple and `a = StringProperty` a class: neomodel sees no property. */
  private checkSilentMistake(name: string, attribute: Attribute): void {
    const { value } = attribute;
    if (
      value.kind === "sequence" && value.of === "tuple" && value.items.length === 1 &&
      propertyType(value.items[0])
    ) {
      this.report(
        attribute.where,
        "warning",
        "no-property",
        `"${name}" is a tuple and no property: a comma stands after it`,
        "remove the comma",
      );
    } else if (
      (value.kind === "external" || value.kind === "class") &&
      neomodelBase(value, new Set(["Property", ...PROPERTY_NAMES]))
    ) {
      this.report(
        attribute.where,
        "warning",
        "no-property",
        `"${name}" is a property class that is not called`,
        `write ${name} = ${value.kind === "class" ? value.name : neomodelName(value)}()`,
      );
    }
  }

  private definitionOf(value: PyValue): string | undefined {
    return value.kind === "instance" ? neomodelBase(value.callee, DEFINITION_NAMES) : undefined;
  }

  private readRelationships(cls: ClassValue, order: MroEntry[], abstract: boolean): RelationshipModel[] {
    const merged = new Map<string, RelationshipModel>();
    for (const entry of [...order].reverse()) {
      if (entry.kind !== "class") continue;
      for (const [name, attribute] of entry.attributes) {
        const definition = this.definitionOf(attribute.value);
        if (definition && /^Async/.test(definition) !== /^Async/.test(neomodelBase(cls, NODE_BASES) ?? "")) {
          this.reportOnce(attribute.where, {
            severity: "warning",
            code: "definition-ignored",
            message: `neomodel does not see "${name}" on ${cls.name}: one of the two is async`,
            hint: `write ${/^Async/.test(definition) ? definition.slice(5) : "Async" + definition}`,
          });
        } else if (definition) {
          merged.set(
            name,
            this.readRelationship(name, attribute.value as InstanceValue, definition, entry, cls, abstract),
          );
        }
      }
    }
    return [...merged.values()];
  }

  private readRelationship(
    name: string,
    call: InstanceValue,
    definition: string,
    entry: ClassValue,
    cls: ClassValue,
    abstract: boolean,
  ): RelationshipModel {
    const report = (severity: "error" | "warning", code: string, message: string, hint?: string) =>
      this.reportOnce(call.where, { severity, code, message, hint });
    const get = (option: string): PyValue | undefined =>
      call.keywords.get(option)?.value ?? call.args[DEFINITION_ARGS.indexOf(option)];
    for (const [option] of call.keywords) {
      if (!DEFINITION_ARGS.includes(option)) {
        const meant = nearest(option, DEFINITION_ARGS);
        report(
          "error",
          "neomodel-refuses",
          `neomodel refuses "${name}": ${definition} has no argument "${option}"`,
          meant && `did you mean ${meant}?`,
        );
      }
    }
    const typeValue = get("relation_type");
    let type: string | null = null;
    if (typeValue?.kind === "str") type = typeValue.value;
    else if (typeValue?.kind === "member" && typeof toData(typeValue) === "string") {
      type = toData(typeValue) as string;
    } else if (typeValue === undefined && !call.open) {
      report(
        "error",
        "neomodel-refuses",
        `neomodel refuses "${name}": the relationship type is missing`,
        'give it as the second argument: RelationshipTo("Target", "TYPE")',
      );
    } else if (typeValue?.kind !== "none") {
      const why = typeValue?.kind === "unknown" ? `: ${typeValue.why}` : "";
      report(
        "error",
        "type-unknown",
        `the relationship type of "${name}" cannot be known without running Python${why}`,
        "write it as a string",
      );
    }
    const model = this.modelOf(get("model"), name, report);
    if (model && type !== null) this.useModel(model, type, call.where, cls, abstract);
    const target = get("cls_name");
    const resolved = this.resolveTarget(target, call.where);
    const targetRaw = target?.kind === "str"
      ? target.value
      : target?.kind === "class"
      ? target.qualname
      : target?.kind === "external"
      ? target.path
      : "";
    if (!resolved && !isIgnored({ name: targetRaw.split(".").at(-1)! }, this.ignore)) {
      report(
        "warning",
        "target-missing",
        `the target ${targetRaw ? `"${targetRaw}"` : "class"} of "${name}" is not found`,
        "neomodel looks it up when the relationship is first used, and fails then",
      );
    }
    const cardinality = get("cardinality");
    return {
      name,
      type,
      direction: DEFINITIONS[definition],
      target: resolved ? qualifiedName(resolved) : null,
      targetRaw,
      cardinality: (cardinality &&
        (neomodelName(cardinality) ?? (cardinality.kind === "class" ? cardinality.name : undefined)))
        ?.replace(/^Async/, "") ?? "ZeroOrMore",
      model: model ? qualifiedName(model) : null,
      declaredIn: qualifiedName(entry),
    };
  }

  private modelOf(
    value: PyValue | undefined,
    name: string,
    report: (s: "error", c: string, m: string, h?: string) => void,
  ): ClassValue | undefined {
    if (!value || value.kind === "none") return undefined;
    if (value.kind === "class" && neomodelBase(value, REL_BASES)) return value;
    if (value.kind === "external" && REL_BASES.has(neomodelName(value) ?? "")) return undefined;
    if (value.kind === "str") {
      report(
        "error",
        "neomodel-refuses",
        `neomodel refuses "${name}": model must be a class, not a string`,
        `write model=${value.value} without quotes`,
      );
    } else if (value.kind === "unknown") {
      report(
        "error",
        "model-unknown",
        `the model of "${name}" cannot be known without running Python: ${value.why}`,
        "name the class plainly",
      );
    } else report("error", "neomodel-refuses", `neomodel refuses "${name}": model must be a StructuredRel`);
    return undefined;
  }

  private useModel(model: ClassValue, type: string, where: Where, cls: ClassValue, abstract: boolean): void {
    const types = this.typesOfModel.get(model) ?? new Set();
    this.typesOfModel.set(model, types.add(type));
    // neomodel's registry of sync and of async models; a model is replaced by its descendants only.
    const registry = `${/^Async/.test(neomodelBase(model, REL_BASES) ?? "") ? "async" : "sync"} ${type}`;
    const known = this.modelOfType.get(registry);
    if (!known || this.order(model).includes(known)) this.modelOfType.set(registry, model);
    else if (isDirectModel(model) && !this.order(known).includes(model)) {
      this.reportOnce(where, {
        severity: "error",
        code: "neomodel-refuses",
        message:
          `neomodel refuses the relationship type "${type}": it has two models, ${known.name} and ${model.name}`,
        hint: "use one model, or derive one from the other",
      });
    }
    // An abstract class is only walked by install_labels where it carries a label.
    if (abstract && !labelOf(cls, this.order(cls))) return;
    this.shapes.push(...propertyShapes("relationship", type, this.relModels.get(model)?.properties ?? []));
  }

  private resolveTarget(target: PyValue | undefined, where: Where): ClassValue | undefined {
    if (target?.kind === "class") return target;
    if (target?.kind !== "str") return undefined;
    const dot = target.value.lastIndexOf(".");
    const name = target.value.slice(dot + 1);
    const modules = this.world.modules;
    let found: PyValue | undefined;
    if (dot === -1) found = where.module.names.get(name);
    else {
      const path = target.value.slice(0, dot);
      const level = path.length - path.replace(/^\.+/, "").length;
      const here = where.module;
      const namespace = here.isPackage ? here.name : here.name.split(".").slice(0, -1).join(".");
      const relative = namespace.split(".").slice(0, level > 1 ? -(level - 1) : undefined).join(".");
      const absolute = target.value.startsWith(".")
        ? [relative, path.slice(level)].filter(Boolean).join(".")
        : path;
      found = modules.get(absolute)?.names.get(name);
    }
    return found?.kind === "class" ? found : undefined;
  }

  /** Classes in functions, `type(...)`, `setattr(...)`: they may decide a schema, and are not followed. */
  private findHidden(): void {
    const makesModel = (base: PyValue) => neomodelBase(base, NODE_BASES) ?? neomodelBase(base, REL_BASES);
    for (const hidden of this.world.hidden) {
      const qualified = `${hidden.where.module.name}.${hidden.name}`;
      if (this.ignore.has(hidden.name) || this.ignore.has(qualified) || !hidden.bases.some(makesModel)) {
        continue;
      }
      this.report(
        hidden.where,
        "error",
        "class-in-function",
        `${hidden.name} is defined inside a function and exists only when it runs`,
        `move it to the module, or add "${hidden.name}" to [models] ignore`,
      );
    }
    for (const call of this.world.calls) {
      if (call.callee.kind !== "external") continue;
      const [first, second] = call.args;
      if (
        call.callee.path === "builtins.type" && second?.kind === "sequence" && second.items.some(makesModel)
      ) {
        const name = first?.kind === "str" ? first.value : "a class";
        if (isIgnored({ name }, this.ignore)) continue;
        this.report(
          call.where,
          "error",
          "made-at-run-time",
          `${name} is made at run time with type(...)`,
          `write a class statement, or add "${name}" to [models] ignore`,
        );
      }
      if (
        call.callee.path === "builtins.setattr" && first?.kind === "class" && this.isModel(first) &&
        !isIgnored(first, this.ignore)
      ) {
        this.report(
          call.where,
          "error",
          "made-at-run-time",
          `setattr changes ${first.name} at run time`,
          `write the attribute into the class, or add "${first.name}" to [models] ignore`,
        );
      }
    }
  }

  private report(
    where: Where,
    severity: "error" | "warning",
    code: string,
    message: string,
    hint?: string,
  ): void {
    this.problems.push(this.world.problemAt(where, { severity, code, message, hint }));
  }

  private reportOnce(
    where: { module: Where["module"]; span: Span },
    { severity, code, message, hint }: Pick<PythonProblem, "severity" | "code" | "message" | "hint">,
  ): void {
    const key = `${where.module.path} ${where.span.from} ${message}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    this.problems.push(this.world.problemAt(where, { severity, code, message, hint }));
  }
}

/** May a decorator change the class? A library's is taken to keep it; the project's own is looked at. */
function mayChange(decorator: PyValue): boolean {
  if (decorator.kind === "function") {
    return /\bsetattr\b|\.\w+\s*=[^=]|Property\s*\(|Relationship|\btype\s*\(/.test(functionBody(decorator));
  }
  return decorator.kind !== "external" &&
    !(decorator.kind === "instance" && decorator.callee.kind === "external");
}

/** Does the class name StructuredRel itself among its bases? */
function isDirectModel(cls: ClassValue): boolean {
  return cls.bases.some((base) => REL_BASES.has(neomodelName(base) ?? ""));
}

const PROPERTY_NAMES = [
  "StringProperty",
  "IntegerProperty",
  "FloatProperty",
  "BooleanProperty",
  "ArrayProperty",
  "DateProperty",
  "DateTimeProperty",
  "DateTimeFormatProperty",
  "DateTimeNeo4jFormatProperty",
  "JSONProperty",
  "UniqueIdProperty",
  "RegexProperty",
  "EmailProperty",
  "AliasProperty",
];

/**
 * The `__label__` that a class of a method resolution order shows: a concrete node has its own or its name;
 * an abstract class or a mixin has what its body says, else what it inherits.
 */
function labelOf(cls: ClassValue, order: MroEntry[]): string | undefined {
  for (const entry of order) {
    if (entry.kind !== "class") continue;
    const own = entry.attributes.get("__label__")?.value;
    if (own?.kind === "str") return own.value;
    if (neomodelBase(entry, NODE_BASES) && !isAbstract(entry)) return entry.name;
    if (entry !== cls && own) return undefined;
  }
  return undefined;
}
