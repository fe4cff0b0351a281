// SwiftShader, a Vulkan driver that needs no GPU, as the package @sparticuz/chromium carries it: unpacked once, into
// node_modules/.cache/graftwerk. The package's own unpacking is not used: it writes fixed names into the shared temporary
// folder, where other programs write too. Plain Node without dependencies.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { root } from "./install.mjs";
import { locked } from "./lock.mjs";

/** The release of the package that these hashes are of. */
const VERSION = "153.0.0";
/** What Dawn needs: the driver, the file that tells the loader of it, and the loader. They need glibc and libgcc alone. */
const FILES = {
  "libvk_swiftshader.so": "2f3ceffaaca7d031bc3943f8eacf398a5d9c42c5fe0d15d8840b9acfa630b58e",
  "vk_swiftshader_icd.json": "c9eef28b6b984fec220ef0abfecc40b502d46946706e47bfe97707027cb818bd",
  "libvulkan.so.1": "8ee5ac00fd7968e863b05e0f6808057db16a00ad322777e5a05bed51d4f84085",
};
export const ICD = "vk_swiftshader_icd.json";
const BLOCK = 512;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The plain files of a tar archive (ustar), by name: views of its bytes. */
export const filesOfTar = (archive) => {
  const files = new Map();
  const field = (at, length) => archive.toString("latin1", at, at + length).replace(/\0.*$/s, "");
  for (let at = 0; at + BLOCK <= archive.length && field(at, 100) !== "";) {
    const size = Number.parseInt(field(at + 124, 12).trim(), 8);
    const from = at + BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || from + size > archive.length)
      throw new Error(`the archive ends within ${field(at, 100)}`);
    if ("0\0".includes(archive.toString("latin1", at + 156, at + 157)))
      files.set(field(at, 100), archive.subarray(from, from + size));
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
};

/** Whether the folder holds every file with the bytes it must have. */
const isWhole = (folder) =>
  Object.entries(FILES).every(
    ([name, hash]) => existsSync(join(folder, name)) && sha256(readFileSync(join(folder, name))) === hash,
  );

const unpack = (archive, folder) => {
  const found = filesOfTar(brotliDecompressSync(readFileSync(archive)));
  const fresh = `${folder}.new-${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  for (const [name, hash] of Object.entries(FILES)) {
    const bytes = found.get(name);
    if (bytes === undefined || sha256(bytes) !== hash)
      throw new Error(`${name} in ${archive} is not the file that scripts/swiftshader.mjs expects`);
    writeFileSync(join(fresh, name), bytes);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
};

/** The folder with SwiftShader, unpacked where it is not there or is damaged. @throws Error with what is wrong */
export const swiftshader = (cache = join(root, "node_modules", ".cache", "graftwerk")) => {
  const home = join(root, "node_modules", "@sparticuz", "chromium");
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  if (version !== VERSION)
    throw new Error(`@sparticuz/chromium is ${version}; scripts/swiftshader.mjs holds the hashes of ${VERSION}`);
  const folder = join(cache, `swiftshader-${VERSION}`);
  if (isWhole(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  locked(`${folder}.lock`, () => {
    // Another process may have done it meanwhile.
    if (!isWhole(folder)) unpack(join(home, "bin", "swiftshader.tar.br"), folder);
  });
  return folder;
};
