/**
 * Takes the name of a neomodel version and says which modules and names that neomodel has. Made by reading the 26
 * releases from 5.0.0 to 7.0.0; what else differs between them is asked for with {@link isSince}.
 */

/** A release as a number that can be compared: 50302 is 5.3.2. */
export type NeomodelVersion = number;

/** The newest release of each line, by which a shorter name is meant. */
const RELEASES = ["5.0.1", "5.1.2", "5.2.1", "5.3.3", "5.4.5", "5.5.3", "6.0.1", "6.1.0", "6.2.0", "7.0.0"];

/** The newest neomodel that is known. */
export const NEWEST_NEOMODEL: NeomodelVersion = numberOf(RELEASES.at(-1)!);

function numberOf(version: string): NeomodelVersion {
  const [major, minor = 0, patch = 0] = version.split(".").map(Number);
  return major * 10_000 + minor * 100 + patch;
}

/**
 * The version that a name means: `7`, `5.5` and `5.3.1` are names; the shorter ones mean the newest of their line,
 * and a later release of the newest line that line. Undefined where no such neomodel is known.
 *
 * @example
 * ```ts
 * import { parseNeomodelVersion } from "./neomodel_version.ts";
 * import assert from "node:assert/strict";
 * assert.equal(parseNeomodelVersion("5.5"), 50503);
 * assert.equal(parseNeomodelVersion("4"), undefined);
 * ```
 */
export function parseNeomodelVersion(name: string): NeomodelVersion | undefined {
  if (!/^\d{1,2}(\.\d{1,2}){0,2}$/.test(name)) return undefined;
  const parts = name.split(".");
  const line = RELEASES.filter((release) => {
    const known = release.split(".");
    return parts.slice(0, 2).every((part, i) => Number(part) === Number(known[i]));
  }).at(-1);
  if (parts.length === 3 && line) return Math.min(numberOf(name), numberOf(line));
  if (line) return numberOf(line);
  return numberOf(name) > NEWEST_NEOMODEL && parts[0] === RELEASES.at(-1)!.split(".")[0]
    ? NEWEST_NEOMODEL
    : undefined;
}

/** Is the version this release or a later one? */
export function isSince(version: NeomodelVersion, release: string): boolean {
  return version >= numberOf(release);
}

/** A version as people write it. */
export function showNeomodelVersion(version: NeomodelVersion): string {
  return [Math.floor(version / 10_000), Math.floor(version / 100) % 100, version % 100].join(".");
}

/** The names of versions that are known, in words. */
export const KNOWN_NEOMODELS = `a version from 5.0 to ${showNeomodelVersion(NEWEST_NEOMODEL)}`;

/** From which release to which one the names of a line exist. */
type Span = [since: string, until: string, names: string];

const TOP_LEVEL: Span[] = [
  [
    "5.0.0",
    "7.0.0",
    "AliasProperty ArrayProperty AttemptedCardinalityViolation BooleanProperty CardinalityViolation " +
    "ConstraintValidationFailed DateProperty DateTimeFormatProperty DateTimeProperty DeflateConflict DeflateError " +
    "DoesNotExist EmailProperty FloatProperty InflateConflict InflateError IntegerProperty JSONProperty " +
    "ModelDefinitionException MultipleNodesReturned NeomodelException NodeClassAlreadyDefined NodeClassNotDefined " +
    "NodeSet NormalizedProperty NotConnected One OneOrMore PropertyManager Q RegexProperty Relationship " +
    "RelationshipClassNotDefined RelationshipClassRedefined RelationshipDefinition RelationshipFrom " +
    "RelationshipManager RelationshipTo RequiredProperty StringProperty StructuredNode StructuredRel Traversal " +
    "UniqueIdProperty UniqueProperty ZeroOrMore ZeroOrOne config db",
  ],
  [
    "5.0.0",
    "5.5.3",
    "EITHER INCOMING OUTGOING change_neo4j_password clear_neo4j_database drop_constraints drop_indexes " +
    "install_all_labels install_labels remove_all_labels",
  ],
  ["5.0.0", "5.2.1", "ClientError Database NodeBase NodeMeta Property classproperty hooks sys warnings"],
  ["5.1.1", "7.0.0", "FeatureNotSupported NeomodelPath"],
  [
    "5.3.0",
    "7.0.0",
    "AsyncNeomodelPath AsyncNodeSet AsyncOne AsyncOneOrMore AsyncPropertyManager AsyncRelationship " +
    "AsyncRelationshipDefinition AsyncRelationshipFrom AsyncRelationshipManager AsyncRelationshipTo " +
    "AsyncStructuredNode AsyncStructuredRel AsyncTraversal AsyncZeroOrMore AsyncZeroOrOne adb",
  ],
  ["5.3.2", "7.0.0", "DateTimeNeo4jFormatProperty FulltextIndex VectorIndex"],
  ["5.4.2", "6.2.0", "Any"],
  ["6.0.0", "7.0.0", "NeomodelConfig get_config reset_config set_config"],
  ["7.0.0", "7.0.0", "MutualExclusionViolation"],
];

const MODULES: Span[] = [
  [
    "5.0.0",
    "7.0.0",
    "neomodel neomodel.config neomodel.contrib neomodel.contrib.spatial_properties neomodel.exceptions neomodel.hooks " +
    "neomodel.match_q neomodel.properties neomodel.scripts neomodel.util",
  ],
  [
    "5.0.0",
    "5.2.1",
    "neomodel.cardinality neomodel.contrib.semi_structured neomodel.core neomodel.match neomodel.relationship " +
    "neomodel.relationship_manager",
  ],
  ["5.1.1", "5.2.1", "neomodel.path"],
  ["5.1.1", "7.0.0", "neomodel._version"],
  ["5.2.0", "7.0.0", "neomodel.integration.numpy neomodel.integration.pandas"],
  [
    "5.3.0",
    "7.0.0",
    "neomodel._async_compat.util neomodel.async_.cardinality neomodel.async_.match neomodel.async_.path " +
    "neomodel.async_.property_manager neomodel.async_.relationship neomodel.async_.relationship_manager " +
    "neomodel.contrib.async_.semi_structured neomodel.contrib.sync_.semi_structured neomodel.sync_.cardinality " +
    "neomodel.sync_.match neomodel.sync_.path neomodel.sync_.property_manager neomodel.sync_.relationship " +
    "neomodel.sync_.relationship_manager",
  ],
  ["5.3.0", "5.5.3", "neomodel.async_.core neomodel.sync_.core"],
  ["5.4.1", "7.0.0", "neomodel.typing"],
  ["5.5.1", "7.0.0", "neomodel.semantic_filters"],
  [
    "6.0.0",
    "7.0.0",
    "neomodel.async_.database neomodel.async_.node neomodel.async_.transaction neomodel.constants " +
    "neomodel.sync_.database neomodel.sync_.node neomodel.sync_.transaction",
  ],
  [
    "7.0.0",
    "7.0.0",
    "neomodel._node_class_registry neomodel.async_._registry neomodel.async_.connection neomodel.async_.query " +
    "neomodel.async_.schema neomodel.contrib.pydantic neomodel.sync_._registry neomodel.sync_.connection " +
    "neomodel.sync_.query neomodel.sync_.schema",
  ],
];

/**
 * Names that `from MODULE import *` brings: all of them for `neomodel` itself; undefined for its other modules,
 * "missing" where the version has no such module.
 */
export function neomodelNames(
  module: string,
  version: NeomodelVersion,
): ReadonlySet<string> | "missing" | undefined {
  const modules = namesOf(MODULES, version);
  const exists = modules.some((name) => name === module || name.startsWith(`${module}.`)) ||
    module.startsWith("neomodel.scripts.");
  if (!exists) return "missing";
  return module === "neomodel" ? new Set(namesOf(TOP_LEVEL, version)) : undefined;
}

function namesOf(spans: Span[], version: NeomodelVersion): string[] {
  return spans.filter(([since, until]) => numberOf(since) <= version && version <= numberOf(until))
    .flatMap(([, , names]) => names.split(" "));
}
