/**
 * Starts real servers in temporary folders and asks of them what lib/server.ts promises.
 * Every server that is started here is stopped here. Never uses the usual ports, so that a server of yours may run.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CrochetError } from "../../lib/error.ts";
import {
  boltAnswers,
  defaultCacheDir,
  LTS_SERVER,
  NEWEST_SERVER,
  serverStatus,
  startServer,
  stopServer,
} from "../../lib/server.ts";
import { findTools } from "../../lib/server_tools.ts";

// a started server is a child that is meant to stay, which the leak check of a test takes for a leak
const WITH_SERVER = { sanitizeOps: false, sanitizeResources: false };
const ANY = { boltPort: 0, httpPort: 0 };

for (const version of [LTS_SERVER, NEWEST_SERVER]) {
  Deno.test(
    `startServer() runs Neo4j ${version} until stopServer()`,
    WITH_SERVER,
    () =>
      inTemporaryFolder(async (home) => {
        const server = await timed(`start ${version}`, () => startServer({ home, version, ...ANY }));
        assert.equal(server.version, version);
        assert.equal(server.uri, `bolt://127.0.0.1:${server.boltPort}`);
        assert.deepEqual(await serverStatus(home), { state: "running", server });
        assert.equal(await boltAnswers(server.boltPort), true);
        assert.equal(await cypher(server, "RETURN 1 + 1"), "2");
        assert.deepEqual(JSON.parse(await Deno.readTextFile(join(home, "run", "server.json"))), server);
        assert.equal((await Deno.stat(join(home, "run", "server.json"))).mode! & 0o777, 0o600);

        assert.deepEqual(await startServer({ home }), server, "a second start gives the running one");
        await rejects(startServer({ home, version: "5.25.1" }), "USAGE", /"5\.25\.1".*is running there$/);
        const taken = startServer({
          home: join(home, "other"),
          version,
          boltPort: server.boltPort,
          httpPort: 0,
        });
        await rejects(
          taken,
          "SERVER_UNAVAILABLE",
          new RegExp(`^Cannot use port ${server.boltPort}: it is in use$`),
        );

        assert.equal(await timed(`stop ${version}`, () => stopServer(home)), true);
        assert.deepEqual(await serverStatus(home), { state: "stopped" });
        assert.equal(await boltAnswers(server.boltPort), false);
        assert.equal(await stopServer(home), false);
      }),
  );
}

Deno.test(
  "startServer() keeps the version, the password and the data of a stopped home",
  WITH_SERVER,
  () =>
    inTemporaryFolder(async (home) => {
      const first = await startServer({ home, version: "lts", password: "-p w'1", ...ANY });
      await cypher(first, "CREATE (:Kept)");
      await stopServer(home);
      const again = await timed("restart", () => startServer({ home, password: "other", ...ANY }));
      assert.deepEqual([again.version, again.password], [LTS_SERVER, "-p w'1"]);
      assert.equal(await cypher(again, "MATCH (n:Kept) RETURN count(n)"), "1");
    }),
);

Deno.test(
  "startServer() gives one server to two that start at once",
  WITH_SERVER,
  () =>
    inTemporaryFolder(async (home) => {
      const both = await Promise.all([1, 2].map(() => startServer({ home, version: "lts", ...ANY })));
      assert.deepEqual(both[0], both[1]);
    }),
);

Deno.test(
  "a started server outlives the command that started it, and its Ctrl-C",
  WITH_SERVER,
  () =>
    inTemporaryFolder(async (home) => {
      const options = JSON.stringify({ home, version: "lts", ...ANY });
      const script = `import { startServer } from "${import.meta.resolve("../../lib/server.ts")}";
      console.log((await startServer(${options})).boltPort);
      setTimeout(() => {}, 60_000);`;
      const command = new Deno.Command("setsid", {
        args: [Deno.execPath(), "run", "-A", "--no-config", "--ext=ts", "-"],
        stdin: "piped",
        stdout: "piped",
      });
      const starter = command.spawn();
      const writer = starter.stdin.getWriter();
      await writer.write(new TextEncoder().encode(script));
      await writer.close();
      const reader = starter.stdout.getReader();
      const port = Number(new TextDecoder().decode((await reader.read()).value));
      Deno.kill(-starter.pid as number, "SIGINT"); // what a terminal does: to the whole group
      assert.equal((await starter.status).success, false);
      await reader.cancel();
      assert.equal(await boltAnswers(port), true);
      assert.equal((await serverStatus(home)).state, "running");
    }),
);

Deno.test(
  "startServer() shows the log of a server that ends early",
  WITH_SERVER,
  () =>
    inTemporaryFolder(async (home) => {
      const settings = { "server.memory.pagecache.size": "much" };
      const start = startServer({ home, version: "lts", settings, ...ANY });
      await rejects(start, "SERVER_UNAVAILABLE", /much/);
      assert.deepEqual(await serverStatus(home), { state: "stopped" });
    }),
);

Deno.test(
  "startServer() kills what it started on a timeout and on an abort",
  WITH_SERVER,
  () =>
    inTemporaryFolder(async (home) => {
      const slow = startServer({ home, version: "lts", timeoutMs: 1_000, ...ANY });
      await rejects(slow, "SERVER_UNAVAILABLE", /it is not ready after 1 s/);
      assert.deepEqual(await serverStatus(home), { state: "stopped" });

      const controller = new AbortController();
      const aborted = startServer({ home, version: "lts", signal: controller.signal, ...ANY });
      while ((await serverStatus(home)).state === "stopped") {
        await new Promise((done) => setTimeout(done, 20));
      }
      controller.abort(new Error("enough"));
      await assert.rejects(aborted, { message: "enough" });
      assert.deepEqual(await serverStatus(home), { state: "stopped" });
    }),
);

Deno.test("stopServer() leaves a process alone that is not the server", () =>
  inTemporaryFolder(async (home) => {
    const server = { home, pid: Deno.pid, boltPort: 1, version: LTS_SERVER };
    await Deno.mkdir(join(home, "run"));
    await Deno.writeTextFile(join(home, "run", "server.json"), JSON.stringify(server));
    assert.deepEqual(await serverStatus(home), { state: "stopped" });
    assert.equal(await stopServer(home), false);
  }));

Deno.test("startServer() names everything that is missing", () =>
  inTemporaryFolder(async (home) => {
    const environment = { PATH: "", JAVA_HOME: "", HOME: home };
    assert.equal((await findTools(environment)).mvn, undefined);
    for (const [version, java] of [[LTS_SERVER, "a JDK 17 to 21"], [NEWEST_SERVER, "a JDK 21 or newer"]]) {
      const wanted = new RegExp(
        `"${version}": found .*JDK.*no mvn, no docker .*needs ${java} with mvn, or a Docker`,
      );
      const start = startServer({ home, version, environment, cacheDir: home, ...ANY });
      await rejects(start, "SERVER_UNAVAILABLE", wanted);
    }
  }));

Deno.test("findTools() reads the version of a JDK from its release file, else from the program", () =>
  inTemporaryFolder(async (home) => {
    const java = async (folder: string, script: string, release?: string) => {
      await Deno.mkdir(join(home, folder, "bin"), { recursive: true });
      await Deno.writeTextFile(join(home, folder, "bin", "java"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      if (release) await Deno.writeTextFile(join(home, folder, "release"), release);
    };
    await java("a", "exit 1", 'IMPLEMENTOR="X"\nJAVA_VERSION="3.0.15"\n');
    await java(".sdkman/candidates/java/b", `echo 'openjdk version "1.2.0_402"' >&2`);
    await java("c", "exit 1");
    const environment = { JAVA_HOME: join(home, "a"), HOME: home, PATH: join(home, "c", "bin") };
    const { jdks } = await findTools(environment);
    assert.deepEqual(jdks.filter((jdk) => jdk.home.startsWith(home)), [
      { home: join(home, ".sdkman/candidates/java/b"), major: 2 },
      { home: join(home, "a"), major: 3 },
    ]);
  }));

Deno.test("startServer() shows what Maven printed when it failed", () =>
  inTemporaryFolder(async (home) => {
    await Deno.writeTextFile(join(home, "mvn"), "#!/bin/sh\necho no such artifact\nexit 1\n", {
      mode: 0o755,
    });
    const environment = { ...Deno.env.toObject(), MVN: join(home, "mvn") };
    const start = startServer({
      home: join(home, "s"),
      version: "5.99.0",
      environment,
      cacheDir: home,
      ...ANY,
    });
    await rejects(start, "SERVER_UNAVAILABLE", /jars of Neo4j "5\.99\.0": .*mvn failed\nno such artifact$/);
    assert.deepEqual(Array.from(Deno.readDirSync(join(home, "neo4j", "5.99.0"))), []);
  }));

Deno.test("startServer() falls back to a container", () =>
  inTemporaryFolder(async (home) => {
    // a docker that notes what it was told, and a listener that plays the server in the container
    const calls = join(home, "calls");
    const script =
      `#!/bin/sh\necho "$@" >> "${calls}"\ncase $1 in inspect) echo true;; logs) echo Started.;; esac\n`;
    await Deno.writeTextFile(join(home, "docker"), script, { mode: 0o755 });
    const path = Deno.env.get("PATH")!;
    Deno.env.set("PATH", `${home}:${path}`);
    const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const boltPort = probe.addr.port;
    probe.close();
    let listener: Deno.TcpListener | undefined;
    const log = (line: string) => {
      if (!line.includes("(docker)")) return;
      listener = Deno.listen({ hostname: "127.0.0.1", port: boltPort });
      (async () => {
        for await (const connection of listener) {
          await connection.write(new Uint8Array([0, 0, 4, 5]));
          connection.close();
        }
      })();
    };
    try {
      const environment = { PATH: home, HOME: home };
      const settings = { "db.a_b": "c" };
      const server = await startServer({
        home,
        environment,
        cacheDir: home,
        boltPort,
        httpPort: 0,
        settings,
        log,
      });
      assert.deepEqual([server.how, server.pid, server.version], ["docker", null, NEWEST_SERVER]);
      assert.equal((await serverStatus(home)).state, "running");
      assert.equal(await stopServer(home), true);
      const text = await Deno.readTextFile(calls);
      assert.match(text, new RegExp(`run -d --name ${server.container} .*-p 127.0.0.1:${boltPort}:7687 `));
      assert.match(text, new RegExp(` -e NEO4J_db_a__b=c neo4j:${NEWEST_SERVER}\n`));
      assert.match(text, new RegExp(`rm -f ${server.container}\n$`));
    } finally {
      listener?.close();
      Deno.env.set("PATH", path);
    }
  }));

Deno.test("startServer() refuses versions that it cannot run", async () => {
  for (const version of ["4.4.48", "6", "2024.01.0", "5.26.30</version>"]) {
    await rejects(
      startServer({ home: "/nowhere", version }),
      "USAGE",
      /only 5\.x\.y and 2025\.x\.y or newer$/,
    );
  }
});

Deno.test("defaultCacheDir() takes the first place that the environment names", () => {
  assert.equal(defaultCacheDir({ CROCHET_CACHE_DIR: "/c", XDG_CACHE_HOME: "/x", HOME: "/h" }), "/c");
  assert.equal(defaultCacheDir({ CROCHET_CACHE_DIR: "", XDG_CACHE_HOME: "/x", HOME: "/h" }), "/x/crochet");
  const usual = Deno.build.os === "darwin" ? "/h/Library/Caches/crochet" : "/h/.cache/crochet";
  if (Deno.build.os !== "windows") assert.equal(defaultCacheDir({ HOME: "/h" }), usual);
});

async function inTemporaryFolder(test: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.realPath(await Deno.makeTempDir({ prefix: "crochet server " }));
  try {
    await test(home);
  } finally {
    await stopServer(home);
    await Deno.remove(home, { recursive: true });
  }
}

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await action();
  if (Deno.env.get("CROCHET_TIMES")) {
    console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  return result;
}

async function rejects(start: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(start, (error) => {
    assert.ok(error instanceof CrochetError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

/** The first value that a query gives, over HTTP, as text. */
async function cypher(server: { httpPort: number; password: string }, statement: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/db/neo4j/query/v2`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`neo4j:${server.password}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ statement }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  return String(data.values[0]?.[0]);
}
