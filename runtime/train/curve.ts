// How the loss goes down, as a picture of bounded size: where there are many steps, a point is the mean of several.
interface Point {
  /** the last of its steps */
  readonly step: number;
  readonly loss: number;
  readonly count: number;
}
const MOST = 512;
const BLOCKS = "▁▂▃▄▅▆▇█";

/** The same losses give the same points, however long it has been since they were told. */
export class Curve {
  #points: Point[] = [];
  /** steps of a full point */
  #each = 1;
  readonly #validation: { readonly step: number; readonly loss: number }[] = [];

  add(step: number, loss: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && last.count < this.#each)
      this.#points[this.#points.length - 1] = joined(last, { step, loss, count: 1 });
    else this.#points.push({ step, loss, count: 1 });
    if (this.#points.length <= MOST) return;
    const pairs = Array.from({ length: Math.ceil(this.#points.length / 2) }, (_, i) =>
      this.#points.slice(2 * i, 2 * i + 2),
    );
    this.#points = pairs.map(([a, b]) => (b === undefined ? a! : joined(a!, b)));
    this.#each *= 2;
  }
  addValidation(step: number, loss: number): void {
    this.#validation.push({ step, loss });
  }

  /** One line of blocks. */
  line(width = 32): string {
    const points = this.#points;
    if (points.length === 0) return "";
    const columns = Math.min(width, points.length);
    const heights = Array.from({ length: columns }, (_, i) => {
      const own = points.slice(
        Math.floor((i * points.length) / columns),
        Math.floor(((i + 1) * points.length) / columns),
      );
      return logOf(own.reduce((sum, { loss }) => sum + loss, 0) / own.length);
    });
    const [least, most] = [Math.min(...heights), Math.max(...heights)];
    const level = (height: number): number =>
      most === least ? 0 : Math.round((7 * (height - least)) / (most - least));
    return heights.map((height) => BLOCKS[level(height)]).join("");
  }

  /** A picture of its own, without scripts or fonts: steps to the right, the loss upwards, in decades. */
  svg(title: string): string {
    const all = [...this.#points, ...this.#validation];
    const losses = all.map(({ loss }) => logOf(loss));
    const least = Math.floor(Math.min(...losses, 0));
    const most = Math.max(Math.ceil(Math.max(...losses, least)), least + 1);
    const last = Math.max(2, ...all.map(({ step }) => step));
    const x = (step: number): string => (LEFT + ((step - 1) / (last - 1)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
    const y = (loss: number): string =>
      (TOP + ((most - logOf(loss)) / (most - least)) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
    const line = (of: readonly { step: number; loss: number }[], colour: string, name: string): string[] =>
      of.length === 0
        ? []
        : [
            `<path d="${of.map((each, i) => `${i === 0 ? "M" : "L"}${x(each.step)} ${y(each.loss)}`).join("")}" fill="none" stroke="${colour}" stroke-width="1.5"><title>${name}</title></path>`,
          ];
    const decades = Array.from({ length: most - least + 1 }, (_, i) => least + i);
    const shown = decades.filter((_, i) => i % Math.ceil(decades.length / 8) === 0);
    const ticks = [...new Set([0, 1, 2, 3, 4].map((i) => Math.round(1 + (i * (last - 1)) / 4)))];
    const isValidated = this.#validation.length > 0;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
      `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
      `<text x="${LEFT}" y="18">${escaped(title)}</text>`,
      `<text x="${WIDTH - RIGHT}" y="18" text-anchor="end"><tspan fill="${TRAINED}">loss</tspan>${isValidated ? ` <tspan fill="${VALIDATED}">validation</tspan>` : ""}</text>`,
      ...shown.flatMap((decade) => [
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(10 ** decade)}" y2="${y(10 ** decade)}" stroke="#ddd"/>`,
        `<text x="${LEFT - 6}" y="${Number(y(10 ** decade)) + 4}" text-anchor="end" fill="#555">${tick(decade)}</text>`,
      ]),
      ...ticks.map((step) => `<text x="${x(step)}" y="${HEIGHT - 8}" text-anchor="middle" fill="#555">${step}</text>`),
      ...line(this.#points, TRAINED, "loss"),
      ...line(this.#validation, VALIDATED, "validation"),
      "</svg>",
      "",
    ].join("\n");
  }
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 320, 52, 24, 32, 32];
const [TRAINED, VALIDATED] = ["#1f6fb2", "#c2571a"];
/** Losses of 0 or less have no logarithm. */
const logOf = (loss: number): number => Math.log10(Math.max(loss, 1e-9));
const tick = (decade: number): string => (decade >= -3 && decade <= 4 ? String(10 ** decade) : `1e${decade}`);
const escaped = (text: string): string => text.replace(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`);
const joined = (a: Point, b: Point): Point => {
  const count = a.count + b.count;
  return { step: b.step, loss: (a.loss * a.count + b.loss * b.count) / count, count };
};
