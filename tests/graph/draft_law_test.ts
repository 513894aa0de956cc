/**
 * The law of drafts on a real server: for generated pairs of models, the migrations that the program drafts bring the
 * graph's schema from nothing to the first models, from there to the second, and back; data that fits the first
 * models comes back as it was. The seed is the date; CROCHET_SEED pins it, CROCHET_CASES says how many pairs.
 */
import assert from "node:assert/strict";
import { main } from "../../lib/cli.ts";
import type { Graph } from "../../lib/graph.ts";
import {
  crochet,
  graphEnv,
  randomFrom,
  showData,
  showSchema,
  withEmptyGraph,
  withProject,
} from "../harness.ts";

const SEED = Number(
  Deno.env.get("CROCHET_SEED") ?? new Date().toISOString().slice(0, 10).replaceAll("-", ""),
);
const CASES = Number(Deno.env.get("CROCHET_CASES") ?? 6);

interface Prop {
  name: string;
  /** The name before, where it was renamed. */
  was?: string;
  type: string;
  option?: "unique" | "index" | "fulltext" | "vector";
  stored?: string;
  /** Has a default, which fills nodes that exist. */
  filled?: boolean;
}

/** A class: a node, a relationship's model, or a mixin that is neither. */
interface Cls {
  kind: "node" | "rel" | "mixin";
  kgid: string;
  name: string;
  label?: string;
  base?: string;
  mixin?: string;
  props: Prop[];
  definitions: Definition[];
}

interface Definition {
  name: string;
  direction: "To" | "From" | "";
  type: string;
  target: string;
  model?: string;
}

type World = Cls[];

const NAMES = ["Ant", "Bee", "Cat", "Dog", "Elk", "Fox", "Gnu", "Hen"];
const TYPES = ["KNOWS", "OWNS", "LIKES", "SEES"];
const KINDS = [
  "StringProperty",
  "EmailProperty",
  "IntegerProperty",
  "FloatProperty",
  "BooleanProperty",
  "JSONProperty",
  "DateProperty",
  "DateTimeProperty",
  "DateTimeNeo4jFormatProperty",
  "ArrayProperty",
];
/** Classes whose generated values are distinct under every conversion. */
const DISTINCT = ["StringProperty", "EmailProperty", "IntegerProperty", "FloatProperty"];

/** Makes worlds and changes them; names of attributes are never used twice. */
class Maker {
  private count = 0;

  constructor(private readonly random: () => number) {}

  private pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)];
  }

  private chance(share: number): boolean {
    return this.random() < share;
  }

  first(): World {
    const world: World = [
      this.cls("mixin", "Mixin"),
      this.cls("rel", "Since"),
      this.cls("rel", "Until"),
    ];
    for (let i = 0; i < 4; i++) {
      const name = this.pick(NAMES.filter((one) => world.every((cls) => cls.name !== one)));
      const base = this.chance(0.5) ? this.pick([undefined, ...nodes(world)])?.kgid : undefined;
      const cls: Cls = { ...this.cls("node", name), base };
      if (this.chance(0.2)) cls.label = `Own${name}`;
      if (!base && this.chance(0.3)) cls.mixin = world[0].kgid;
      world.push(cls);
    }
    for (const cls of nodes(world)) {
      for (let i = this.chance(0.5) ? 1 : 0; i < 2; i++) cls.definitions.push(this.definition(world));
    }
    return world;
  }

  private cls(kind: Cls["kind"], name: string): Cls {
    const props = Array.from({ length: 1 + Math.floor(this.random() * 2) }, () => this.prop());
    return { kind, kgid: `k${++this.count}`, name, props, definitions: [] };
  }

  private prop(): Prop {
    const prop: Prop = { name: `p${++this.count}`, type: this.pick(KINDS) };
    if (this.chance(0.2)) prop.stored = this.pick(["s", "t", "u"]);
    this.reoption(prop);
    return prop;
  }

  private reoption(prop: Prop): void {
    const fits = [undefined, "index", ...(DISTINCT.includes(prop.type) && !prop.filled ? ["unique"] : [])];
    if (prop.type === "StringProperty") fits.push("fulltext");
    prop.option = this.pick(fits) as Prop["option"];
    if (this.chance(0.1)) Object.assign(prop, { type: "VectorProperty", option: "vector" });
  }

  private definition(world: World): Definition {
    const type = this.pick(TYPES);
    const model = modelsOf(world, type)[0] ?? this.pick(world.filter((cls) => cls.kind === "rel")).kgid;
    return {
      name: `r${++this.count}`,
      direction: this.pick(["To", "To", "From", ""]),
      type,
      target: this.pick(nodes(world)).kgid,
      ...(this.chance(0.6) && { model }),
    };
  }

  /** Another world with the same kgids; only where `isLossy` may something be taken away. */
  second(world: World, isLossy: boolean): World {
    const changes = [
      "renameClass",
      "label",
      "addClass",
      "removeClass",
      "addProp",
      "addProp",
      "retype",
      "retype",
      "option",
      "renameProp",
      "stored",
      "type",
      "allTypes",
      "direction",
      "model",
      "rebase",
    ];
    let now = structuredClone(world);
    for (let i = 0; i < 6; i++) {
      const next = structuredClone(now);
      this.change(next, this.pick(isLossy ? [...changes, "removeProp", "unbase"] : changes));
      if (isValid(next) && !takesLabel(world, next) && (isLossy || !mergesTypes(world, next))) now = next;
    }
    return now;
  }

  private change(world: World, what: string): void {
    const cls = this.pick(nodes(world));
    const any = this.pick(world);
    const prop = this.pick(any.props);
    const definition = this.pick(nodes(world).flatMap((node) => node.definitions));
    switch (what) {
      case "renameClass":
        cls.name = this.pick(NAMES);
        return;
      case "label":
        if (cls.label) delete cls.label;
        else cls.label = `Own${this.pick(NAMES)}`;
        return;
      case "addClass":
        world.push({ ...this.cls("node", this.pick(NAMES)), base: this.pick([undefined, cls.kgid]) });
        return;
      case "removeClass": {
        if (world.some((other) => other.base === cls.kgid)) return;
        world.splice(world.indexOf(cls), 1);
        for (const other of world) {
          other.definitions = other.definitions.filter(({ target }) => target !== cls.kgid);
        }
        return;
      }
      case "addProp": {
        const came = this.prop();
        if (came.option !== "unique" && FILLED[came.type]) came.filled = this.chance(0.5);
        any.props.push(came);
        return;
      }
      case "removeProp":
        any.props = any.props.filter((other) => other !== prop);
        return;
      case "retype":
        if (prop && prop.type !== "VectorProperty" && !prop.filled) {
          const type = this.pick(prop.option === "unique" ? DISTINCT : KINDS);
          if (prop.option !== "fulltext") prop.type = type;
        }
        return;
      case "option":
        // A vector index stays: its values are of its own.
        if (prop && prop.type !== "VectorProperty") {
          const { type } = prop;
          this.reoption(prop);
          if (prop.type !== type) Object.assign(prop, { type, option: undefined });
        }
        return;
      case "renameProp":
        if (prop && !prop.was) Object.assign(prop, { was: prop.name, name: `p${++this.count}` });
        return;
      case "stored":
        if (prop) prop.stored = this.pick([undefined, "s", "t", "u"]);
        return;
      case "type":
        if (definition) definition.type = this.pick(TYPES);
        return;
      case "allTypes": {
        const [from, to] = [this.pick(TYPES), this.pick(TYPES)];
        for (const one of world.flatMap((node) => node.definitions)) if (one.type === from) one.type = to;
        return;
      }
      case "direction":
        if (definition) definition.direction = definition.direction === "To" ? "From" : "To";
        return;
      case "model": {
        const model = this.pick(world.filter((other) => other.kind === "rel")).kgid;
        for (const one of world.flatMap((node) => node.definitions)) {
          if (one.type === definition?.type) one.model = model;
        }
        return;
      }
      case "rebase":
        if (!cls.base) cls.base = this.pick(nodes(world)).kgid;
        return;
      case "unbase":
        delete cls.base;
    }
  }
}

function nodes(world: World): Cls[] {
  return world.filter((cls) => cls.kind === "node");
}

/** neomodel knows one model of a relationship type. */
function modelsOf(world: World, type: string): string[] {
  const definitions = world.flatMap((cls) => cls.definitions).filter((one) => one.type === type);
  return [...new Set(definitions.flatMap((one) => one.model ?? []))];
}

const labelOf = (cls: Cls) => cls.label ?? cls.name;
const storedOf = (prop: Prop) => prop.stored ?? prop.name;

/** The class and what it inherits from, nearest first; undefined for a circle. */
function chain(world: World, cls: Cls): Cls[] | undefined {
  const found = [cls];
  for (let base = cls.base; base !== undefined; base = found.at(-1)!.base) {
    const above = world.find((other) => other.kgid === base);
    if (!above || found.includes(above)) return undefined;
    found.push(above);
  }
  return found;
}

function inherited(world: World, cls: Cls): { props: Prop[]; definitions: Definition[]; labels: string[] } {
  const all = chain(world, cls)!;
  const mixins = all.flatMap((one) => world.filter((other) => other.kgid === one.mixin));
  return {
    props: [...all, ...mixins].flatMap((one) => one.props),
    definitions: all.flatMap((one) => one.definitions),
    labels: all.map(labelOf),
  };
}

/** Names are distinct, nothing inherits from itself, and no attribute stands or is stored twice in a class. */
function isValid(world: World): boolean {
  const isDistinct = (items: string[]) => new Set(items).size === items.length;
  return nodes(world).length > 1 && isDistinct(world.map((cls) => cls.name)) &&
    isDistinct(nodes(world).map(labelOf)) &&
    TYPES.every((type) => modelsOf(world, type).length < 2) &&
    nodes(world).every((cls) => chain(world, cls) !== undefined) &&
    world.every((cls) =>
      isDistinct((cls.kind === "node" ? inherited(world, cls).props : cls.props).map(storedOf))
    );
}

/** Does a class take the label of one that is gone? Its nodes stay, and nobody could tell the two apart. */
function takesLabel(before: World, now: World): boolean {
  const gone = nodes(before).filter((cls) => now.every((other) => other.kgid !== cls.kgid)).map(labelOf);
  return nodes(now).some((cls) => gone.includes(labelOf(cls)));
}

/** Do relationships of two types become one type? Nothing could part them again. */
function mergesTypes(before: World, now: World): boolean {
  const later = new Map(now.flatMap((cls) => cls.definitions).map((one) => [one.name, one.type]));
  const targets = new Map<string, Set<string>>();
  for (const { name, type } of before.flatMap((cls) => cls.definitions)) {
    targets.set(type, targets.get(type) ?? new Set());
    if (later.has(name)) targets.get(type)!.add(later.get(name)!);
  }
  // A type that parts into several stays for the relationships that are there.
  const ends = [...targets].map(([type, found]) => (found.size === 1 ? [...found][0] : type));
  return new Set(ends).size < ends.length;
}

const FILLED: Record<string, string> = {
  StringProperty: '"filled"',
  IntegerProperty: "7",
  FloatProperty: "7.5",
  BooleanProperty: "True",
};

const OPTION = {
  unique: "unique_index=True",
  index: "index=True",
  fulltext: 'fulltext_index=FulltextIndex(analyzer="english")',
  vector: "vector_index=VectorIndex(dimensions=3)",
};

/** The module that declares the world. */
function render(world: World): string {
  const named = (kgid: string | undefined) => world.find((cls) => cls.kgid === kgid)?.name;
  const depth = (cls: Cls) => (cls.kind === "node" ? chain(world, cls)!.length : 0);
  const blocks = [...world].sort((a, b) => depth(a) - depth(b)).map((cls) => {
    const bases = {
      node: [named(cls.mixin), named(cls.base) ?? "StructuredNode"].filter(Boolean).join(", "),
      rel: "StructuredRel",
      mixin: "object",
    };
    const props = cls.props.map((prop) => {
      const args = [
        ...(prop.option ? [OPTION[prop.option]] : []),
        ...(prop.stored ? [`db_property="${prop.stored}"`] : []),
        ...(prop.filled ? [`default=${FILLED[prop.type]}`] : []),
      ];
      if (prop.type === "VectorProperty") args.unshift("FloatProperty()");
      const note = prop.was ? `  # crochet: renamed from ${prop.was}` : "";
      const type = prop.type.replace("VectorProperty", "ArrayProperty");
      return `${prop.name} = ${type}(${args.join(", ")})${note}`;
    });
    const definitions = cls.definitions.map(({ name, direction, type, target, model }) =>
      `${name} = Relationship${direction}("${named(target)}", "${type}"${
        model ? `, model=${named(model)}` : ""
      })`
    );
    const lines = [
      ...(cls.kind === "mixin" ? [] : [`__kgid__ = "${cls.kgid}"`]),
      ...(cls.label ? [`__label__ = "${cls.label}"`] : []),
      ...props,
      ...definitions,
      "pass",
    ];
    return `class ${cls.name}(${bases[cls.kind]}):\n${lines.map((line) => `    ${line}\n`).join("")}`;
  });
  return ["from neomodel import *\n", ...blocks].join("\n\n");
}

/** A value of a property that its conversion to the next class takes without a loss. */
function valueOf(prop: Prop, next: Prop | undefined, n: number): string {
  const to = next?.type;
  switch (prop.type) {
    case "VectorProperty":
      return `[${n}.0, 1.0, 2.0]`;
    case "IntegerProperty":
      return String(to === "BooleanProperty" ? n % 2 : n);
    case "FloatProperty":
      return to === "IntegerProperty" ? `${n}.0` : `${n}.5`;
    case "BooleanProperty":
      return String(n % 2 === 0);
    case "DateTimeProperty":
      return `${1700000000 + n}.25`;
    case "DateTimeNeo4jFormatProperty":
      return `datetime('2024-05-01T12:00:00.5Z') + duration({seconds: ${n}})`;
    case "ArrayProperty":
      return ARRAYS[to ?? ""]?.(n) ?? `['item ${n}']`;
    default:
      if (to === "IntegerProperty") return `'${n}'`;
      if (to === "FloatProperty") return `'${n}.5'`;
      return to === "BooleanProperty" ? `'${n % 2 === 0}'` : `'text ${n}'`;
  }
}

/** Lists of one value of the class that the list becomes. */
const ARRAYS: Record<string, (n: number) => string> = {
  IntegerProperty: (n) => `[${n}]`,
  FloatProperty: (n) => `[${n}.5]`,
  BooleanProperty: (n) => `[${n % 2 === 0}]`,
  DateTimeProperty: (n) => `[${n}.5]`,
  DateTimeNeo4jFormatProperty: (n) => `[datetime('2024-05-01T12:00Z') + duration({seconds: ${n}})]`,
};

/** Two nodes of each class and a relationship of each definition, with all their properties. */
function dataOf(world: World, next: World): string {
  let n = 0;
  const later = new Map(next.flatMap((cls) => cls.props).map((prop) => [prop.was ?? prop.name, prop]));
  const map = (props: Prop[]) =>
    `{${props.map((prop) => `${storedOf(prop)}: ${valueOf(prop, later.get(prop.name), n)}`).join(", ")}}`;
  const parts: string[] = [];
  for (const cls of nodes(world)) {
    const { props, labels } = inherited(world, cls);
    for (const i of [0, 1]) {
      n++;
      parts.push(`(${cls.kgid}_${i}:${labels.join(":")} ${map(props)})`);
    }
  }
  for (const cls of nodes(world)) {
    for (const { direction, type, target, model } of inherited(world, cls).definitions) {
      n++;
      const props = world.find((other) => other.kgid === model)?.props ?? [];
      const [from, to] = direction === "From" ? [target, cls.kgid] : [cls.kgid, target];
      parts.push(`(${from}_0)-[:${type} ${map(props)}]->(${to}_1)`);
    }
  }
  return `CREATE ${parts.join(",\n  ")}`;
}

/** Constraints and indexes of the server, in the words of `crochet models`; indexes of constraints are left out. */
async function liveSchema(graph: Graph): Promise<string[]> {
  const rows = (await showSchema(graph)).map((line) => ({
    isConstraint: line.startsWith("constraint "),
    ...JSON.parse(line.slice(line.indexOf("{"))),
  }));
  const constraints = new Set(rows.filter((row) => row.isConstraint).map((row) => row.name));
  return rows.filter((row) => row.isConstraint || !constraints.has(row.name)).map((row) => {
    const kind = row.type.replace(/^.*UNIQUENESS$/, "UNIQUE").replace("RANGE", "INDEX").toLowerCase();
    return [row.name, kind, row.entityType.toLowerCase(), row.labelsOrTypes, row.properties].join(" ");
  }).sort();
}

interface SchemaEntry {
  name: string;
  kind: string;
  entity: string;
  labelOrType: string;
  properties: string[];
}

Deno.test(`drafts of ${CASES} generated pairs bring the schema there and back`, async () => {
  const skipped: number[] = [];
  for (let i = 0; i < CASES; i++) {
    const seed = SEED + i;
    const maker = new Maker(randomFrom(seed));
    let before = maker.first();
    while (!isValid(before)) before = maker.first();
    const isLossy = seed % 4 === 3;
    const after = maker.second(before, isLossy);
    let draft = "";
    const about = (what: string) =>
      `CROCHET_SEED=${seed} CROCHET_CASES=1: ${what}\n${render(before)}\n----\n${
        render(after)
      }\n----\n${draft}`;
    try {
      await withEmptyGraph((graph) =>
        withProject({}, async (project) => {
          const ok = async (...args: string[]) => {
            const { code, out, err } = await run(project.root, args);
            assert.equal(code, 0, `crochet ${args.join(" ")}: ${out}${err}`);
            return out;
          };
          const check = async () => {
            const { schema } = JSON.parse(await ok("models", "--json"));
            assert.deepEqual(
              await liveSchema(graph),
              schema.map((o: SchemaEntry) =>
                [o.name, o.kind, o.entity, o.labelOrType, o.properties].join(" ")
              )
                .sort(),
            );
            await ok("verify");
          };
          project.write("models/m.py", render(before));
          await ok("create-migration", "first");
          await ok("upgrade");
          await check();
          await graph.implicit(dataOf(before, after));
          const [schema, data] = [await showSchema(graph), await showData(graph)];
          project.write("models/m.py", render(after));
          const made = JSON.parse(await ok("create-migration", "second", "--empty", "--json"));
          draft = project.read(made.files[0]);
          await ok("upgrade");
          await check();
          assert.ok(made.rollbackSafe || isLossy, "only what takes something away is not rollback-safe");
          if (!made.rollbackSafe) return void skipped.push(seed);
          await ok("downgrade");
          assert.deepEqual(await showSchema(graph), schema);
          assert.deepEqual(await showData(graph), data);
        })
      );
    } catch (error) {
      throw new Error(about((error as Error).message), { cause: error });
    }
  }
  assert.ok(skipped.length <= Math.ceil(CASES / 4), `no way back: ${skipped}`);
});

/** Runs the program in this process, or the executable under test. */
async function run(root: string, args: string[]): Promise<{ code: number; out: string; err: string }> {
  if (Deno.env.get("CROCHET_BIN")) return await crochet(root, args, graphEnv());
  let [out, err] = ["", ""];
  const code = await main(args, {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    isTerminal: false,
    variables: { ...graphEnv(), USER: "tester" },
    cwd: root,
  });
  return { code, out, err };
}
