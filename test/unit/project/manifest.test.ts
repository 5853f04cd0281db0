import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MANIFEST_TO_PASTE, ManifestError, parseManifest } from "../../../project/manifest.ts";
import { ACCOUNT_MANIFEST } from "./project-folder.ts";

const HEAD = `name = "svc"\nmain = "index.ts"\n`;
const ACTOR = `[[actors]]\nbinding = "A"\ntype = "A"\n`;

function failure(text: string): string {
  try {
    parseManifest(text, "actors.toml");
  } catch (error) {
    expect(error).toBeInstanceOf(ManifestError);
    return (error as ManifestError).message;
  }
  throw new Error(`accepted: ${text}`);
}

function warnings(text: string): readonly string[] {
  return parseManifest(text, "actors.toml").warnings;
}

describe("a valid manifest", () => {
  test("gives its name, entry module and actors", () => {
    expect(parseManifest(ACCOUNT_MANIFEST, "actors.toml")).toStrictEqual({
      name: "account-svc",
      main: "src/index.ts",
      actors: [{ binding: "ACCOUNT", type: "Account" }],
      envVars: {},
      secrets: [],
      warnings: [],
    });
  });

  test("is what the manifest to paste shows", () => {
    expect(parseManifest(MANIFEST_TO_PASTE, "actors.toml")).toStrictEqual(
      parseManifest(ACCOUNT_MANIFEST, "actors.toml"),
    );
  });

  test("binds several actors, and one type twice", () => {
    const text = `${HEAD}${ACTOR}[[actors]]\nbinding = "B"\ntype = "A"\n[[actors]]\nbinding = "_c1"\ntype = "C_d"`;
    expect(parseManifest(text, "actors.toml").actors).toStrictEqual([
      { binding: "A", type: "A" },
      { binding: "B", type: "A" },
      { binding: "_c1", type: "C_d" },
    ]);
  });

  test.each([`"2026-05-01"`, "2026-05-01"])("has the compatibility date %s", (date) => {
    const text = `${HEAD}compatibility_date = ${date}\n${ACTOR}`;
    expect(parseManifest(text, "actors.toml").compatibilityDate).toBe("2026-05-01");
  });

  test("has environment variables", () => {
    const { envVars } = parseManifest(
      `${HEAD}${ACTOR}[env_vars]\nLIMIT = "7"\nconstructor = ""\n`,
      "actors.toml",
    );
    expect(envVars).toStrictEqual({ LIMIT: "7", constructor: "" });
  });

  test("may begin with a byte order mark and end its lines the Windows way", () => {
    const text = `\uFEFF${ACCOUNT_MANIFEST.replaceAll("\n", "\r\n")}`;
    expect(parseManifest(text, "actors.toml").actors).toStrictEqual([
      { binding: "ACCOUNT", type: "Account" },
    ]);
  });
});

describe("a warning", () => {
  test("is not given for the deploy table of the vendor", () => {
    expect(warnings(`${HEAD}${ACTOR}[edge_compute]\nfunc_id = "1"\nfunc_name = "f"`)).toStrictEqual([]);
  });

  test("names what is not provided yet", () => {
    const text = `${HEAD}${ACTOR}[telnyx]\nbinding = "TELNYX"\n[storage.kv.CACHE]\nid = "1"\n[storage.cloudstorage.FILES]\n`;
    expect(warnings(text)).toStrictEqual(
      ["[telnyx]", "[storage.kv.CACHE]", "[storage.cloudstorage.FILES]"].map(
        (what) =>
          `actors.toml: ${what} is accepted but not provided yet: its binding will be missing from env`,
      ),
    );
  });

  test("names an unknown key or table, also a hostile one", () => {
    const text = `__proto__ = 1\nplan = "x"\n${HEAD}${ACTOR}class_name = "B"\n[edge_compute]\nregion = "x"\n[constructor]\nx = 1\n[storage.d1.DB]\n`;
    expect(warnings(`${HEAD}${ACTOR}[storage.kv."a\\nb"]`)).toStrictEqual([
      `actors.toml: [storage.kv."a\\nb"] is accepted but not provided yet: its binding will be missing from env`,
    ]);
    expect(warnings(text)).toStrictEqual([
      `actors.toml: [[actors]] number 1, "class_name" is not known and is ignored`,
      `actors.toml: "__proto__" is not known and is ignored`,
      `actors.toml: "plan" is not known and is ignored`,
      `actors.toml: "constructor" is not known and is ignored`,
      `actors.toml: edge_compute."region" is not known and is ignored`,
      `actors.toml: storage."d1" is not known and is ignored`,
    ]);
  });

  test("is enough for malformed tables that are not used", () => {
    expect(warnings(`telnyx = 2\nstorage = 3\nedge_compute = 4\n${HEAD}${ACTOR}`)).toHaveLength(1);
  });
});

describe("secrets", () => {
  const secret = (more: string) => `${HEAD}${ACTOR}[[secrets]]\n${more}\n`;
  const secrets = (text: string) => parseManifest(text, "actors.toml").secrets;

  test("have a binding and a name, and are for everybody unless it says for whom", () => {
    const text = `${secret('binding = "STRIPE"\nname = "prod/stripe-key"')}[[secrets]]\nbinding = "JWT"\nname = "jwt"\nreaders = ["fetch"]`;
    expect(secrets(text)).toStrictEqual([
      { binding: "STRIPE", name: "prod/stripe-key", readers: ["actors", "fetch"] },
      { binding: "JWT", name: "jwt", readers: ["fetch"] },
    ]);
    expect(warnings(text)).toStrictEqual([]);
    expect(secrets(secret('binding = "S"\nname = "s"\nreaders = ["fetch", "actors"]'))[0]?.readers).toEqual([
      "actors",
      "fetch",
    ]);
  });

  test("may have no entries, or further keys, of which a warning tells", () => {
    expect(secrets(`secrets = []\n${HEAD}${ACTOR}`)).toStrictEqual([]);
    expect(warnings(secret('binding = "S"\nname = "s"\nvalue = "x"'))).toStrictEqual([
      'actors.toml: [[secrets]] number 1, "value" is not known and is ignored',
    ]);
  });

  const name = `"${"n".repeat(513)}"`;
  test.each([
    [`secrets = 1\n${HEAD}${ACTOR}`, '"secrets" is 1: it must be a list of tables'],
    [`secrets = ["A"]\n${HEAD}${ACTOR}`, '[[secrets]] number 1 is "A": it must be a table'],
    [secret('name = "s"'), '[[secrets]] number 1 has no "binding"'],
    [secret('binding = "A-B"\nname = "s"'), 'has the binding "A-B": it must start with'],
    [secret('binding = "S"'), '[[secrets]] number 1 has no "name"'],
    [secret('binding = "S"\nname = ""'), 'has the name "": Secrets Manager takes up to 512'],
    [secret('binding = "S"\nname = "a b"'), 'has the name "a b": Secrets Manager takes'],
    [secret('binding = "S"\nname = "a*"'), 'has the name "a*": Secrets Manager takes'],
    [secret(`binding = "S"\nname = ${name}`), "Secrets Manager takes up to 512"],
    [secret('binding = "S"\nname = 7'), "has the name 7: Secrets Manager takes"],
    [
      secret('binding = "S"\nname = "s"\nreaders = []'),
      "has the readers an empty list: they say who may read it",
    ],
    [secret('binding = "S"\nname = "s"\nreaders = "fetch"'), 'has the readers "fetch": they say'],
    [secret('binding = "S"\nname = "s"\nreaders = ["router"]'), 'has the readers ["router"]: they say'],
    [
      secret('binding = "S"\nname = "s"\nreaders = ["fetch", "fetch"]'),
      'has the readers ["fetch", "fetch"]: they say',
    ],
    [secret('binding = "KEY"\nname = "s"\n[env_vars]\nKEY = "plain"'), "which [env_vars] sets in plain text"],
    [
      `${HEAD}[[actors]]\nbinding = "SECRETS"\ntype = "A"\n[[secrets]]\nbinding = "S"\nname = "s"`,
      'has the binding "SECRETS", which is already taken',
    ],
  ])("are refused in one line with the value, the rule and the fix: %#", (text, part) => {
    const message = failure(text);
    expect(message).toContain(part);
    expect(message).not.toContain("\n");
  });
});

describe("a refusal", () => {
  test.each([
    ["a = ", "actors.toml:1:5: invalid value"],
    [`${HEAD}name = "again"`, "actors.toml:3:1: trying to redefine an already defined table or value"],
    [
      `a = ${"[".repeat(5000)}`,
      "actors.toml:1:1005: document contains excessively nested structures. aborting.",
    ],
  ])("of broken TOML has line, column and what is wrong: %#", (text, message) => {
    expect(failure(text)).toBe(message);
  });

  test("of a manifest without actors shows the table to add", () => {
    const message = `actors.toml: no actor is declared: add a table for each

[[actors]]
binding = "ACCOUNT"   # env.ACCOUNT
type = "Account"      # the exported class`;
    expect(failure(HEAD)).toBe(message);
    expect(failure(`${HEAD}actors = []`)).toBe(message);
  });

  test.each([
    [`main = "x"\n${ACTOR}`, `"name" is missing`],
    [`name = 1\n${ACTOR}`, `"name" is 1: a name starts with a letter`],
    [`name = ""\n${ACTOR}`, `"name" is "": a name starts with a letter`],
    [`name = "1st"\n${ACTOR}`, `"name" is "1st": a name starts with a letter`],
    [`name = "a_b"\n${ACTOR}`, `"name" is "a_b": a name starts with a letter`],
    [`name = "../up"\n${ACTOR}`, `"name" is "../up": a name starts with a letter`],
    [`name = "a\\nb"\n${ACTOR}`, `"name" is "a\\nb": a name starts with a letter`],
    [`name = "${"a".repeat(101)}"\n${ACTOR}`, "has at most 100 characters"],
    [`name = "svc"\n${ACTOR}`, `"main" is missing`],
    [`name = "svc"\nmain = " "\n${ACTOR}`, `"main" is " "`],
    [`name = "svc"\nmain = ["a"]\n${ACTOR}`, `"main" is a list`],
    [`${HEAD}compatibility_date = "2026-02-30"\n${ACTOR}`, `"compatibility_date" is "2026-02-30"`],
    [
      `${HEAD}compatibility_date = 2026-05-01T00:00:00Z\n${ACTOR}`,
      "2026-05-01T00:00:00.000Z: it must be a date",
    ],
    [`${HEAD}compatibility_date = 20260501\n${ACTOR}`, `"compatibility_date" is 20260501`],
    [`${HEAD}[actors]\nbinding = "A"\ntype = "A"`, `"actors" is a table: it must be a list of tables`],
    [`${HEAD}actors = ["A"]`, `[[actors]] number 1 is "A": it must be a table`],
    [
      `${HEAD}[[actors]]\ntype = "A"`,
      `[[actors]] number 1 has no "binding": add a line such as binding = "ACCOUNT"`,
    ],
    [
      `${HEAD}[[actors]]\nbinding = "A"`,
      `[[actors]] number 1 has no "type": add a line such as type = "Account"`,
    ],
    [
      `${HEAD}[[actors]]\nbinding = "MY-A"\ntype = "A"`,
      `number 1 has the binding "MY-A": it must start with`,
    ],
    [`${HEAD}[[actors]]\nbinding = "A__B"\ntype = "A"`, `has the binding "A__B"`],
    [`${HEAD}[[actors]]\nbinding = "__proto__"\ntype = "A"`, `has the binding "__proto__"`],
    [`${HEAD}${ACTOR}[[actors]]\nbinding = "B"\ntype = "1B"`, `number 2 has the type "1B"`],
    [
      `${HEAD}[[actors]]\nbinding = "B"\ntype = "${"T".repeat(33)}"`,
      "of 33 characters: a type has at most 32",
    ],
    [`${HEAD}${ACTOR}${ACTOR}`, `[[actors]] number 2 has the binding "A", which is already taken`],
    [`${HEAD}${ACTOR}[telnyx]\nbinding = "A"`, `[telnyx] has the binding "A", which is already taken`],
    [`${HEAD}${ACTOR}[storage.kv.A]\nid = "1"`, `[storage.kv.A] has the binding "A", which is already taken`],
    [
      `${HEAD}${ACTOR}[[secrets]]\nbinding = "A"\nname = "a"`,
      `[[secrets]] number 1 has the binding "A", which is already taken`,
    ],
    [`${HEAD}env_vars = "A=1"\n${ACTOR}`, `"env_vars" is "A=1": it must be a table`],
    [`${HEAD}${ACTOR}[env_vars]\nPORT = 8787`, "[env_vars] has PORT = 8787: the value must be a string"],
    [`${HEAD}${ACTOR}[env_vars]\nX = "1"`, `[env_vars] has "X": Lambda takes names`],
    [`${HEAD}${ACTOR}[env_vars]\n__proto__ = "1"`, `[env_vars] has "__proto__"`],
    [`${HEAD}${ACTOR}[env_vars]\n"A=B" = "1"`, `[env_vars] has "A=B"`],
    [`${HEAD}${ACTOR}[env_vars]\nAWS_REGION = "x"`, `"AWS_REGION": Lambda keeps that name for itself`],
  ])("names the value and the rule in one line: %#", (text, part) => {
    const message = failure(text);
    expect(message).toContain(part);
    expect(message.startsWith("actors.toml: ")).toBe(true);
    expect(message).not.toContain("\n");
  });

  test("stays short when the value is long", () => {
    expect(failure(`name = "${"x".repeat(100_000)}"\n${ACTOR}`).length).toBeLessThan(300);
  });

  test("takes a type of 32 characters and a name of 100", () => {
    const text = `name = "${"n".repeat(100)}"\nmain = "i"\n[[actors]]\nbinding = "B"\ntype = "${"T".repeat(32)}"`;
    expect(parseManifest(text, "actors.toml").name).toHaveLength(100);
  });
});

describe("whatever the text", () => {
  const onlyManifestErrors = (text: string) => {
    try {
      const manifest = parseManifest(text, "actors.toml");
      expect(manifest.actors.length).toBeGreaterThan(0);
      for (const warning of manifest.warnings) expect(warning).not.toMatch(/[\n\0]/);
    } catch (error) {
      expect(error).toBeInstanceOf(ManifestError);
    }
  };

  test("parseManifest throws nothing but ManifestError", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), onlyManifestErrors));
  });

  test("also when a valid manifest is mutated", () => {
    const valid = `${HEAD}compatibility_date = 2026-05-01\n${ACTOR}[env_vars]\nLIMIT = "7"\n[[secrets]]\nbinding = "K"\nname = "k"\n[storage.kv.C]\nid = "1"\n[edge_compute]\nfunc_id = "f"\n`;
    const piece = fc.oneof(
      fc.string({ maxLength: 4 }),
      fc.constantFrom(
        "[",
        "]",
        "[[",
        "]]",
        "\n",
        '"',
        "'''",
        "=",
        "{",
        "}",
        ".",
        ",",
        "__proto__",
        "constructor",
        "1e999",
        "nan",
        "-inf",
        "0x",
        "\u0000",
        "true",
        "1979-05-27T07:32:00Z",
        "07:32:00",
        "\\uD800",
        "[[actors]]",
        "[actors]",
        "name",
      ),
    );
    const edit = fc.record({ at: fc.nat(valid.length), cut: fc.nat(12), piece });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
        let text = valid;
        for (const { at, cut, piece: put } of edits) text = text.slice(0, at) + put + text.slice(at + cut);
        onlyManifestErrors(text);
      }),
      { numRuns: 2000 },
    );
  });

  test("also when every value is of another kind", () => {
    const value = fc.constantFrom(
      "1",
      "1.5",
      "nan",
      "true",
      '""',
      '"x"',
      "[]",
      "[1]",
      "[[{}]]",
      "{}",
      "{a={}}",
      "2026-01-01",
      "07:00:00",
    );
    const key = fc.constantFrom(
      "name",
      "main",
      "compatibility_date",
      "actors",
      "env_vars",
      "secrets",
      "telnyx",
      "storage",
      "edge_compute",
      "__proto__",
      "toString",
    );
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, value), { selector: ([k]) => k }), (pairs) => {
        onlyManifestErrors(pairs.map(([k, v]) => `${k} = ${v}`).join("\n"));
      }),
    );
  });
});
