// SwiftShader out of its package: unpacked whole, once, whoever else asks at the same time and whatever was left behind.
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const script = (name: string): string => JSON.stringify(pathToFileURL(join(root, "scripts", name)).href);
let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "graftwerk-swiftshader-"));
});
afterEach(() => rmSync(cache, { recursive: true }));

interface Ran {
  readonly status: number | null;
  readonly text: string;
}
/** Runs a module in a process of its own. */
const node = (module: string): Promise<Ran> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", module], { stdio: ["ignore", "pipe", "pipe"] });
    const kept: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => kept.push(bytes));
    child.on("close", (status) => resolve({ status, text: Buffer.concat(kept).toString() }));
  });
const unpack = (): Promise<Ran> =>
  node(
    `import { swiftshader } from ${script("swiftshader.mjs")}; process.stdout.write(swiftshader(${JSON.stringify(cache)}))`,
  );
const [FOLDER, DRIVER] = ["swiftshader-153.0.0", "libvk_swiftshader.so"];
const FILES = [DRIVER, "libvulkan.so.1", "vk_swiftshader_icd.json"];
const lock = (): string => join(cache, `${FOLDER}.lock`);

test("is unpacked once by several processes at once, and nothing is left beside it", async () => {
  const all = await Promise.all([unpack(), unpack(), unpack(), unpack()]);
  for (const ran of all) expect(ran).toEqual({ status: 0, text: join(cache, FOLDER) });
  expect(readdirSync(cache)).toEqual([FOLDER]);
  expect(readdirSync(join(cache, FOLDER)).sort()).toEqual(FILES);
  expect(JSON.parse(readFileSync(join(cache, FOLDER, FILES[2]!), "utf8"))).toMatchObject({
    ICD: { library_path: `./${DRIVER}` },
  });
});

test("is left as it is where it is whole, and unpacked again where it is damaged", async () => {
  await unpack();
  const driver = join(cache, FOLDER, DRIVER);
  const { mtimeMs, size } = statSync(driver);
  await unpack();
  expect(statSync(driver).mtimeMs).toBe(mtimeMs);
  truncateSync(driver, size - 1);
  expect((await unpack()).status).toBe(0);
  expect(statSync(driver).size).toBe(size);
});

test("takes over the lock of a process that has ended", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  writeFileSync(lock(), `${pid} 0`);
  const all = await Promise.all([unpack(), unpack(), unpack()]);
  for (const ran of all) expect(ran).toEqual({ status: 0, text: join(cache, FOLDER) });
  expect(readdirSync(cache)).toEqual([FOLDER]);
});

test("waits for the lock of a process that lives", async () => {
  writeFileSync(lock(), `${process.pid} 0`);
  const waiting = unpack();
  await new Promise((go) => setTimeout(go, 600));
  expect(existsSync(join(cache, FOLDER))).toBe(false);
  rmSync(lock());
  expect((await waiting).status).toBe(0);
});

test("an archive that is cut off is refused", async () => {
  const { status, text } = await node(
    `import { filesOfTar } from ${script("swiftshader.mjs")};
     const head = Buffer.alloc(512);
     head.write("some.so", 0); head.write("00000001000", 124); head.write("0", 156);
     filesOfTar(head);`,
  );
  expect(status).toBe(1);
  expect(text).toContain("the archive ends within some.so");
});
