import { join } from "node:path";
import { expect, test } from "vitest";
import { ManifestError } from "../../../project/manifest.ts";
import { readProject } from "../../../project/project.ts";
import { ACCOUNT_MANIFEST, projectFolder } from "./project-folder.ts";

function failure(dir: string): string {
  try {
    readProject(dir);
  } catch (error) {
    expect(error).toBeInstanceOf(ManifestError);
    return (error as ManifestError).message;
  }
  throw new Error("accepted");
}

test("a project is its manifest and its entry module, by absolute paths", () => {
  const dir = projectFolder({ "actors.toml": ACCOUNT_MANIFEST, "src/index.ts": "" });
  const project = readProject(join(dir, "src", ".."));
  expect(project).toMatchObject({
    dir,
    manifestFile: join(dir, "actors.toml"),
    main: join(dir, "src", "index.ts"),
    manifest: { name: "account-svc" },
  });
});

test("telnyx.toml is read when there is no actors.toml, and only then", () => {
  const files = { "telnyx.toml": ACCOUNT_MANIFEST.replace("account-svc", "vendor"), "src/index.ts": "" };
  expect(readProject(projectFolder(files)).manifest.name).toBe("vendor");
  const both = projectFolder({ ...files, "actors.toml": ACCOUNT_MANIFEST });
  expect(readProject(both).manifest.name).toBe("account-svc");
});

test("a folder without a manifest is refused with both file names and one to paste", () => {
  const dir = projectFolder({});
  expect(failure(dir)).toBe(`${dir} has neither actors.toml nor telnyx.toml: write an actors.toml such as

name = "account-svc"
main = "src/index.ts"

[[actors]]
binding = "ACCOUNT"   # env.ACCOUNT
type = "Account"      # the exported class`);
});

test("a project folder that is missing, or a file, is refused by name", () => {
  const dir = projectFolder({ file: "" });
  const fix = "name the folder that holds actors.toml or telnyx.toml";
  expect(failure(join(dir, "no"))).toBe(`the project folder ${join(dir, "no")} does not exist: ${fix}`);
  expect(failure(join(dir, "file"))).toBe(`the project folder ${join(dir, "file")} is a file: ${fix}`);
});

test("a manifest that can't be read is refused by name", () => {
  const dir = projectFolder({ "actors.toml/x": "" });
  expect(failure(dir)).toBe(`${join(dir, "actors.toml")} can't be read (EISDIR): it must be a readable file`);
});

test("an entry module that is missing, a folder or too long is refused with the path looked for", () => {
  const manifest = (main: string) => ACCOUNT_MANIFEST.replace("src/index.ts", main);
  const missing = projectFolder({ "actors.toml": manifest("src/indx.ts"), "src/index.ts": "" });
  expect(failure(missing)).toBe(
    `${join(missing, "actors.toml")}: "main" is "src/indx.ts", which does not exist: name the entry module by its path from the manifest's folder (looked for ${join(missing, "src/indx.ts")})`,
  );
  expect(failure(projectFolder({ "actors.toml": manifest("src"), "src/index.ts": "" }))).toContain(
    `"main" is "src", which is a folder`,
  );
  expect(failure(projectFolder({ "actors.toml": manifest("a".repeat(5000)) }))).toContain("(ENAMETOOLONG)");
});

test("a broken manifest is refused with its path", () => {
  const dir = projectFolder({ "telnyx.toml": "name = " });
  expect(failure(dir)).toBe(`${join(dir, "telnyx.toml")}:1:8: invalid value`);
});
