/**
 * Takes the modules and classes of a Python project and gives its neomodel models: nodes with their labels,
 * properties and relationships, relationship models, and the problems. The rules are neomodel's own (labels by
 * `mro()`, properties by the reversed MRO, presence of `__abstract_node__`); what cannot be known without running
 * Python is a problem with its place. Never runs Python, never needs a kgid.
 */
import {
  definitionArgument,
  definitionOf,
  isAbstract,
  isIgnored,
  isModel,
  labelOf,
  labelsOf,
  NODE_BASES,
  orderOf,
  qualifiedName,
  REL_BASES,
} from "./neomodel_class.ts";
import { checkClass, findHidden, isUndecided, ProblemList } from "./neomodel_doubts.ts";
import {
  checkBorrowedLabels,
  checkNodeBody,
  checkOverride,
  checkSilentMistake,
} from "./neomodel_mistakes.ts";
import { checkRegistry } from "./neomodel_registry.ts";
import { readDefinition, type RelationshipModel } from "./neomodel_relationship.ts";
import {
  neomodelBase,
  type PropertyModel,
  propertyShapes,
  propertyType,
  readProperty,
} from "./neomodel_property.ts";
import {
  type ClassValue,
  type InstanceValue,
  methodResolutionOrder,
  type MroEntry,
  toData,
} from "./python_value.ts";
import type { PythonProblem, PythonWorld } from "./python_world.ts";
import {
  createStatement,
  schemaName,
  type SchemaObject,
  type SchemaOptions,
  type SchemaShape,
  shapeKey,
} from "./schema.ts";
import { isSince, type NeomodelVersion, NEWEST_NEOMODEL } from "./neomodel_version.ts";

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

/** A constraint or an index that neomodel installs, with its statement. */
export interface InstalledObject extends Omit<SchemaObject, "options"> {
  options: SchemaOptions | null;
  cypher: string;
}

/** Everything that was read. */
export interface Models {
  nodes: NodeModel[];
  relationshipModels: RelModel[];
  schema: InstalledObject[];
  problems: PythonProblem[];
}

/** Where the source of a class is, for those who add a line to it. */
export interface ClassSource {
  cls: ClassValue;
  abstract: boolean;
}

/** Options of the reading. */
export interface ReadOptions {
  /** Class names (`Person` or `models.person.Person`) that are left out, with their problems. */
  ignore?: string[];
  /** The neomodel that the project uses; the newest without it. */
  neomodel?: NeomodelVersion;
}

/** Reads all models of the project. */
export function readModels(world: PythonWorld, options: ReadOptions = {}): Models {
  return new ModelReader(world, new Set(options.ignore ?? []), options.neomodel ?? NEWEST_NEOMODEL).read();
}

/** The classes that need a kgid: concrete nodes and relationship models, in the order of their files. */
export function modelClasses(world: PythonWorld, options: ReadOptions = {}): ClassSource[] {
  const ignore = new Set(options.ignore ?? []);
  return world.classes.filter((cls) => !isIgnored(cls, ignore))
    .filter((cls) => neomodelBase(cls, NODE_BASES) || neomodelBase(cls, REL_BASES))
    .map((cls) => ({ cls, abstract: neomodelBase(cls, NODE_BASES) !== undefined && isAbstract(cls) }));
}

class ModelReader {
  private readonly problems: ProblemList;
  private readonly relModels = new Map<ClassValue, RelModel>();
  private readonly typesOfModel = new Map<ClassValue, Set<string>>();
  private readonly shapes: SchemaShape[] = [];

  constructor(
    private readonly world: PythonWorld,
    private readonly ignore: Set<string>,
    private readonly version: NeomodelVersion,
  ) {
    this.problems = new ProblemList(world);
  }

  read(): Models {
    const classes = this.world.classes.filter((cls) => !isIgnored(cls, this.ignore));
    const nodes: NodeModel[] = [];
    classes.forEach((cls) => this.setUp(cls));
    checkRegistry(this.world.made, this.ignore, this.version, this.problems);
    for (const cls of classes) {
      if (neomodelBase(cls, REL_BASES)) this.relModels.set(cls, this.readRelModel(cls));
    }
    for (const cls of classes) {
      if (!isModel(cls) && !methodResolutionOrder(cls)) {
        const at = { module: cls.module, span: cls.nameSpan };
        const message = `Python refuses ${cls.name}: its bases have no consistent order`;
        this.problems.add(at, "error", "neomodel-refuses", message, "reorder the bases");
      }
      if (isUndecided(cls, this.problems)) continue;
      if (neomodelBase(cls, NODE_BASES)) nodes.push(this.readNode(cls));
    }
    for (const [cls, model] of this.relModels) {
      const types = this.typesOfModel.get(cls);
      const own = cls.attributes.get("__type__")?.value;
      if (types) {
        model.types = [...types].sort();
        if (own?.kind === "str" && !types.has(own.value)) {
          this.problems.add(
            cls.where,
            "warning",
            "type-mismatch",
            `${cls.name} says __type__ = "${own.value}", but its definitions use ${model.types.join(", ")}`,
            "neomodel ignores __type__; the definition decides",
          );
        }
      } else model.types = own?.kind === "str" ? [own.value] : [];
    }
    findHidden(this.world, this.ignore, this.problems);
    const order = (a: ModelBase, b: ModelBase) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line;
    const schema = this.schema(nodes);
    return {
      nodes: nodes.sort(order),
      relationshipModels: [...this.relModels.values()].sort(order),
      schema,
      problems: this.problems.sorted(),
    };
  }

  /** When a class is made, neomodel calls `setup()` of the properties in its body, which may change them. */
  private setUp(cls: ClassValue): void {
    const isNode = neomodelBase(cls, NODE_BASES) && !isAbstract(cls);
    if (!isNode && !neomodelBase(cls, REL_BASES)) return;
    for (const [name, { value }] of cls.attributes) {
      if (value.kind !== "instance" || !propertyType(value) || !cls.bodyNames.has(name)) continue;
      const outcome = this.world.runMethod(value, "setup");
      if (outcome?.kind === "unknown") value.doubt ??= outcome.why;
    }
  }

  /** The objects that neomodel installs, under neomodel's names. */
  private schema(nodes: NodeModel[]): InstalledObject[] {
    for (const node of nodes) {
      if (node.abstract && !node.label) continue;
      this.shapes.push(...propertyShapes("node", node.label, node.properties));
    }
    this.findConflicts(nodes);
    const seen = new Map<string, InstalledObject>();
    for (const shape of this.shapes) {
      const { kind, entity, labelOrType, properties, options = null } = shape;
      const name = schemaName(shape);
      const cypher = createStatement({ ...shape, name });
      seen.set(cypher, { kind, entity, labelOrType, properties, name, options, cypher });
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
      this.problems.addPlaced({
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
    this.problems.add(
      own.where,
      "error",
      "kgid-unknown",
      `the __kgid__ of ${cls.name} is no string that can be known`,
      `write it out: __kgid__ = "..."`,
    );
    return null;
  }

  private readNode(cls: ClassValue): NodeModel {
    const order = orderOf(cls);
    const abstract = isAbstract(cls);
    checkClass(cls, order, this.problems);
    checkNodeBody(cls, this.problems);
    checkBorrowedLabels(cls, order, this.problems);
    const base = this.base(cls);
    const properties = this.readProperties(cls, order, base);
    const optional = cls.attributes.get("__optional_labels__")?.value;
    const labels = labelsOf(cls);
    if (!abstract) {
      const names = isSince(this.version, "5.1.2") ? ["deleted", "id", "element_id"] : ["deleted"];
      for (const name of names) {
        const reserved = cls.bodyNames.has(name) ? cls.attributes.get(name) : undefined;
        if (reserved) {
          this.problems.add(
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
      optionalLabels: optional && isSince(this.version, "5.1.0")
        ? [...(toData(optional) as string[] | undefined) ?? []]
        : [],
      abstract,
      async: /^Async/.test(neomodelBase(cls, NODE_BASES) ?? ""),
      properties,
      relationships: this.readRelationships(cls, order),
    };
  }

  private readRelModel(cls: ClassValue): RelModel {
    const base = this.base(cls);
    const order = orderOf(cls);
    checkClass(cls, order, this.problems);
    const properties = this.readProperties(cls, order, base);
    const names = isSince(this.version, "5.1.2") ? ["source", "target", "id", "element_id"] : [];
    for (const name of names) {
      const own = cls.bodyNames.has(name) ? cls.attributes.get(name) : undefined;
      if (own && propertyType(own.value)) {
        this.problems.add(
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

  private readProperties(cls: ClassValue, order: MroEntry[], base: ModelBase): PropertyModel[] {
    const merged = new Map<string, PropertyModel>();
    for (const entry of [...order].reverse()) {
      if (entry.kind !== "class") continue;
      for (const [name, attribute] of entry.attributes) {
        const type = propertyType(attribute.value);
        if (type && name === "DoesNotExist" && neomodelBase(cls, NODE_BASES)) {
          this.problems.once(attribute.where, {
            severity: "warning",
            code: "name-ignored",
            message: "neomodel puts its own exception under this name: the property is lost",
            hint: "choose another name, with db_property where the stored name must stay",
          });
          continue;
        }
        if (!type) {
          if (entry === cls) checkSilentMistake(name, attribute, this.problems);
          continue;
        }
        const call = attribute.value as InstanceValue;
        const { property, problems } = readProperty(
          name,
          call,
          type,
          `${base.module}.${base.class}`,
          this.version,
        );
        property.declaredIn = qualifiedName(entry);
        // Problems are told once, at the class that declares the property.
        if (entry === cls || !isModel(entry)) {
          for (const problem of problems) {
            this.problems.once({ module: call.where.module, span: problem.span }, problem);
          }
        }
        const before = merged.get(name);
        if (entry === cls && type === "AliasProperty" && before && before.type !== "AliasProperty") {
          this.problems.once(attribute.where, {
            severity: "error",
            code: "alias-over-property",
            message:
              `"${name}" is an alias over the property that ${before.declaredIn} has under this name: neomodel keeps both`,
            hint: "give the alias another name",
          });
        }
        if (entry === cls) checkOverride(cls, merged.get(name), property, attribute.where, this.problems);
        merged.set(name, property);
      }
    }
    return [...merged.values()];
  }

  private readRelationships(cls: ClassValue, order: MroEntry[]): RelationshipModel[] {
    const merged = new Map<string, RelationshipModel>();
    for (const entry of [...order].reverse()) {
      if (entry.kind !== "class") continue;
      for (const [name, attribute] of entry.attributes) {
        const definition = definitionOf(attribute.value);
        if (definition && /^Async/.test(definition) !== /^Async/.test(neomodelBase(cls, NODE_BASES) ?? "")) {
          this.problems.once(attribute.where, {
            severity: "warning",
            code: "definition-ignored",
            message: `neomodel does not see "${name}" on ${cls.name}: one of the two is async`,
            hint: `write ${/^Async/.test(definition) ? definition.slice(5) : "Async" + definition}`,
          });
        } else if (definition) {
          merged.set(
            name,
            this.readRelationship(name, attribute.value as InstanceValue, definition, entry, cls),
          );
        }
      }
    }
    return [...merged.values()];
  }

  private readRelationship(
    name: string,
    call: InstanceValue,
    word: string,
    entry: ClassValue,
    cls: ClassValue,
  ): RelationshipModel {
    const { modules } = this.world;
    const { ignore, version, problems } = this;
    const context = { modules, ignore, version, problems };
    const { relationship, model } = readDefinition({ name, call, word, declaredIn: entry }, context);
    if (model && relationship.type !== null) this.useModel(model, relationship.type, cls);
    else if (
      model && definitionArgument(call, "relation_type")?.kind === "none" &&
      this.shapesOf(model, "").length > 0
    ) {
      problems.once(call.where, {
        severity: "error",
        code: "type-unknown",
        message:
          `"${name}" has a model with indexes and no type: neomodel installs them for a type that is called None`,
        hint: "give the relationship its type",
      });
    }
    return relationship;
  }

  private useModel(model: ClassValue, type: string, cls: ClassValue): void {
    const types = this.typesOfModel.get(model) ?? new Set();
    this.typesOfModel.set(model, types.add(type));
    // An abstract class is only walked by install_labels where it carries a label.
    if (isAbstract(cls) && !labelOf(cls, orderOf(cls))) return;
    // Before 5.1.2 neomodel had no unique constraints on relationships, and said nothing.
    const hasUnique = isSince(this.version, "5.1.2");
    this.shapes.push(...this.shapesOf(model, type).filter((shape) => shape.kind !== "unique" || hasUnique));
  }

  private shapesOf(model: ClassValue, type: string): SchemaShape[] {
    return propertyShapes("relationship", type, this.relModels.get(model)?.properties ?? []);
  }
}
