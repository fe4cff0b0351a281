// What a group computes, as text in which its nodes have numbers. Groups of the same text have the same kernels and steps
// but for the values that they read and write: so of equal layers, in all programs, one is written.
import { show } from "../../ir/dim.ts";
import { textOf } from "../../ir/graph.ts";
import type { Node } from "../../ir/node.ts";
import type { Values } from "./emission.ts";
import { type Group, tipsOf } from "./partition.ts";
import { isNorm, type Norm } from "./render.ts";
import { type Lying, lyingAt, type Place } from "./storage.ts";

/** The values of a program, of which it is known in what heap they lie before they are asked for. */
export interface ProgramValues extends Values {
  place(n: Node): Place | undefined;
  /** what a node is computed from */
  sources(n: Node): readonly Node[];
}

export interface Structure {
  readonly text: string;
  /** what its kernels store, or of which they store numbers */
  readonly roots: readonly Node[];
  /** by number: as they are first reached, from what the group stores down to what it loads */
  readonly nodes: readonly Node[];
}

export const structureOf = (group: Group, values: ProgramValues): Structure => {
  const roots: readonly Node[] = group.is === "statistics" ? [group.norm] : tipsOf(group);
  const numbers = new Map<Node, number>();
  const texts: string[] = [];
  const numberOf = (n: Node): number => {
    const known = numbers.get(n);
    if (known !== undefined) return known;
    const number = numbers.size;
    numbers.set(n, number);
    const place = roots.includes(n) ? undefined : values.place(n);
    const made =
      place === undefined
        ? // Where rows are looked up kernels read those, but see too what they are rows of.
          `${textOf(n.attrs)} ${[...new Set([...values.sources(n), ...n.src])].map(numberOf).join()}`
        : `${place.heap} ${place.stored}`;
    const measured = isNorm(n) && values.statistics(n) !== undefined ? " measured" : "";
    texts[number] = `${n.op} ${n.type.dtype} ${n.type.shape.map(show).join()} ${made}${measured}`;
    return number;
  };
  // Whatever a group says of itself, with numbers for its nodes.
  const head = JSON.stringify(group, (_, value: unknown) => (isNode(value) ? numberOf(value) : value));
  return { roots, text: [head, ...texts].join("\n"), nodes: [...numbers.keys()] };
};

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "src" in value;

/** What a group asked for: where a node of it lies, or the numbers of a norm; or room of its own. */
export type Asked =
  | { readonly is: "lying" | "statistics"; readonly node: number }
  | { readonly is: "kept"; readonly shape: Node["type"]["shape"] };

/** The values of one group, numbered as it first asks for them. */
export class GroupValues implements Values {
  readonly asked: Asked[] = [];
  readonly #values: ProgramValues;
  readonly #nodes: readonly Node[];
  readonly #known = new Map<object, Lying>();

  constructor(values: ProgramValues, { nodes }: Structure) {
    this.#values = values;
    this.#nodes = nodes;
  }

  lying(n: Node): Lying | undefined {
    const place = this.#values.place(n);
    return place && this.#once(n, "lying", n, place, n.type.shape);
  }
  statistics(norm: Norm): Lying | undefined {
    const lying = this.#values.statistics(norm);
    // Norms of the same rows share their numbers.
    return lying && this.#once(lying, "statistics", norm as Node, lying, lying.shape);
  }
  kept(shape: Node["type"]["shape"]): Lying {
    return lyingAt(this.asked.push({ is: "kept", shape }) - 1, { heap: "state", stored: "f32" }, shape);
  }
  looked(table: Node, index: Node): Node | undefined {
    return this.#values.looked(table, index);
  }

  #once(key: object, is: "lying" | "statistics", n: Node, place: Place, shape: Node["type"]["shape"]): Lying {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const node = this.#nodes.indexOf(n);
    if (node < 0) throw new Error(`a kernel asks for ${n.op}, which is no part of what its group computes`);
    const made = lyingAt(this.asked.push({ is, node }) - 1, place, shape);
    this.#known.set(key, made);
    return made;
  }
}

/** Indices into a program's values of what a group of these nodes asks for. */
export const answered = (asked: readonly Asked[], values: Values, nodes: readonly Node[]): readonly number[] =>
  asked.map((each) => {
    const lying = each.is === "kept" ? values.kept(each.shape) : values[each.is](nodes[each.node] as Node & Norm);
    return lying!.index;
  });
