/**
 * The body of the museum's data migration: the rows of `data/` become nodes and relationships of one batch.
 * The demo puts it into an empty migration that `crochet create-migration --empty` wrote.
 */
import type { MigrationContext, Row } from "crochet";
import { float } from "crochet";
import { artists, artworks, attributions, museums, placements, rooms } from "./collection.ts";

/** Whole floats would become integers: the columns that the models declare as floats are marked. */
function floats(rows: readonly Row[], ...columns: string[]): Row[] {
  return rows.map((row) => {
    const marked = columns.filter((column) => typeof row[column] === "number");
    return { ...row, ...Object.fromEntries(marked.map((column) => [column, float(row[column] as number)])) };
  });
}

/** neomodel makes a uid when it saves; rows that come another way bring their own. */
function withUid(rows: readonly Row[], kind: string): Row[] {
  return rows.map((row, i) => ({ uid: `${kind}-${i + 1}`, ...row }));
}

export async function upgrade(ctx: MigrationContext): Promise<void> {
  await ctx.beginBatch();
  await ctx.createNodes("Museum", withUid(museums, "museum"));
  await ctx.createNodes("Room", withUid(floats(rooms, "area_m2"), "room"));
  await ctx.createNodes(["Artist", "Person"], withUid(artists, "artist"));
  await ctx.bulkCreateNodes("Artwork", withUid(floats(artworks, "insured_value"), "artwork"), { chunkSize: 25 });
  await ctx.createRelationships(
    "Artwork",
    "Artist",
    "ATTRIBUTED_TO",
    floats(attributions, "confidence").map(({ inventory_number, name, ...properties }) => ({
      source: inventory_number,
      target: name,
      properties,
    })),
    { sourceKey: "inventory_number", targetKey: "name" },
  );
  await ctx.createRelationships(
    "Artwork",
    "Room",
    "PLACED_IN",
    floats(placements, "checked_at").map(({ inventory_number, code, ...properties }) => ({
      source: inventory_number,
      target: code,
      properties,
    })),
    { sourceKey: "inventory_number", targetKey: "code" },
  );
}

export async function downgrade(ctx: MigrationContext): Promise<void> {
  await ctx.deleteRelationshipsByBatch("PLACED_IN", ctx.batch);
  await ctx.deleteRelationshipsByBatch("ATTRIBUTED_TO", ctx.batch);
  for (const label of ["Artwork", "Artist", "Room", "Museum"]) await ctx.deleteNodesByBatch(label, ctx.batch);
}
