// PNG and JPEG as pictures of floats, by sharp, which is an optional package and is loaded when a picture is first
// read. Only these two formats reach its decoders, told apart by their first bytes and not by a file's name.
import { readWhole, writeWhole } from "../weights/file.ts";
import { Failure, reasonOf } from "../failure.ts";
import { loadPackage } from "../package.ts";
import type { Picture } from "./patches.ts";

const MAX_FILE_BYTES = 256 * 2 ** 20;
const CHANNELS = 3;
const FORMATS: readonly (readonly number[])[] = [
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  [0xff, 0xd8, 0xff],
];

const loadSharp = async () =>
  (await loadPackage("sharp", "reading and writing pictures", () => import("sharp"))).default;

/** A level 0 .. 255 as a value -1 .. 1. */
const toValue = (level: number): number => level / 127.5 - 1;

/** The nearest level; values outside -1 .. 1 are clipped. @throws Failure "call" on NaN, which no level can show. */
const toLevel = (value: number): number => {
  if (Number.isNaN(value)) throw new Failure("call", "the picture holds a value that is not a number");
  return Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127.5);
};

/**
 * Decodes a PNG or JPEG: turned upright by its EXIF orientation, transparency laid on white, sRGB, scaled until it covers
 * width x height, the overhang cut off evenly on both sides (centre crop), levels 0 .. 255 mapped to -1 .. 1.
 * `name` begins messages. @throws Failure "file" when it is no such picture, "package" when sharp is missing.
 */
export const decodeImage = async (
  bytes: Uint8Array,
  size: { readonly width: number; readonly height: number },
  name: string,
): Promise<Picture> => {
  if (!FORMATS.some((magic) => magic.every((byte, i) => bytes[i] === byte))) {
    throw new Failure("file", `${name}: is neither a PNG nor a JPEG`, "convert the picture to one of the two");
  }
  const sharp = await loadSharp();
  const { width, height } = size;
  const levels = await sharp(bytes, { failOn: "error" })
    .autoOrient()
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .resize(width, height, { fit: "cover", position: "centre" })
    .removeAlpha()
    .raw({ depth: "uchar" })
    .toBuffer()
    .catch((cause: unknown) => {
      throw new Failure("file", `${name}: cannot be decoded: ${reasonOf(cause)}`, undefined, cause);
    });
  if (levels.length !== width * height * CHANNELS) throw new Error(`sharp gave ${levels.length} levels`);
  return { width, height, channels: CHANNELS, data: Float32Array.from(levels, toValue) };
};

/** `decodeImage` of a file. */
export const readImage = async (
  path: string,
  size: { readonly width: number; readonly height: number },
): Promise<Picture> => decodeImage(await readWhole(path, MAX_FILE_BYTES), size, path);

/** A picture of 3 channels as the bytes of a PNG. @throws Failure "package" when sharp is missing, "call" on NaN. */
export const encodePng = async (picture: Picture): Promise<Uint8Array> => {
  const { width, height, channels, data } = picture;
  if (channels !== CHANNELS) throw new Failure("call", `a PNG is written from ${CHANNELS} channels, not ${channels}`);
  const levels = Uint8Array.from(data, toLevel);
  const sharp = await loadSharp();
  return sharp(levels, { raw: { width, height, channels } }).png().toBuffer();
};

/** `encodePng` to a file. */
export const writeImage = async (path: string, picture: Picture): Promise<void> =>
  writeWhole(path, [await encodePng(picture)]);
