/** Settings: what wins over what, and every bad input with the line it stands on and the way out. */
import assert from "node:assert/strict";
import { checkUri, type Overrides, readConfig, type Settings } from "../lib/config.ts";
import { type CrochetError, formatPlace } from "../lib/error.ts";

const DEFAULTS: Settings = {
  name: "my-graph",
  modelsPath: "models",
  migrationsPath: "migrations",
  ledgerPath: ".crochet/ledger.db",
  modelRoots: [],
  modelIgnore: [],
  neomodel: 70000,
  existence: false,
  lintIgnore: [],
  timeLimitMs: 30_000,
  graph: {
    uri: "bolt://localhost:7687",
    username: "neo4j",
    password: undefined,
    passwordVariable: "CROCHET_NEO4J_PASSWORD",
    database: undefined,
    environment: "default",
  },
};

const FILE = `# A project.
[project]
name = "p"
neomodel = "5.5"
models_path = "app/models"
migrations_path = "db"

[neo4j]
uri = "bolt://file"
username = "file-user"
database = "file-db"
password_env = "FILE_PASSWORD"

[ledger]
path = "l.db"

[models]
roots = ["src", "lib"]
ignore = ["Draft"]

[migrations]
time_limit_seconds = 1.5

[schema]
required = "existence"

[lint]
ignore = ["large-transform"]

[env.staging]
uri = "bolt+s://staging"
username = "staging-user"
database = "staging-db"
password_env = "STAGING_PASSWORD"

[env.empty]
`;

Deno.test("readConfig() has a default for everything", () => {
  assert.deepEqual(read(""), DEFAULTS);
  assert.deepEqual(
    read("[project]\n[neo4j]\n[ledger]\n[models]\n[migrations]\n[schema]\n[lint]\n"),
    DEFAULTS,
  );
  assert.equal(read('[schema]\nrequired = "models"\n').existence, false);
});

Deno.test("readConfig() reads every key", () => {
  assert.deepEqual(read(FILE), {
    name: "p",
    modelsPath: "app/models",
    migrationsPath: "db",
    ledgerPath: "l.db",
    modelRoots: ["src", "lib"],
    modelIgnore: ["Draft"],
    neomodel: 50503,
    existence: true,
    lintIgnore: ["large-transform"],
    timeLimitMs: 1500,
    graph: {
      uri: "bolt://file",
      username: "file-user",
      password: undefined,
      passwordVariable: "FILE_PASSWORD",
      database: "file-db",
      environment: "default",
    },
  });
});

Deno.test("readConfig() reads CRLF, a byte order mark's absence and dotted keys alike", () => {
  assert.deepEqual(read(FILE.replaceAll("\n", "\r\n")), read(FILE));
  assert.equal(read('neo4j.uri = "bolt://dotted"\n').graph.uri, "bolt://dotted");
  assert.equal(read('neo4j = { uri = "bolt://inline" }\n').graph.uri, "bolt://inline");
});

/** Overrides, and uri, username, database and password that win. */
const PRECEDENCE: [about: string, overrides: Overrides, wins: (string | undefined)[]][] = [
  ["the file", { variables: {} }, ["bolt://file", "file-user", "file-db", undefined]],
  ["an environment over the file", { variables: {}, environment: "staging" }, [
    "bolt+s://staging",
    "staging-user",
    "staging-db",
    undefined,
  ]],
  ["the file where the environment says nothing", { variables: {}, environment: "empty" }, [
    "bolt://file",
    "file-user",
    "file-db",
    undefined,
  ]],
  [
    "variables over the environment",
    {
      variables: {
        CROCHET_NEO4J_URI: "bolt://variable",
        CROCHET_NEO4J_USERNAME: "variable-user",
        CROCHET_NEO4J_DATABASE: "variable-db",
      },
      environment: "staging",
    },
    ["bolt://variable", "variable-user", "variable-db", undefined],
  ],
  [
    "variables over the file",
    { variables: { CROCHET_NEO4J_URI: "bolt://variable", CROCHET_NEO4J_DATABASE: "variable-db" } },
    ["bolt://variable", "file-user", "variable-db", undefined],
  ],
  [
    "nothing by empty variables",
    { variables: { CROCHET_NEO4J_URI: "", CROCHET_NEO4J_USERNAME: "", CROCHET_NEO4J_DATABASE: "" } },
    ["bolt://file", "file-user", "file-db", undefined],
  ],
  ["the file's password variable", { variables: { FILE_PASSWORD: "f", STAGING_PASSWORD: "s" } }, [
    "bolt://file",
    "file-user",
    "file-db",
    "f",
  ]],
  [
    "the environment's password variable",
    { variables: { FILE_PASSWORD: "f", STAGING_PASSWORD: "s" }, environment: "staging" },
    ["bolt+s://staging", "staging-user", "staging-db", "s"],
  ],
  ["the common password variable", { variables: { CROCHET_NEO4J_PASSWORD: "c" } }, [
    "bolt://file",
    "file-user",
    "file-db",
    "c",
  ]],
];

for (const [about, overrides, wins] of PRECEDENCE) {
  Deno.test(`readConfig() takes ${about}`, () => {
    const { uri, username, database, password, environment } = read(FILE, overrides).graph;
    assert.deepEqual([uri, username, database, password], wins);
    assert.equal(environment, overrides.environment ?? "default");
  });
}

Deno.test("readConfig() takes variables over defaults", () => {
  const { graph } = read("", { variables: { CROCHET_NEO4J_URI: "neo4j://v", CROCHET_NEO4J_PASSWORD: "p" } });
  assert.deepEqual([graph.uri, graph.username, graph.password], ["neo4j://v", "neo4j", "p"]);
});

/** Bad files: the place, the words and the hint. */
const BAD: [about: string, text: string, place: string, message: RegExp, hint: RegExp][] = [
  [
    "a neomodel that is not known",
    '[project]\nname = "p"\nneomodel = "4.0"\n',
    "crochet.toml:3",
    /neomodel "4\.0" is not known/,
    /5\.0 to 7\.0\.0/,
  ],
  [
    "a neomodel that is a number",
    "[project]\nneomodel = 7\n",
    "crochet.toml:2",
    /text in quotes/,
    /neomodel = "\.\.\."/,
  ],
  ["no TOML", "[project]\nname = p\n", "crochet.toml:2:8", /./, /texts stand in quotes/],
  ["an open text", '[project]\n\nname = "p\n', "crochet.toml:3:10", /./, /texts stand in quotes/],
  ["a table twice", "[project]\n[project]\n", "crochet.toml:2:2", /./, /correct the line/],
  ["a key twice", '[project]\nname = "a"\nname = "b"\n', "crochet.toml:3:1", /./, /correct the line/],
  ["an unknown table", "[projekt]\n", "crochet.toml:1", /"projekt" is not known/, /did you mean \[project\]/],
  [
    "an unknown table without a near one",
    "# a\n[zebra]\n",
    "crochet.toml:2",
    /"zebra" is not known/,
    /known tables: \[project\], .*\[env\.NAME\]/,
  ],
  ["a key outside of a table", 'uri = "bolt://x"\n', "crochet.toml:1", /"uri" is not known/, /known tables/],
  [
    "an unknown key",
    '[project]\nname = "p"\nmodel_path = "m"\n',
    "crochet.toml:3",
    /the key "model_path" in \[project\] is not known/,
    /did you mean "models_path"/,
  ],
  [
    "an unknown key without a near one",
    "[ledger]\nzebra = 1\n",
    "crochet.toml:2",
    /"zebra" in \[ledger\]/,
    /known keys: path/,
  ],
  [
    "an unknown key of an environment",
    '[env.live]\n\nurl = "bolt://x"\n',
    "crochet.toml:3",
    /"url" in \[env\.live\]/,
    /did you mean "uri"/,
  ],
  [
    "a key that every object has",
    "[project]\nconstructor = 1\n",
    "crochet.toml:2",
    /"constructor" in \[project\] is not known/,
    /known keys/,
  ],
  [
    "a table that every object has",
    "[toString]\n",
    "crochet.toml:1",
    /"toString" is not known/,
    /known tables/,
  ],
  [
    "a key of another table with the same name",
    '[models]\nroots = []\n[project]\nroots = ["x"]\n',
    "crochet.toml:4",
    /"roots" in \[project\] is not known/,
    /known keys/,
  ],
  [
    "a number for a text",
    "[neo4j]\nuri = 7687\n",
    "crochet.toml:2",
    /"uri" .* a text in quotes/,
    /uri = "\.\.\."/,
  ],
  [
    "an empty text",
    '[project]\nname = " "\n',
    "crochet.toml:2",
    /"name" .* a text in quotes/,
    /name = "\.\.\."/,
  ],
  ["a date for a text", "[project]\nname = 2024-01-01\n", "crochet.toml:2", /a text in quotes/, /name = "/],
  [
    "true for a text",
    "[env.e]\ndatabase = true\n",
    "crochet.toml:2",
    /"database" in \[env\.e\]/,
    /database = "/,
  ],
  [
    "a text for a list",
    '[models]\nroots = "src"\n',
    "crochet.toml:2",
    /a list of texts/,
    /roots = \["\.\.\."\]/,
  ],
  ["numbers in a list", "[models]\nignore = [1]\n", "crochet.toml:2", /a list of texts/, /ignore = \["/],
  ...["0", "-1", "inf", "nan", '"30"', "true"].map((value): (typeof BAD)[number] => [
    `a time limit of ${value}`,
    `[migrations]\ntime_limit_seconds = ${value}\n`,
    "crochet.toml:2",
    /a number above 0/,
    /time_limit_seconds = 30/,
  ]),
  [
    "required that means nothing known",
    '[schema]\n# note\nrequired = "always"\n',
    "crochet.toml:3",
    /required "always" is not known/,
    /required = "models" .* or "existence"/,
  ],
  [
    "required that is true",
    "[schema]\nrequired = true\n",
    "crochet.toml:2",
    /a text in quotes/,
    /required = "/,
  ],
  ["a text for lint rules", '[lint]\nignore = "x"\n', "crochet.toml:2", /a list of texts/, /ignore = \["/],
  [
    "an unknown key of the schema",
    '[schema]\nrequire = "models"\n',
    "crochet.toml:2",
    /"require" in \[schema\] is not known/,
    /did you mean "required"/,
  ],
  ["a value for a table", "neo4j = 1\n", "crochet.toml:1", /"neo4j" must be a table/, /write \[neo4j\]/],
  [
    "a list of tables",
    '# a\n[[neo4j]]\nuri = "x"\n',
    "crochet.toml:2",
    /"neo4j" must be a table/,
    /write \[neo4j\]/,
  ],
  ["a value for the environments", "env = 1\n", "crochet.toml:1", /"env" must be a table/, /\[env\.NAME\]/],
  [
    "a value for an environment",
    "[env]\nlive = 1\n",
    "crochet.toml:2",
    /"env\.live" must be a table/,
    /write \[env\.live\]/,
  ],
  [
    "a password",
    '[neo4j]\nuri = "bolt://x"\npassword = "s3cret"\n',
    "crochet.toml:3",
    /a password stands in the file/,
    /CROCHET_NEO4J_PASSWORD/,
  ],
  [
    "a password of an environment",
    '[env.live]\npassword = "s3cret"\n',
    "crochet.toml:2",
    /a password stands in the file/,
    /CROCHET_NEO4J_PASSWORD/,
  ],
  [
    "a password in quotes",
    '[neo4j]\n"password" = "s3cret"\n',
    "crochet.toml:2",
    /a password stands in the file/,
    /CROCHET_NEO4J_PASSWORD/,
  ],
  [
    "a password in another table",
    '[ledger]\npassword = "s3cret"\n',
    "crochet.toml:2",
    /a password stands in the file/,
    /CROCHET_NEO4J_PASSWORD/,
  ],
  [
    "a header with white space",
    '[ neo4j ] # note\nurii = "x"\n',
    "crochet.toml:2",
    /"urii" in \[neo4j\]/,
    /did you mean "uri"/,
  ],
  [
    "a header in quotes",
    '[env."live"]\nurii = "x"\n',
    "crochet.toml:2",
    /"urii" in \[env\.live\]/,
    /did you mean "uri"/,
  ],
];

for (const [about, text, place, message, hint] of BAD) {
  Deno.test(`readConfig() refuses ${about}`, () => {
    for (const saved of [text, text.replaceAll("\n", "\r\n")]) {
      checkRefusal(() => read(saved), { place, message, hint });
    }
  });
}

Deno.test("readConfig() refuses an environment that is not there", () => {
  const at = (environment: string) => () => read(FILE, { variables: {}, environment });
  checkRefusal(at("stagin"), {
    place: "crochet.toml",
    message: /"stagin" is not in "crochet\.toml"/,
    hint: /did you mean --env staging/,
  });
  for (const name of ["zebra", "toString", "__proto__", ""]) {
    checkRefusal(at(name), { place: "crochet.toml", message: /is not in/, hint: /add a table \[env\./ });
  }
});

Deno.test("readConfig() never shows a password that stands in the file", () => {
  for (
    const text of [
      '[neo4j]\npassword = "s3cret"\n',
      '[neo4j]\npasswort = "s3cret"\n',
      '[neo4j]\npassword = "s3cret\n',
      "[neo4j]\npassword = s3cret\n",
      'password = "s3cret"\n',
    ]
  ) {
    assert.throws(() => read(text), (error: CrochetError) => {
      assert.equal(error.code, "CONFIG_INVALID");
      assert.ok(!`${error.message} ${error.hint}`.includes("s3cret"), error.message);
      return true;
    });
  }
});

/** URIs, and what they are taken for or why they are refused. */
const URIS: [uri: string, result: string | RegExp][] = [
  ["bolt://localhost:7687", "bolt://localhost:7687"],
  [" neo4j+s://x.databases.neo4j.io \n", "neo4j+s://x.databases.neo4j.io"],
  ["BOLT://localhost", "BOLT://localhost"],
  ["neo4j+ssc://[::1]:7687", "neo4j+ssc://[::1]:7687"],
  ["neo4j://h?policy=eu", "neo4j://h?policy=eu"],
  ["blt://localhost", /the scheme "blt".*did you mean bolt:/],
  ["http://localhost:7474", /the scheme "http"/],
  ["localhost:7687", /no scheme.*bolt:\/\/host:7687/],
  ["", /no scheme/],
  ["bolt:localhost", /no scheme/],
  ["bolt://neo4j:s3cret@localhost", /holds a user name or a password.*CROCHET_NEO4J_PASSWORD/],
  ["bolt://neo4j@localhost", /holds a user name or a password/],
  ["bolt://neo4j:s3/cret@localhost", /holds a user name or a password|is no URI/],
  ["bolt://local host", /is no URI/],
  ["bolt://localhost:port", /is no URI/],
  ["bolt://localhost:99999", /is no URI/],
  ["bolt://", /is no URI/],
];

Deno.test("checkUri() takes a URI that can be sent to, and shows no secret", () => {
  for (const [uri, wanted] of URIS) {
    const found = (() => {
      try {
        return checkUri(uri);
      } catch (error) {
        const { code, message, hint } = error as CrochetError;
        assert.equal(code, "CONFIG_INVALID", String(error));
        return `${message} ${hint}`;
      }
    })();
    if (typeof wanted === "string") assert.equal(found, wanted, uri);
    else assert.match(found, wanted, uri);
    assert.doesNotMatch(found, /s3/, uri);
  }
});

function read(text: string, overrides: Overrides = { variables: {} }): Settings {
  return readConfig(text, "crochet.toml", overrides);
}

function checkRefusal(work: () => unknown, wanted: { place: string; message: RegExp; hint: RegExp }): void {
  assert.throws(work, (error: CrochetError) => {
    assert.equal(error.code, "CONFIG_INVALID", String(error));
    assert.match(error.message, wanted.message);
    assert.match(error.hint ?? "", wanted.hint);
    assert.equal(formatPlace(error.at!), wanted.place);
    return true;
  });
}
