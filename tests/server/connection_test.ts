/** Ways to a server that speaks TLS: schemes, a certificate authority of one's own, and what is said where it fails. */
import assert from "node:assert/strict";
import { join } from "../../lib/path.ts";
import { startServer, stopServer } from "../../lib/server.ts";
import { type Outcome, showData, TestProject, withFolder, withProject, writeMigration } from "../harness.ts";
import { connectGraph } from "../../lib/graph.ts";

/** A certificate authority and a server's certificate that it signed, in a folder. */
async function makeCertificates(folder: string): Promise<void> {
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  for (const name of ["ca", "other"]) {
    await openssl(
      ..."req -x509 -newkey rsa:2048 -nodes -days 2 -subj".split(" "),
      `/CN=Authority ${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
    );
  }
  await openssl(
    ..."req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout private.key -out server.csr".split(" "),
  );
  Deno.writeTextFileSync(join(folder, "names"), "subjectAltName=DNS:localhost");
  await openssl(
    ..."x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out public.crt -days 2 -extfile names"
      .split(" "),
  );
}

Deno.test("TLS: every scheme, an authority of one's own, and what is said where it does not fit", async () => {
  await withFolder(async (folder) => {
    await makeCertificates(folder);
    const policy = "dbms.ssl.policy.bolt";
    const server = await startServer({
      home: join(folder, "server"),
      boltPort: 0,
      httpPort: 0,
      settings: {
        [`${policy}.enabled`]: "true",
        [`${policy}.base_directory`]: folder,
        [`${policy}.private_key`]: "private.key",
        [`${policy}.public_certificate`]: "public.crt",
        [`${policy}.client_auth`]: "NONE",
        "server.bolt.tls_level": "OPTIONAL",
      },
    });
    try {
      await withProject({}, async (bare) => {
        await writeMigration(bare, "one", `  await ctx.createNodes("A", [{ x: 1 }]);`);
        const at = (uri: string, more: Record<string, string> = {}) =>
          new TestProject(bare.root, {
            CROCHET_NEO4J_URI: `${uri}:${server.boltPort}`,
            CROCHET_NEO4J_PASSWORD: server.password,
            ...more,
          });
        const ca = { CROCHET_NEO4J_CA_FILE: join(folder, "ca.pem") };
        const good: [uri: string, more?: Record<string, string>][] = [
          ["bolt://localhost"],
          ["bolt+ssc://localhost"],
          ["neo4j+ssc://localhost"],
          ["bolt+s://localhost", ca],
          ["neo4j+s://localhost", ca],
        ];
        for (const [uri, more] of good) {
          const { code, err } = await at(uri, more).run("upgrade", "--check");
          assert.equal(code, 1, `${uri}: ${err}`);
        }
        const secret = "not-the-password-7f3a";
        const bad: [uri: string, more: Record<string, string>, code: number, says: RegExp][] = [
          ["bolt+s://localhost", {}, 3, /certificate is not trusted\n.*ca_file.*CROCHET_NEO4J_CA_FILE/],
          ["neo4j+s://localhost", {}, 3, /certificate is not trusted/],
          [
            "bolt+s://localhost",
            { CROCHET_NEO4J_CA_FILE: join(folder, "other.pem") },
            3,
            /certificate is not trusted/,
          ],
          ["bolt+s://127.0.0.1", ca, 3, /certificate is for another host name/],
          ["bolt://localhost", ca, 2, /ca_file is set, but .* does not ask for a checked certificate/],
          [
            "bolt+s://localhost",
            { CROCHET_NEO4J_CA_FILE: "nowhere.pem" },
            2,
            /Reading ca_file .*nowhere\.pem" failed/,
          ],
          [
            "bolt+s://localhost",
            { CROCHET_NEO4J_CA_FILE: join(folder, "names") },
            2,
            /no certificate in PEM form/,
          ],
          ["bolt+s://localhost", { ...ca, CROCHET_NEO4J_PASSWORD: secret }, 3, /refuses the user "neo4j"/],
          [
            "bolt+s://localhost",
            { ...ca, CROCHET_NEO4J_DATABASE: "nix" },
            3,
            /database "nix" does not exist/,
          ],
        ];
        for (const [uri, more, code, says] of bad) {
          for (const debug of [[], ["--debug"]]) {
            const outcome: Outcome = await at(uri, more).run("upgrade", ...debug);
            assert.equal(outcome.code, code, `${uri} ${JSON.stringify(more)}: ${outcome.err}`);
            assert.match(outcome.err, says, uri);
            assert.ok(!(outcome.out + outcome.err).includes(secret), "the password is shown");
          }
        }
        // The settings file names the authority from the project's folder.
        Deno.copyFileSync(join(folder, "ca.pem"), join(bare.root, "ca.pem"));
        bare.write(
          "crochet.toml",
          bare.read("crochet.toml").replace(/\[neo4j\]/, '[neo4j]\nca_file = "ca.pem"'),
        );
        const done = await at("bolt+s://localhost").run("upgrade");
        assert.equal(done.code, 0, done.err);
      });
      const graph = await connectGraph({
        uri: server.uri,
        username: "neo4j",
        password: server.password,
        passwordVariable: "",
        database: undefined,
        environment: "default",
      }, "test");
      assert.equal((await showData(graph)).length, 1);
      await graph.close();
    } finally {
      await stopServer(server.home);
    }
  });
});

Deno.test("a port that does not speak TLS, nothing there, an unknown host: each says what it is", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })();
  await withProject({}, async (project) => {
    const { port } = listener.addr;
    for (
      const [uri, says] of [
        [`bolt+s://127.0.0.1:${port}`, /does not speak TLS there\nHint: write the URI without \+s: bolt:/],
        ["bolt://127.0.0.1:1", /nothing answers there/],
        ["bolt://no-such-host.invalid", /host name is not known/],
      ] as const
    ) {
      const outcome = await project.with({ CROCHET_NEO4J_URI: uri, CROCHET_NEO4J_PASSWORD: "x" }).run(
        "verify",
      );
      assert.equal(outcome.code, 3, outcome.err);
      assert.match(outcome.err, says, uri);
    }
  });
  listener.close();
  await accepting;
});
