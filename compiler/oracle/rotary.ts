// Rotary embeddings: the angles of a position, and the turning of a row's heads by them.
import type { RotaryScaling, RowOps } from "../analyze/model.ts";
import type { Numbers } from "./dense.ts";

/** Radians a position for each of the `dim / 2` planes: theta^(-2 k / dim), rescaled where the model says so. */
export function frequencies(dim: number, theta: number, scaling: RotaryScaling | undefined): Float64Array {
  const result = new Float64Array(dim / 2);
  for (let k = 0; k < result.length; k++) {
    const frequency = theta ** ((-2 * k) / dim);
    result[k] = scaling === undefined ? frequency : scaled(frequency, scaling);
  }
  return result;
}

/** The llama3 rule: short waves stay, long ones are slowed by `factor`, those between are blended. */
function scaled(frequency: number, { factor, low, high, original }: RotaryScaling): number {
  const wave = (2 * Math.PI) / frequency;
  if (wave > original / low) return frequency / factor;
  if (wave < original / high) return frequency;
  const smooth = (original / wave - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** `x [heads, dim]` turned to `position`: planes are (k, k + dim / 2), or (2 k, 2 k + 1) if interleaved. */
export function rotate(x: Numbers, dim: number, position: number, attrs: RowOps["rotary"]): Float64Array {
  const turns = frequencies(dim, attrs.theta, attrs.scaling);
  const y = new Float64Array(x.length);
  for (let k = 0; k < turns.length; k++) {
    const cos = Math.cos(position * turns[k]!);
    const sin = Math.sin(position * turns[k]!);
    for (let head = 0; head < x.length; head += dim) {
      const first = head + (attrs.interleaved ? 2 * k : k);
      const second = attrs.interleaved ? first + 1 : first + turns.length;
      y[first] = x[first]! * cos - x[second]! * sin;
      y[second] = x[second]! * cos + x[first]! * sin;
    }
  }
  return y;
}
