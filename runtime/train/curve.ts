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

  /** A picture of its own, without scripts or fonts: steps to the right, the logarithm of the loss upwards. */
  svg(title: string): string {
    const all = [...this.#points, ...this.#validation];
    const marks = marksAround(all.map(({ loss }) => Math.max(loss, LEAST)));
    const [least, most] = [logOf(marks[0]!), logOf(marks.at(-1)!)];
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
    const shown = marks.filter((_, i) => i % Math.ceil(marks.length / 9) === 0);
    const ticks = [...new Set([0, 1, 2, 3, 4].map((i) => Math.round(1 + (i * (last - 1)) / 4)))];
    const isValidated = this.#validation.length > 0;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
      `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
      `<text x="${LEFT}" y="18">${escaped(title)}</text>`,
      `<text x="${WIDTH - RIGHT}" y="18" text-anchor="end"><tspan fill="${TRAINED}">loss</tspan>${isValidated ? ` <tspan fill="${VALIDATED}">validation</tspan>` : ""}</text>`,
      ...shown.flatMap((mark) => [
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(mark)}" y2="${y(mark)}" stroke="#ddd"/>`,
        `<text x="${LEFT - 6}" y="${(Number(y(mark)) + 4).toFixed(1)}" text-anchor="end" fill="#555">${mark}</text>`,
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
const LEAST = 1e-9;
const logOf = (loss: number): number => Math.log10(Math.max(loss, LEAST));
/** 1, 2, 5, 10, 20, 50 and so on, from the last below all losses to the first above them. */
const marksAround = (losses: readonly number[]): number[] => {
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const all: number[] = [];
  for (let decade = -9; decade <= 38; decade++) for (const digit of [1, 2, 5]) all.push(Number(`${digit}e${decade}`));
  const from = Math.max(
    0,
    all.findLastIndex((mark) => mark <= low),
  );
  const to = all.findIndex((mark) => mark >= high && mark > all[from]!);
  return all.slice(from, to < 0 ? all.length : to + 1);
};
const escaped = (text: string): string => text.replace(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`);
const joined = (a: Point, b: Point): Point => {
  const count = a.count + b.count;
  return { step: b.step, loss: (a.loss * a.count + b.loss * b.count) / count, count };
};
