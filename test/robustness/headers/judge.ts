// What the reader of safetensors may do with any file: read what is there, and all of it, or refuse with a Failure; it reads
// no byte twice but the first nine, and none of the data.
import { Failure } from "../../../runtime/failure.ts";
import { readBytes, readSafetensors, type Safetensors } from "../../../runtime/weights/safetensors.ts";
import type { Source } from "../../../runtime/weights/source.ts";
import { Tally } from "../tally.ts";
import { headerSample } from "./sample.ts";
import { type Sound, soundness } from "./sound.ts";

/** The processor's milliseconds that a file of a few hundred bytes may take. */
const SLOWEST = 1000;
const MILLISECONDS = "slowest, in ms";
/** Read before anything is known: the length, and the first byte of the header. */
const FIRST = 9;

const opened = async (source: Source): Promise<Safetensors | Failure> => {
  try {
    return await readSafetensors(source);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind === "file") return thrown;
    throw thrown;
  }
};

const compare = async (read: Safetensors, sound: Sound, bytes: Uint8Array): Promise<void> => {
  const equal = (a: unknown, b: unknown, what: string): void => {
    if (JSON.stringify(a) !== JSON.stringify(b))
      throw new Error(`${what}: ${JSON.stringify(a)}, not ${JSON.stringify(b)}`);
  };
  const byName = <T extends { readonly name: string }>(some: Iterable<T>): T[] =>
    [...some].sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = byName(read.tensors.values()).map(({ name, dtype, shape, offset, length }) => {
    return { name, dtype, shape, offset, length };
  });
  equal(found, byName(sound.tensors), "tensors");
  equal([...read.metadata].sort(), [...sound.metadata].sort(), "metadata");
  for (const tensor of read.tensors.values()) {
    const data = await readBytes(read.source, tensor);
    const { offset, length } = tensor;
    if (Buffer.compare(data, bytes.subarray(offset, offset + length)) !== 0) throw new Error(`data of ${tensor.name}`);
  }
};

const judged = async (bytes: Uint8Array, untouched: boolean, tally: Tally): Promise<void> => {
  let asked = 0;
  let highest = 0;
  const source: Source = {
    name: "w.safetensors",
    size: bytes.length,
    read: async (offset, length) => {
      asked += length;
      highest = Math.max(highest, offset + length);
      if (!(offset >= 0 && length >= 0 && highest <= bytes.length)) throw new Error(`${length} bytes from ${offset}`);
      return bytes.subarray(offset, offset + length);
    },
  };
  const result = await opened(source);
  if (asked > bytes.length + FIRST) throw new Error(`${asked} bytes were read`);
  const sound = soundness(bytes);
  if (untouched && !sound) throw new Error("a sound file was made wrongly");
  if (result instanceof Failure) {
    if (sound) throw new Error(`a sound file is refused: ${result.message}`);
    if (result.message.length > 1000) throw new Error(`a message of ${result.message.length} characters`);
    tally.count("refused");
    // With all that is of one file left out, a message is of one kind.
    tally.kinds.add(
      result.message
        .replace(/"(?:[^"\\]|\\.)*"/g, '""')
        .replace(/-?\d+/g, "0")
        .replace(/`.`/g, "``")
        .slice(0, 90),
    );
    return;
  }
  if (!sound) throw new Error("a file that is not sound is read");
  const { offset: end } = [...result.tensors.values()].reduce((least, t) => (t.offset < least.offset ? t : least), {
    offset: bytes.length,
  });
  if (highest > end) throw new Error(`byte ${highest} was read, and data begins at ${end}`);
  await compare(result, sound, bytes);
  tally.count("read");
};

/** Judges file `n` of a seed. A file with which the reader does what it may not is a fault of the tally. */
export const judgeHeader = async (seed: number, n: number, tally: Tally): Promise<void> => {
  const { bytes, untouched } = headerSample(seed, n);
  const fault = (what: string): void =>
    tally.fault(`header ${n} of seed ${seed}: ${what}\n\n${Buffer.from(bytes).toString("latin1")}`);
  tally.count("headers");
  const before = performance.now();
  try {
    await judged(bytes, untouched, tally);
  } catch (thrown) {
    fault(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  }
  const time = performance.now() - before;
  if (time <= (tally.most.get(MILLISECONDS)?.[0] ?? 0)) return;
  // Once more, by the processor's clock: what else the machine does is not the file's fault.
  const start = process.cpuUsage();
  await judged(bytes, untouched, new Tally()).catch(() => undefined);
  const { user, system } = process.cpuUsage(start);
  const least = Math.min(time, (user + system) / 1000);
  tally.reach(MILLISECONDS, least, n);
  if (least > SLOWEST) fault(`takes ${least} ms`);
};
