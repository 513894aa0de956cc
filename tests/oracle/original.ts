/**
 * The Python original, `crochet-migration`, and a project that it made: what `crochet adopt` is tested on. The version
 * is pinned and lives in the cache folder; nothing of it enters the repository.
 */
import { join } from "../../lib/path.ts";
import { defaultCacheDir } from "../../lib/server.ts";

/** The version that is adopted, and the neomodel that it reads models with. */
const PACKAGES = ["crochet-migration==0.1.3", "neomodel==7.0.0"];

/** Revisions of the project that `makeOriginalProject` makes; the last one is pending. */
export const ORIGINAL_REVISIONS = ["0001_people_and_cities", "0002_add_email", "0003_tidy_names"];

/** Straight-line calls. The batch puts its people under another label first, so that there is something to rename. */
const FIRST_UP = `    ctx.add_unique_constraint("Person", "name")
    ctx.add_unique_constraint("City", "name")
    ctx.add_index("Person", "id")
    ctx.begin_batch("people-1")
    ctx.create_nodes("Human", [
        {"id": "p1", "name": "Ann", "age": 41, "score": -1.5, "tags": ["a", "b"]},
        {"id": "p2", "name": 'Bjørn "Bo"', "age": None, "score": 2e3, "guest": False},
    ])
    ctx.rename_label("Human", "Person")
    ctx.create_nodes("City", data=[{"id": "c1", "name": "Oslo"}, {"id": "c2", "name": "Rome"}])
    ctx.create_relationships("Person", "City", "DWELLS_IN", [
        {"source_id": "p1", "target_id": "c1", "properties": {"since": "2001"}},
        {"source_id": "p2", "target_id": "c2", "properties": {}},
    ])
    ctx.rename_relationship_type("DWELLS_IN", "LIVES_IN")
    ctx.upsert_nodes("City", [{"id": "c2", "name": "Roma"}, {"id": "c3", "name": "Bergen"}], merge_keys=["id"])
    ctx.upsert_relationships(
        "Person", "City", "VISITED", [{"who": "p1", "where": "c3", "props": {"times": 2}}],
        source_key="who", target_key="where", properties_key="props",
    )
    ctx.bulk_create_nodes("Stamp", [{"id": 1}, {"id": 2}, {"id": 3}], chunk_size=2)
    ctx.add_node_property("Person", "active", default=True)
    ctx.add_node_property("Person", "note")
    ctx.rename_node_property("Person", "score", "points")
    ctx.remove_node_property("Person", "guest")
    # Raw Cypher, in two literals that Python joins.
    ctx.run_cypher(
        "MATCH (p:Person {id: $id}) "
        "SET p.nickname = $nickname", {"id": "p1", "nickname": "Annie"})
`;

const FIRST_DOWN = `    ctx.delete_relationships_by_batch("VISITED", "people-1")
    ctx.delete_nodes_by_batch("Stamp", "people-1")
    ctx.delete_nodes_by_batch("Person", "people-1")
    ctx.delete_nodes_by_batch("City", "people-1")
    ctx.drop_index("Person", "id")
    ctx.drop_unique_constraint("City", "name")
    ctx.drop_unique_constraint("Person", "name")
`;

/** Not straight-line: what it does depends on running it. */
const THIRD_UP = `    batch = ctx.begin_batch()
    for number, name in enumerate(["Cy", "Di"], start=3):
        if name != "Cy":
            ctx.create_nodes("Person", [{"id": f"p{number}", "name": name, "source": batch}])
`;

const THIRD_DOWN = `    for name in ("Cy", "Di"):
        ctx.run_cypher("MATCH (p:Person {name: $name}) DELETE p", {"name": name})
`;

/** Makes or finds the original in the cache folder; gives the path of its executable. Throws where Python is missing. */
export async function prepareOriginal(): Promise<string> {
  const home = join(defaultCacheDir(), "oracle", PACKAGES.join("-").replaceAll("==", "-"));
  const bin = join(home, "venv", "bin");
  Deno.mkdirSync(home, { recursive: true });
  // Suites run side by side, and one of them makes it.
  using lock = Deno.openSync(join(home, "lock"), { create: true, write: true });
  await lock.lock(true);
  if (![...Deno.readDirSync(home)].some((entry) => entry.name === "complete")) {
    await run("python3", ["-m", "venv", "--clear", join(home, "venv")]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await run(join(bin, "python"), [...pip, ...PACKAGES]);
    Deno.writeTextFileSync(join(home, "complete"), "");
  }
  return join(bin, "crochet");
}

/**
 * Makes a project in a folder with the real original, and applies all of its migrations but the last to the graph that
 * the variables `CROCHET_NEO4J_URI`, `_USERNAME` and `_PASSWORD` name. Gives the project's folder.
 */
export async function makeOriginalProject(
  executable: string,
  folder: string,
  env: Record<string, string>,
): Promise<string> {
  const [first, second, third] = ORIGINAL_REVISIONS;
  const original = (args: string[], more: Record<string, string> = {}) =>
    // The original does not look for a project's modules in the project's folder by itself.
    run(executable, args, folder, { PYTHONPATH: folder, ...more });
  const edit = (path: string, change: (text: string) => string) => {
    const text = Deno.readTextFileSync(join(folder, path));
    const changed = change(text);
    if (changed === text) throw new Error(`the original's ${path} is not as expected:\n${text}`);
    Deno.writeTextFileSync(join(folder, path), changed);
  };
  const fill = (revision: string, ...bodies: string[]) =>
    edit(`migrations/${revision}.py`, (text) => text.replace(/^ {4}pass\n/gm, () => bodies.shift() ?? "?"));
  const draft = (revision: string) => original(["create-migration", revision.slice(5).replaceAll("_", " ")]);

  Deno.mkdirSync(folder, { recursive: true });
  await original(["new-project", "--name", "people"]);
  await original(["create-node", "Person", "--kgid", "person_v1"]);
  await original(["create-node", "City", "--kgid", "city_v1"]);
  await original(["create-relationship", "LivesIn", "--rel-type", "LIVES_IN", "--kgid", "livesin_v1"]);
  edit("models/livesin.py", (text) => `${text}    since = StringProperty()\n`);
  const imports = "\n\nfrom models.livesin import LivesIn\n";
  const livesIn = '    lives_in = RelationshipTo("models.city.City", "LIVES_IN", model=LivesIn)\n';
  edit(
    "models/person.py",
    (text) => text.replace("StringProperty\n", `RelationshipTo, StringProperty${imports}`) + livesIn,
  );
  await draft(first);
  fill(first, FIRST_UP, FIRST_DOWN);

  edit("models/person.py", (text) => `${text}    email = StringProperty(index=True)\n`);
  await draft(second);
  await draft(third);
  fill(third, THIRD_UP, THIRD_DOWN);
  await original(["upgrade", "--target", second], env);
  return folder;
}

/** Runs a command that must succeed, without the variables of the tester's own shell that it would read. */
async function run(command: string, args: string[], cwd?: string, env: Record<string, string> = {}) {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => !/^(CROCHET_|PYTHON)/.test(name));
  const { code, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    clearEnv: true,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  const end = new TextDecoder().decode(stderr).slice(-600);
  throw new Error(`${command} ${args.slice(0, 4).join(" ")} failed: ${end}`);
}
