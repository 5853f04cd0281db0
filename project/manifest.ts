import { parse, TomlDate, TomlError } from "smol-toml";
import type { ActorBinding } from "../runtime/core/bindings.ts";
import type { SecretBinding, SecretReader } from "../runtime/core/secrets.ts";

export type { SecretBinding, SecretReader };

export interface Manifest {
  /** Fit to be the name of a CloudFormation stack and of a folder. */
  readonly name: string;
  /** Path of the entry module as written, relative to the manifest's folder. */
  readonly main: string;
  /** `YYYY-MM-DD`. */
  readonly compatibilityDate?: string;
  readonly actors: readonly ActorBinding[];
  readonly envVars: Readonly<Record<string, string>>;
  /** The names of secrets, never their values. */
  readonly secrets: readonly SecretBinding[];
  /** What the manifest holds that this package does not know or does not provide yet, one line each. */
  readonly warnings: readonly string[];
}

/** The project can't be read as it is; the message names the file, the value, the rule and the fix. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** A manifest to start from, for messages about a missing one. */
export const MANIFEST_TO_PASTE = `name = "account-svc"
main = "src/index.ts"

[[actors]]
binding = "ACCOUNT"   # env.ACCOUNT
type = "Account"      # the exported class`;

const ACTORS_TO_PASTE = MANIFEST_TO_PASTE.slice(MANIFEST_TO_PASTE.indexOf("[[actors]]"));

const MAX_NAME = 100;
/** The longest name of a type. */
export const MAX_TYPE = 32;
/** What Secrets Manager takes as the name of a secret. */
const SECRET_NAME = /^[A-Za-z0-9/_+=.@-]{1,512}$/;
/** Who may read a secret, if nobody is named. */
export const SECRET_READERS: readonly SecretReader[] = ["actors", "fetch"];
/** The binding of all secrets together. */
export const SECRETS = "SECRETS";

/** What `isProjectName` asks of a name, to end a message with. */
export const NAME_RULE = `a name starts with a letter, holds only letters, digits and hyphens, and has at most ${MAX_NAME} characters (it also names the stack)`;
/** What `isIdentifier` asks of a binding and of a type, to end a message with. */
export const IDENTIFIER_RULE =
  "it must start with a letter or underscore, hold only letters, digits and underscores, and no two underscores in a row";
/** What `isEnvName` asks of a variable, to end a message with. */
export const ENV_NAME_RULE =
  "Lambda takes names of two or more letters, digits and underscores that start with a letter; rename it";

// Lambda sets these itself and refuses a function that brings its own.
const RESERVED_ENV =
  /^(AWS_LAMBDA_\w*|AWS_REGION|AWS_DEFAULT_REGION|AWS_EXECUTION_ENV|AWS_ACCESS_KEY(_ID)?|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR)$/;

const KNOWN_KEYS = new Set([
  "name",
  "main",
  "compatibility_date",
  "actors",
  "edge_compute",
  "env_vars",
  "secrets",
  "telnyx",
  "storage",
]);
const ACTOR_KEYS = new Set(["binding", "type"]);
const SECRET_KEYS = new Set(["binding", "name", "readers"]);
const EDGE_COMPUTE_KEYS = new Set(["func_id", "func_name"]);
const STORAGE_KINDS = new Set(["kv", "cloudstorage"]);

type Table = Readonly<Record<string, unknown>>;

/**
 * Reads the text of a manifest.
 * @param file how messages call it, usually its path
 * @throws ManifestError for broken TOML (with line and column) and for a value that breaks a rule
 */
export function parseManifest(text: string, file: string): Manifest {
  const root = parseToml(text, file);
  const reader = new Reader(file);
  const name = reader.projectName(root.name);
  const main = reader.main(root.main);
  const compatibilityDate = reader.compatibilityDate(root.compatibility_date);
  const actors = reader.actors(root.actors);
  const envVars = reader.envVars(root.env_vars);
  const secrets = reader.secrets(root.secrets, envVars);
  reader.unknownKeys(root);
  reader.unprovidedTables(root);
  return {
    name,
    main,
    ...(compatibilityDate === undefined ? {} : { compatibilityDate }),
    actors,
    envVars,
    secrets,
    warnings: reader.warnings,
  };
}

function parseToml(text: string, file: string): Table {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The rest of the parser's message is a drawing of the line, which can be as long as the file.
    const what = error.message.split("\n", 1)[0]?.replace("Invalid TOML document: ", "") ?? "not TOML";
    throw new ManifestError(`${file}:${error.line}:${error.column}: ${what}`, { cause: error });
  }
}

class Reader {
  readonly warnings: string[] = [];
  readonly #file: string;
  readonly #bindings = new Set<string>();

  constructor(file: string) {
    this.#file = file;
  }

  projectName(value: unknown): string {
    if (value === undefined) this.#fail(`"name" is missing: add a line such as name = "account-svc"`);
    if (!isProjectName(value)) {
      this.#fail(`"name" is ${show(value)}: ${NAME_RULE}`);
    }
    return value;
  }

  main(value: unknown): string {
    if (value === undefined) this.#fail(`"main" is missing: add a line such as main = "src/index.ts"`);
    if (typeof value !== "string" || value.trim() === "" || value.includes("\0")) {
      this.#fail(`"main" is ${show(value)}: it must be the path of the entry module, such as "src/index.ts"`);
    }
    return value;
  }

  compatibilityDate(value: unknown): string | undefined {
    if (value === undefined) return undefined;
    const text = value instanceof TomlDate && value.isDate() ? value.toISOString() : value;
    if (typeof text !== "string" || !isCalendarDate(text)) {
      this.#fail(`"compatibility_date" is ${show(value)}: it must be a date such as "2026-05-01"`);
    }
    return text;
  }

  actors(value: unknown): readonly ActorBinding[] {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) {
      this.#fail(`no actor is declared: add a table for each\n\n${ACTORS_TO_PASTE}`);
    }
    if (!Array.isArray(value)) {
      this.#fail(
        `"actors" is ${show(value)}: it must be a list of tables, written with double brackets: [[actors]]`,
      );
    }
    return value.map((entry: unknown, index) => this.#actor(entry, `[[actors]] number ${index + 1}`));
  }

  envVars(value: unknown): Readonly<Record<string, string>> {
    if (value === undefined) return {};
    if (!isTable(value)) this.#fail(`"env_vars" is ${show(value)}: it must be a table, written [env_vars]`);
    return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, this.#envVar(key, text)]));
  }

  /** @param envVars in which a secret would lie in plain text */
  secrets(value: unknown, envVars: Readonly<Record<string, string>>): readonly SecretBinding[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.#fail(
        `"secrets" is ${show(value)}: it must be a list of tables, written with double brackets: [[secrets]]`,
      );
    }
    if (value.length > 0) this.#claim(SECRETS, "[[secrets]]");
    return value.map((entry: unknown, index) => {
      const where = `[[secrets]] number ${index + 1}`;
      const secret = this.#secret(entry, where);
      if (Object.hasOwn(envVars, secret.binding)) {
        this.#fail(
          `${where} has the binding ${show(secret.binding)}, which [env_vars] sets in plain text: take it out of one of the two`,
        );
      }
      return secret;
    });
  }

  unknownKeys(root: Table): void {
    this.#warnUnknown(root, KNOWN_KEYS, "");
    if (isTable(root.edge_compute)) this.#warnUnknown(root.edge_compute, EDGE_COMPUTE_KEYS, "edge_compute.");
    if (isTable(root.storage)) this.#warnUnknown(root.storage, STORAGE_KINDS, "storage.");
  }

  unprovidedTables(root: Table): void {
    if (root.telnyx !== undefined) {
      this.#warnUnprovided("[telnyx]");
      this.#claimNamed(root.telnyx, "[telnyx]");
    }
    const storage = isTable(root.storage) ? root.storage : {};
    for (const kind of STORAGE_KINDS) {
      const bindings = storage[kind];
      if (bindings === undefined) continue;
      for (const binding of isTable(bindings) ? Object.keys(bindings) : []) {
        const where = `[storage.${kind}.${showKey(binding)}]`;
        this.#warnUnprovided(where);
        this.#claim(binding, where);
      }
    }
  }

  #actor(entry: unknown, where: string): ActorBinding {
    if (!isTable(entry)) {
      this.#fail(`${where} is ${show(entry)}: it must be a table with "binding" and "type"`);
    }
    const binding = this.#identifier(entry.binding, { key: "binding", where, example: "ACCOUNT" });
    const type = this.#identifier(entry.type, { key: "type", where, example: "Account" });
    if (type.length > MAX_TYPE) {
      this.#fail(
        `${where} has the type ${show(type)} of ${type.length} characters: a type has at most ${MAX_TYPE}, use a shorter class name`,
      );
    }
    this.#claim(binding, where);
    this.#warnUnknown(entry, ACTOR_KEYS, `${where}, `);
    return { binding, type };
  }

  #secret(entry: unknown, where: string): SecretBinding {
    if (!isTable(entry)) {
      this.#fail(`${where} is ${show(entry)}: it must be a table with "binding" and "name"`);
    }
    const binding = this.#identifier(entry.binding, { key: "binding", where, example: "STRIPE_KEY" });
    const { name } = entry;
    if (name === undefined) {
      this.#fail(`${where} has no "name": add a line such as name = "prod/stripe-key"`);
    }
    if (typeof name !== "string" || !SECRET_NAME.test(name)) {
      this.#fail(
        `${where} has the name ${show(name)}: Secrets Manager takes up to 512 letters, digits and /_+=.@-, give the name of a secret that is there`,
      );
    }
    this.#claim(binding, where);
    this.#warnUnknown(entry, SECRET_KEYS, `${where}, `);
    return { binding, name, readers: this.#readers(entry.readers, where) };
  }

  #readers(value: unknown, where: string): readonly SecretReader[] {
    if (value === undefined) return SECRET_READERS;
    const readers = SECRET_READERS.filter((each) => Array.isArray(value) && value.includes(each));
    if (!Array.isArray(value) || value.length === 0 || readers.length !== value.length) {
      this.#fail(
        `${where} has the readers ${showList(value)}: they say who may read it, give "actors", "fetch" or both, such as readers = ["fetch"]`,
      );
    }
    return readers;
  }

  #identifier(value: unknown, at: { key: string; where: string; example: string }): string {
    if (value === undefined) {
      this.#fail(`${at.where} has no "${at.key}": add a line such as ${at.key} = "${at.example}"`);
    }
    if (!isIdentifier(value)) {
      this.#fail(`${at.where} has the ${at.key} ${show(value)}: ${IDENTIFIER_RULE}`);
    }
    return value;
  }

  #envVar(key: string, value: unknown): string {
    if (!isEnvName(key)) this.#fail(`[env_vars] has ${show(key)}: ${ENV_NAME_RULE}`);
    if (isReservedEnvName(key)) {
      this.#fail(`[env_vars] has ${show(key)}: Lambda keeps that name for itself; rename it`);
    }
    if (typeof value !== "string" || value.includes("\0")) {
      this.#fail(`[env_vars] has ${key} = ${show(value)}: the value must be a string, put it in quotes`);
    }
    return value;
  }

  #claimNamed(entry: unknown, where: string): void {
    if (isTable(entry) && typeof entry.binding === "string") this.#claim(entry.binding, where);
  }

  #claim(binding: string, where: string): void {
    if (this.#bindings.has(binding)) {
      this.#fail(
        `${where} has the binding ${show(binding)}, which is already taken: a binding is used once in a file, choose another`,
      );
    }
    this.#bindings.add(binding);
  }

  #warnUnknown(table: Table, known: ReadonlySet<string>, prefix: string): void {
    for (const key of Object.keys(table)) {
      if (!known.has(key)) this.#warn(`${prefix}${show(key)} is not known and is ignored`);
    }
  }

  #warnUnprovided(what: string): void {
    this.#warn(`${what} is accepted but not provided yet: its binding will be missing from env`);
  }

  #warn(message: string): void {
    this.warnings.push(`${this.#file}: ${message}`);
  }

  #fail(message: string): never {
    throw new ManifestError(`${this.#file}: ${message}`);
  }
}

/** Whether this can be the name of a project. */
export function isProjectName(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_NAME && /^[A-Za-z][A-Za-z0-9-]*$/.test(value);
}

/** Whether this can be a binding or a type. */
export function isIdentifier(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) && !value.includes("__");
}

/** Whether Lambda takes a variable of this name. */
export function isEnvName(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_]+$/.test(name);
}

/** Whether Lambda sets this variable itself. */
export function isReservedEnvName(name: string): boolean {
  return RESERVED_ENV.test(name);
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function isCalendarDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function show(value: unknown): string {
  if (typeof value === "string") return clip(JSON.stringify(value));
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof TomlDate) return value.toISOString();
  if (isTable(value)) return "a table";
  return String(value);
}

function showList(value: unknown): string {
  return Array.isArray(value) && value.length > 0 ? clip(`[${value.map(show).join(", ")}]`) : show(value);
}

function showKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? clip(key) : show(key);
}

function clip(text: string): string {
  const shown = 60;
  return text.length <= shown ? text : `${text.slice(0, shown)}…`;
}
