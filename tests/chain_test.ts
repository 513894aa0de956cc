/** The order of revisions, and every fault of their chain by its name. */
import assert from "node:assert/strict";
import { buildChain, chainFaults, findRevision, headsOf } from "../lib/chain.ts";
import { sha256 } from "../lib/digest.ts";
import { type CrochetError, formatPlace } from "../lib/error.ts";
import type { Revision } from "../lib/revision.ts";

/** Revisions by id with their parents, and the order in which they are applied. */
const ORDERS: [about: string, parents: Record<string, string[]>, order: string[]][] = [
  ["nothing", {}, []],
  ["one", { "0001_a": [] }, ["0001_a"]],
  ["parents and not names", { "0001_c": ["0002_b"], "0002_b": ["0003_a"], "0003_a": [] }, [
    "0003_a",
    "0002_b",
    "0001_c",
  ]],
  ["numbers of different length", { "9999_a": [], "10000_b": ["9999_a"] }, ["9999_a", "10000_b"]],
  ["a merge after both of its parents", {
    "0001_root": [],
    "0002_left": ["0001_root"],
    "0002_right": ["0001_root"],
    "0003_right": ["0002_right"],
    "0000_merge": ["0002_left", "0003_right"],
  }, ["0001_root", "0002_left", "0002_right", "0003_right", "0000_merge"]],
  ["a merge that names its parents the other way round", {
    "0001_root": [],
    "0002_left": ["0001_root"],
    "0002_right": ["0001_root"],
    "0003_merge": ["0002_right", "0002_left"],
  }, ["0001_root", "0002_left", "0002_right", "0003_merge"]],
  ["a merge of two roots", { "0001_a": [], "0001_b": [], "0002_merge": ["0001_a", "0001_b"] }, [
    "0001_a",
    "0001_b",
    "0002_merge",
  ]],
  ["a merge of a revision and its own parent", {
    "0001_a": [],
    "0002_b": ["0001_a"],
    "0003_merge": ["0001_a", "0002_b"],
  }, ["0001_a", "0002_b", "0003_merge"]],
];

for (const [about, parents, order] of ORDERS) {
  Deno.test(`buildChain() orders ${about}`, () => {
    const revisions = revisionsOf(parents);
    for (const given of [revisions, [...revisions].reverse()]) {
      const chain = buildChain(given);
      assert.deepEqual(chain.revisions.map((revision) => revision.revisionId), order);
      assert.equal(chain.head?.revisionId, order.at(-1));
    }
  });
}

/** Revisions, and their faults as `kind file: message`. */
const FAULTS: [about: string, revisions: Revision[], faults: string[]][] = [
  ["a missing parent", revisionsOf({ "0001_a": [], "0003_c": ["0002_b"] }), [
    'missing-parent migrations/0003_c.ts: "migrations/0003_c.ts" follows "0002_b", which does not exist',
    'heads migrations/0003_c.ts: the chain has 2 heads: "0001_a" and "0003_c"',
  ]],
  ["a missing second parent", revisionsOf({ "0001_a": [], "0002_merge": ["0001_a", "0001_b"] }), [
    'missing-parent migrations/0002_merge.ts: "migrations/0002_merge.ts" follows "0001_b", which does not exist',
  ]],
  [
    "an edited parent",
    edited(revisionsOf({ "0001_a": [], "0002_b": ["0001_a"], "0003_c": ["0002_b"] }), "0002_b"),
    [
      `edited migrations/0002_b.ts: "migrations/0002_b.ts" was edited after "migrations/0003_c.ts" was written: its digest is ${
        sha256("edited").slice(0, 12)
      }…, the child expects ${sha256("0002_b").slice(0, 12)}…`,
    ],
  ],
  [
    "an edited second parent",
    edited(revisionsOf({ "0001_a": [], "0001_b": [], "0002_m": ["0001_a", "0001_b"] }), "0001_b"),
    [
      `edited migrations/0001_b.ts: "migrations/0001_b.ts" was edited after "migrations/0002_m.ts" was written: its digest is ${
        sha256("edited").slice(0, 12)
      }…, the child expects ${sha256("0001_b").slice(0, 12)}…`,
    ],
  ],
  ["two heads", revisionsOf({ "0001_a": [], "0002_b": ["0001_a"], "0002_c": ["0001_a"] }), [
    'heads migrations/0002_c.ts: the chain has 2 heads: "0002_b" and "0002_c"',
  ]],
  ["two roots", revisionsOf({ "0001_a": [], "0001_b": [] }), [
    'heads migrations/0001_b.ts: the chain has 2 heads: "0001_a" and "0001_b"',
  ]],
  ["three heads", revisionsOf({ "0001_a": [], "0001_b": [], "0001_c": [] }), [
    'heads migrations/0001_c.ts: the chain has 3 heads: "0001_a" and "0001_b" and "0001_c"',
  ]],
  ["a circle", revisionsOf({ "0001_a": ["0002_b"], "0002_b": ["0001_a"] }), [
    'circle migrations/0001_a.ts: the migrations follow each other in a circle: "0001_a" -> "0002_b" -> "0001_a"',
  ]],
  ["its own parent", revisionsOf({ "0001_a": ["0001_a"] }), [
    'circle migrations/0001_a.ts: the migrations follow each other in a circle: "0001_a" -> "0001_a"',
  ]],
  [
    "a circle through a merge's second parent",
    revisionsOf({ "0001_a": [], "0002_merge": ["0001_a", "0003_b"], "0003_b": ["0002_merge"] }),
    [
      'circle migrations/0002_merge.ts: the migrations follow each other in a circle: "0002_merge" -> "0003_b" -> "0002_merge"',
    ],
  ],
  [
    "a circle and not what follows it",
    revisionsOf({ "0001_after": ["0002_a"], "0002_a": ["0003_b"], "0003_b": ["0002_a"] }),
    [
      'circle migrations/0002_a.ts: the migrations follow each other in a circle: "0002_a" -> "0003_b" -> "0002_a"',
    ],
  ],
  ["one id twice", [
    ...revisionsOf({ "0001_a": [] }),
    { ...revisionsOf({ "0001_a": [] })[0], file: "migrations/0001_a.cypher" },
  ], [
    'duplicate migrations/0001_a.ts: "migrations/0001_a.ts" and "migrations/0001_a.cypher" have the same revision id "0001_a"',
  ]],
];

for (const [about, revisions, faults] of FAULTS) {
  Deno.test(`chainFaults() names ${about}`, () => {
    for (const given of [revisions, [...revisions].reverse()]) {
      const found = chainFaults(given);
      assert.deepEqual(found.map((fault) => `${fault.kind} ${fault.file}: ${fault.message}`), faults);
      assert.ok(found.every((fault) => fault.hint !== ""));
    }
  });
}

Deno.test("chainFaults() names every altered file but an unapplied head", () => {
  const parents = {
    "0001_a": [],
    "0002_b": ["0001_a"],
    "0002_c": ["0001_a"],
    "0003_m": ["0002_b", "0002_c"],
  };
  for (const id of Object.keys(parents)) {
    const found = chainFaults(edited(revisionsOf(parents), id)).map((fault) => `${fault.kind} ${fault.file}`);
    assert.deepEqual([...new Set(found)], id === "0003_m" ? [] : [`edited migrations/${id}.ts`]);
  }
});

Deno.test("chainFaults() says which parent was probably meant", () => {
  const [fault] = chainFaults(revisionsOf({ "0001_person": [], "0002_book": ["0001_persn"] }));
  assert.match(fault.hint, /did you mean "0001_person"\?/);
});

Deno.test("buildChain() names the line of a parent that is missing", () => {
  assert.throws(
    () => buildChain(revisionsOf({ "0001_b": ["0001_a"] })),
    (error: CrochetError) => formatPlace(error.at!) === "migrations/0001_b.ts:5",
  );
});

Deno.test("buildChain() names every fault at once", () => {
  const revisions = edited(
    revisionsOf({ "0001_a": [], "0002_b": ["0001_a"], "0003_c": ["0001_a", "gone"] }),
    "0001_a",
  );
  assert.throws(() => buildChain(revisions), (error: CrochetError) => {
    assert.equal(error.code, "CHAIN_BROKEN");
    assert.equal(formatPlace(error.at!), "migrations/0001_a.ts");
    assert.match(
      error.message,
      /0002_b\.ts" was written.*\n.*0003_c\.ts" was written.*\n.*"gone".*\n.*2 heads/,
    );
    assert.deepEqual((error.data as { kind: string }[]).map((fault) => fault.kind), [
      "edited",
      "edited",
      "missing-parent",
      "heads",
    ]);
    return true;
  });
});

Deno.test("headsOf() a merge of two heads is one head", () => {
  const heads = (parents: Record<string, string[]>) =>
    headsOf(revisionsOf(parents)).map((revision) => revision.revisionId);
  const two = { "0001_a": [], "0002_b": ["0001_a"], "0002_c": ["0001_a"] };
  assert.deepEqual(heads(two), ["0002_b", "0002_c"]);
  assert.deepEqual(heads({ ...two, "0003_m": ["0002_b", "0002_c"] }), ["0003_m"]);
});

/** Names, and the revision that is meant or the refusal. */
const NAMES: [name: string, found: string | RegExp][] = [
  ["0001_person", "0001_person"],
  ["0001", "0001_person"],
  ["0002_b", "0002_book"],
  ["0003", /no revision "0003"/],
  ["0002", /"0002" is the beginning of "0002_book" and "0002_car"/],
  ["000", /no revision "000"/],
  ["person", /no revision "person".*did you mean "0001_person"/],
  ["", /no revision ""/],
];

Deno.test("findRevision() finds an id by what only it begins with", () => {
  const chain = buildChain(
    revisionsOf({ "0001_person": [], "0002_book": ["0001_person"], "0002_car": ["0002_book"] }),
  );
  const found = NAMES.map(([name]) => [name, outcome(() => findRevision(chain, name).revisionId)] as const);
  for (const [i, [name, result]] of found.entries()) {
    const wanted = NAMES[i][1];
    if (typeof wanted === "string") assert.equal(result, wanted, name);
    else assert.match(result, wanted, name);
  }
});

Deno.test("findRevision() takes a full id before a longer one that begins with it", () => {
  const chain = buildChain(revisionsOf({ "0001_a": [], "0001_ab": ["0001_a"] }));
  assert.equal(findRevision(chain, "0001_a").revisionId, "0001_a");
});

function outcome(work: () => string): string {
  try {
    return work();
  } catch (error) {
    const { code, message, hint } = error as CrochetError;
    assert.equal(code, "UNKNOWN_REVISION");
    return `${message} ${hint}`;
  }
}

/** Revisions whose digests are those of their ids, as their children expect. */
function revisionsOf(parents: Record<string, string[]>): Revision[] {
  return Object.entries(parents).map(([id, list]) => ({
    revisionId: id,
    parents: list.map((parent) => ({ id: parent, digest: sha256(parent) })),
    schemaHash: sha256(""),
    rollbackSafe: true,
    parentLine: 5,
    file: `migrations/${id}.ts`,
    language: "ts",
    digest: sha256(id),
    imports: [],
    replaces: [],
    completedBy: [],
    text: "",
  }));
}

function edited(revisions: Revision[], id: string): Revision[] {
  return revisions.map((revision) =>
    revision.revisionId === id ? { ...revision, digest: sha256("edited") } : revision
  );
}
