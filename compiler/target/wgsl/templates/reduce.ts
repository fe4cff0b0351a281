// Sums and largest values over one axis, and the numbers of norms: one row, or one vec4 of rows, to an invocation, or a long
// row to a workgroup.
import { type Dim, divExact } from "../../../ir/dim.ts";
import type { Node, NodeOf } from "../../../ir/node.ts";
import { Code } from "../code.ts";
import { decimal } from "../decimal.ts";
import { coordsOf, rendererOf, unflat, type Values } from "../emission.ts";
import { lane, type At, axisAt, join, loopAt, number } from "../indexing.ts";
import type { Norm } from "../render.ts";
import { quadsOf, rowsOf, widthOf } from "../storage.ts";

/** What sums and largest values begin with, and the type they are worked out in. */
const STARTS = {
  f32: { sum: "0.0", amax: "-3.4028234663852886e38f" },
  i32: { sum: "0i", amax: "i32(-2147483648)" },
} as const;

/** The head of a loop over all of `count`, or over what of them is this invocation's of those that work together. */
export const strided = (code: Code, name: string, count: number, together: boolean): string =>
  together
    ? `for (var ${name} = local.x; ${name} < ${count}u; ${name} += ${code.invocations}u)`
    : `for (var ${name} = 0u; ${name} < ${count}u; ${name}++)`;

/** `[rows, 4]`: the factor and the mean of each row. */
export const statisticsKernel = (values: Values, norm: Norm, together = false): Code => {
  const x = norm.src[0]!;
  const rows = rowsOf(x.type.shape);
  const code = rowsKernel("statistics", 1, rows, together);
  eachRow(code, [], together, () => {
    const row = axisAt("r", rows, 1);
    const numbers = measure(code, values, norm, unflat(row, x.type.shape.slice(0, -1)), together);
    single(code, together, () => code.line(`${code.place(values.statistics(norm)!, row, "0u", true)} = ${numbers};`));
  });
  return code;
};

/** From so many numbers on a row is long enough for a workgroup. */
const LONG = 128;
/** Whether a workgroup takes a row of what a kernel of this template reads. */
export const isLong = (x: Node, axis = x.type.shape.length - 1): boolean => {
  const { shape, dtype } = x.type;
  const last = shape.at(-1);
  return axis === shape.length - 1 && typeof last === "number" && last >= LONG && dtype !== "i32";
};
/** Rows `r`, one to an invocation or to a workgroup. */
const rowsKernel = (template: "reduce" | "statistics", quads: number, rows: Dim, together: boolean): Code =>
  together
    ? new Code({ template: `${template}.split`, grid: [quads, rows, 1], tile: [1, 1, 1], workgroup: [64, 1, 1] })
    : new Code({ template, grid: [quads, rows, 1], tile: [1, 64, 1], workgroup: [1, 64, 1] });
const eachRow = (code: Code, conditions: readonly string[], together: boolean, write: () => void): void => {
  if (together) {
    code.line(`let r = ${code.first(1)} + group.y;`);
    write();
  } else {
    code.line(`let r = ${code.unit(1)};`);
    code.block(`if (${[...conditions, `r < ${code.end(1)}`].join(" && ")})`, write);
  }
};
/** What one of those who work together does. */
export const single = (code: Code, together: boolean, write: () => void): void =>
  together ? code.block("if (local.x == 0u)", write) : write();

/**
 * Works out the factor and the mean of one row, as a vec4: each invocation for itself, or all of a workgroup `together`.
 * The mean is taken out before squares are summed.
 */
export const measure = (code: Code, values: Values, norm: Norm, row: readonly At[], together = false): string => {
  const x = norm.src[0]!;
  const width = x.type.shape.at(-1) as number;
  const renderer = rendererOf(code, values);
  const sum = (of: (value: string, tail: string) => string): string => {
    const total = code.fresh("t");
    code.line(`var ${total} = vec4<f32>(0.0);`);
    const k = code.fresh("k");
    code.block(strided(code, k, Math.ceil(width / 4), together), () => {
      const at = join(loopAt(k, Math.ceil(width / 4)), 4, lane);
      const value = renderer.render(x, [...row, at], 4);
      const inside = `vec4<u32>(0u, 1u, 2u, 3u) + ${k} * 4u < vec4<u32>(${width}u)`;
      code.line(`${total} += ${of(value, width % 4 === 0 ? "" : inside)};`);
    });
    if (together) code.line(`${total} = ${code.combined("sum", total)};`);
    return code.named(`dot(${total}, vec4<f32>(1.0)) / ${width}.0`);
  };
  const kept = (value: string, tail: string): string =>
    tail === "" ? value : `select(vec4<f32>(0.0), ${value}, ${tail})`;
  const mean = norm.op === "layerNorm" ? sum(kept) : "0.0";
  const square = sum((value, tail) => {
    const centred = norm.op === "layerNorm" ? code.named(`${value} - ${mean}`) : value;
    return kept(`${centred} * ${centred}`, tail);
  });
  return code.named(`vec4<f32>(1.0 / sqrt(${square} + ${decimal(norm.attrs.eps)}), ${mean}, 0.0, 0.0)`);
};

/** `together` of a long row. */
export const reduceKernel = (values: Values, node: NodeOf<"sum" | "amax">, together = false): Code => {
  const { axis } = node.attrs;
  const x = node.src[0]!;
  const { shape } = x.type;
  const rows = rowsOf(node.type.shape);
  const quads = quadsOf(node.type.shape);
  const code = rowsKernel("reduce", quads, rows, together);
  const isMax = node.op === "amax";
  const type = x.type.dtype === "i32" ? "i32" : "f32";
  const start = STARTS[type][node.op];
  const four = `vec4<${type}>(${start})`;
  const combined = (a: string, b: string): string => (isMax ? `max(${a}, ${b})` : `${a} + ${b}`);
  const number32 = (value: string): string => (type === "f32" ? value : `f32(${value})`);
  const last = axis === shape.length - 1;
  const renderer = rendererOf(code, values);
  code.line(`let c = ${together ? `${code.first(0)} + group.x` : code.unit(0)};`);
  eachRow(code, [`c < ${code.end(0)}`], together, () => {
    const row = axisAt("r", rows, 1);
    const quad = axisAt("c", quads, 0);
    const length = shape[axis]!;
    const own = coordsOf(node as never, row, quad);
    let result: string;
    if (last && typeof length === "number" && length >= 4) {
      code.line(`var t = ${four};`);
      code.block(strided(code, "k", Math.ceil(length / 4), together), () => {
        const value = renderer.render(x, [...own.slice(0, -1), join(loopAt("k", Math.ceil(length / 4)), 4, lane)], 4);
        const kept =
          divExact(length, 4) !== undefined
            ? value
            : `select(${four}, ${value}, vec4<u32>(0u, 1u, 2u, 3u) + k * 4u < vec4<u32>(${length}u))`;
        code.line(`t = ${combined("t", kept)};`);
      });
      if (together) code.line(`t = ${code.combined(isMax ? "max" : "sum", "t")};`);
      const across = isMax ? "max(max(t.x, t.y), max(t.z, t.w))" : `dot(t, vec4<${type}>(1))`;
      result = `vec4<f32>(${number32(across)}, 0.0, 0.0, 0.0)`;
    } else {
      // Along another axis neighbours stay neighbours; of a short last axis, or one that a call decides, one number each.
      const lanes = last ? 1 : typeof shape.at(-1) === "number" && widthOf(node.type.shape) > 1 ? 4 : 1;
      code.line(`var t = ${lanes === 4 ? four : start};`);
      code.block(`for (var k = 0u; k < ${code.size(length)}; k++)`, () => {
        const single =
          lanes === 1 && typeof node.type.shape.at(-1) === "number" ? [...own.slice(0, -1), number(0)] : own;
        code.line(`t = ${combined("t", renderer.render(x, single.with(axis, loopAt("k", length)), lanes))};`);
      });
      const width = widthOf(node.type.shape);
      const whole = type === "f32" ? "t" : "vec4<f32>(t)";
      const masked =
        width % 4 === 0
          ? whole
          : `select(vec4<f32>(0.0), ${whole}, vec4<u32>(0u, 1u, 2u, 3u) + c * 4u < vec4<u32>(${width}u))`;
      result = lanes === 4 ? masked : `vec4<f32>(${number32("t")}, 0.0, 0.0, 0.0)`;
    }
    single(code, together, () => code.line(`${code.place(values.lying(node as never)!, row, "c", true)} = ${result};`));
  });
  return code;
};
