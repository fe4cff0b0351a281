// A row expression on some rows of the document. Rows are independent but for `attend`, which needs its operands on all
// of them; so a body asks for an attend's result when the first row needs it, and gets it for every row.
import type { Input, Model, Document, Row, RowOf, Weight } from "../analyze/model.ts";
import { attention } from "./attention.ts";
import type { Key } from "./attention.ts";
import { wide } from "./dense.ts";
import type { Numbers } from "./dense.ts";
import { isHidden, sees } from "./mask.ts";
import { residuals, rms } from "./observe.ts";
import type { Event } from "./observe.ts";
import { inputAt } from "./place.ts";
import type { Place } from "./place.ts";
import { meaningOf } from "./row.ts";
import type { Scope } from "./row.ts";

/** What the whole evaluation reads. */
export interface Setting {
  readonly model: Model;
  readonly document: Document;
  readonly places: readonly Place[];
  readonly weights: (weight: Weight) => Numbers;
  readonly observe: ((event: Event) => void) | undefined;
}

/** Values by row of the document; undefined: the sequence has no such row. */
export type Rows = readonly (Float64Array | undefined)[];

/** The keys of all bodies that share the softmax of an attend, in document order. */
type Gather = (node: RowOf<"attend">, body: Body) => readonly Key[];

export class Body {
  readonly #setting: Setting;
  readonly #parameters: readonly (Rows | undefined)[];
  readonly #mask: (query: Place, key: Place) => boolean;
  readonly #scopes: ReadonlyMap<number, Scope>;
  readonly #weights = new Map<Weight, Numbers>();
  readonly #attended = new Map<Row, ReadonlyMap<number, Float64Array>>();
  readonly #gather: Gather;

  /**
   * On the rows `places`; `parameters` are read at the same row. `mask` narrows the model's for this call. `gather`
   * gives the keys of an attend in document order; left out, they are the body's own.
   */
  constructor(
    setting: Setting,
    places: readonly Place[],
    parameters: readonly (Rows | undefined)[],
    mask: (query: Place, key: Place) => boolean = (query, key) => sees(setting.model.mask, query, key),
    gather: Gather = (node, body) => body.keys(node),
  ) {
    this.#setting = setting;
    this.#parameters = parameters;
    this.#mask = mask;
    this.#gather = gather;
    this.#scopes = new Map(places.map((place) => [place.place, this.#scope(place)]));
  }

  /** `node` on every row. */
  rows(node: Row): Rows {
    return this.#setting.places.map(({ place }) => {
      const scope = this.#scopes.get(place);
      return scope && wide(scope.value(node));
    });
  }

  /** The rows as an attend's keys. */
  keys(node: RowOf<"attend">): readonly Key[] {
    const [, k, v] = node.src;
    return Array.from(this.#scopes.values(), (scope) => ({
      place: scope.place,
      k: wide(scope.value(k!)),
      v: wide(scope.value(v!)),
    }));
  }

  /** Reports the residual adds of a block's body, once its rows are known. */
  report(body: Row): void {
    const { observe } = this.#setting;
    if (observe === undefined) return;
    for (const { add, stream, branch } of residuals(body)) {
      const size = (node: Row): number => rms(Array.from(this.#scopes.values(), (scope) => wide(scope.value(node))));
      observe({ kind: "residual", path: add.path, at: add.at, stream: size(stream), branch: size(branch) });
    }
  }

  #scope(place: Place): Scope {
    const values = new Map<Row, Numbers>();
    const scope: Scope = {
      place,
      value: (node) => {
        let value = values.get(node);
        if (value === undefined) values.set(node, (value = meaningOf(node, scope)));
        return value;
      },
      parameter: (index) => {
        const value = this.#parameters[index]?.[place.place];
        if (value === undefined)
          throw new Error(`internal: row ${place.place} (${place.kind.name}) has no argument ${index}`);
        return value;
      },
      weight: (weight) => this.#weight(weight),
      input: (input: Input) => inputAt(place, input, this.#setting.document),
      attended: (node) => this.#attend(node).get(place.place)!,
    };
    return scope;
  }

  #weight(weight: Weight): Numbers {
    const known = this.#weights.get(weight);
    if (known !== undefined) return known;
    const value = this.#setting.weights(weight);
    const size = weight.shape.reduce((product, dim) => product * dim, 1);
    if (value.length !== size)
      throw new Error(`${weight.path} is [${weight.shape.join(", ")}], but ${value.length} numbers were given`);
    this.#weights.set(weight, value);
    return value;
  }

  #attend(node: RowOf<"attend">): ReadonlyMap<number, Float64Array> {
    const known = this.#attended.get(node);
    if (known !== undefined) return known;
    const { observe } = this.#setting;
    const [q, k] = node.src;
    const [heads, e] = node.shape;
    const [kv, d] = k!.shape;
    const site = { heads: heads!, kv: kv!, d: d!, e: e!, ...node.attrs };
    const keys = this.#gather(node, this);
    for (const key of keys) {
      if (key.k.length !== site.kv * site.d || key.v.length !== site.kv * site.e)
        throw new Error(`internal: unequal keys meet in ${node.path}`);
    }
    const scores = { count: 0, sum: 0, squares: 0 };
    const result = new Map<number, Float64Array>();
    for (const [index, scope] of this.#scopes) {
      const visible = keys.filter((key) => !isHidden(scope.place, key.place) && this.#mask(scope.place, key.place));
      result.set(index, attention(wide(scope.value(q!)), visible, site, observe && scores));
    }
    observe?.({ kind: "attend", path: node.path, at: node.at, ...scores });
    observe?.({ kind: "keys", node, rows: new Map(this.keys(node).map(({ place, k, v }) => [place.place, { k, v }])) });
    this.#attended.set(node, result);
    return result;
  }
}
