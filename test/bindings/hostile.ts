// Manifests whose every name and text was chosen to break out of a module, and what is to come of them.
import type { Modality, Port } from "../../runtime/manifest.ts";
import type { Random } from "../ir/random.ts";
import type { Described } from "./manifests.ts";

const PIECES = [
  ['"', "'", "`", "\\", "\n", "\r\n", "\u2028", "\u2029", "\0", "\t", "\ud800", "é", "😀", "\u202e", "\ufeff"],
  ["*/", "/*", "//", "/**", "-->", "<!--", "</script>", "${", "}", "{", "(", ")", "[0]", ";", ",", "=>", "`${"],
  ["__proto__", "constructor", "prototype", "toString", "then", "run", "close", "new", "class", "delete", "await"],
  ["import", "export default", "async", "get", "never", "any", "inputs", "session", "options", "open", "Model"],
  ["*/ globalThis.broken = 1; /*", '"; globalThis.broken = 1; "', '\\"', "\\u0022", "\n/// <reference path='x' />"],
  ["// @ts-nocheck\n", "@deprecated", "0", "1e5", "00", ".", " ", "a", "b", "text", "batch"],
].flat();

export const hostileText = (random: Random): string =>
  Array.from({ length: random.below(5) }, () => random.pick(PIECES)).join("");

/** The same manifest with other texts in the place of its names; a name that is one thing stays one thing. */
export const hostile = ({ manifest, notes }: Described, random: Random): Described => {
  const given = new Map<string, string>();
  const taken = new Set<string>();
  const rename = (name: string): string => {
    let other = given.get(name);
    while (other === undefined || (!given.has(name) && taken.has(other))) other = hostileText(random);
    given.set(name, other);
    taken.add(other);
    return other;
  };
  const names = (all: readonly string[]): string[] => all.map(rename);
  const port = ({ name, dtype, shape, below }: Port): Port => ({
    name: rename(name),
    dtype,
    below,
    shape: shape.map((size) => (typeof size === "string" ? rename(size) : size)),
    doc: hostileText(random),
  });
  const modality = (each: Modality): Modality =>
    each.is === "tokens"
      ? { ...each, name: rename(each.name), added: each.added.map(() => hostileText(random)) }
      : {
          ...each,
          name: rename(each.name),
          segments: each.segments.map((segment) =>
            segment.is === "marker"
              ? { ...segment, kind: rename(segment.kind), token: hostileText(random), text: rename(segment.text) }
              : { ...segment, kind: rename(segment.kind), order: hostileText(random) },
          ),
        };
  return {
    manifest: {
      ...manifest,
      tool: hostileText(random),
      model: hostileText(random),
      programs: manifest.programs.map((program) => ({
        ...program,
        name: rename(program.name),
        streams: program.streams.map(({ name, kinds }) => ({ name: rename(name), kinds: names(kinds) })),
        reads: names(program.reads),
        writes: names(program.writes),
        inputs: program.inputs.map(port),
        outputs: program.outputs.map(port),
      })),
      caches: manifest.caches.map((cache) => ({ ...cache, name: rename(cache.name), stream: rename(cache.stream) })),
      modalities: manifest.modalities.map(modality),
      conditions: manifest.conditions.map((each) => ({ ...each, name: rename(each.name), per: rename(each.per) })),
    },
    notes: {
      model: hostileText(random),
      modalities: Object.fromEntries(Object.keys(notes.modalities).map((name) => [rename(name), hostileText(random)])),
    },
  };
};
