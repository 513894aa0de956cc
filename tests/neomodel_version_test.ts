/** Names of neomodel versions, and what the versions have: the names were read from their releases. */
import assert from "node:assert/strict";
import {
  isSince,
  neomodelNames,
  parseNeomodelVersion,
  showNeomodelVersion,
} from "../lib/neomodel_version.ts";

/** Names and the release that each means; null where there is none. */
const NAMES: [name: string, release: string | null][] = [
  ["7", "7.0.0"],
  ["7.0", "7.0.0"],
  ["7.0.0", "7.0.0"],
  ["7.4", "7.0.0"],
  ["6", "6.2.0"],
  ["6.0", "6.0.1"],
  ["5", "5.5.3"],
  ["5.0", "5.0.1"],
  ["5.3", "5.3.3"],
  ["5.3.1", "5.3.1"],
  ["5.5.9", "5.5.3"],
  ["8", null],
  ["4", null],
  ["4.0.10", null],
  ["6.9", null],
  ["", null],
  ["seven", null],
  ["7.", null],
  ["-7", null],
];

for (const [name, release] of NAMES) {
  Deno.test(`parseNeomodelVersion("${name}") is ${release}`, () => {
    const version = parseNeomodelVersion(name);
    assert.equal(version === undefined ? null : showNeomodelVersion(version), release);
  });
}

Deno.test("neomodelNames() knows which version has which names and modules", () => {
  const has = (release: string, module: string, name?: string) => {
    const names = neomodelNames(module, parseNeomodelVersion(release)!);
    return names !== "missing" && (name === undefined || names?.has(name) === true);
  };
  const found = ["5.0.1", "5.1.2", "5.3.0", "5.3.2", "5.5.3", "6.0.0", "6.2.0", "7.0.0"].map((release) =>
    [
      has(release, "neomodel.core") && "core",
      has(release, "neomodel.sync_.core") && "sync_.core",
      has(release, "neomodel.sync_.node") && "sync_.node",
      has(release, "neomodel.contrib.pydantic") && "pydantic",
      has(release, "neomodel", "AsyncStructuredNode") && "async",
      has(release, "neomodel", "VectorIndex") && "vector",
      has(release, "neomodel", "EITHER") && "EITHER",
      has(release, "neomodel", "get_config") && "get_config",
    ].filter(Boolean).join(" ")
  );
  assert.deepEqual(found, [
    "core EITHER",
    "core EITHER",
    "sync_.core async EITHER",
    "sync_.core async vector EITHER",
    "sync_.core async vector EITHER",
    "sync_.node async vector get_config",
    "sync_.node async vector get_config",
    "sync_.node pydantic async vector get_config",
  ]);
  assert.ok(isSince(parseNeomodelVersion("5.5")!, "5.3.2"));
});
