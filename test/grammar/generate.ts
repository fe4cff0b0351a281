// Random valid texts, from a seed: every form of the grammar, with keywords as names where they may be, comments and
// white space anywhere between tokens.

const pieces = ["\n", " ", "  ", "\n\n", "\n\n\n", " // note\n", "\n// own line\n", "\n/// doc\n", "\t", "\r\n"];
const keywords = [
  "mask",
  "head",
  "position",
  "select",
  "span",
  "layers",
  "noise",
  "grid",
  "rows",
  "given",
  "part",
  "loss",
];
const operators = ["and", "or", "not", "is", "before", "sees", "in", "with", "if"];
const infixes = ["+", "-", "*", "/", "|", "..", "and", "or", "is", "before", "sees"];

export class Generator {
  private state: number;
  private depth = 0;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** In [0, 1). */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
  private chance(share: number): boolean {
    return this.random() < share;
  }
  private many(least: number, most: number, make: () => string, separator = " "): string {
    return Array.from({ length: least + this.below(most - least + 1) }, make).join(separator);
  }
  private list(least: number, most: number, make: () => string): string {
    return this.many(least, most, make, " , ");
  }

  /** A file, its tokens parted by random white space and comments. */
  file(): string {
    const tokens = [
      this.many(0, 2, () => `import { ${this.list(1, 3, () => this.word())} } from "std/x"`),
      this.many(0, 4, () => this.declaration()),
    ];
    const loose = tokens.join(" ").split(/ +/).filter(Boolean);
    return loose.map((token) => token.replaceAll("·", " ") + (this.chance(0.12) ? this.pick(pieces) : " ")).join("");
  }

  private name(): string {
    return this.chance(0.1)
      ? this.pick(keywords)
      : `${this.pick(["a", "b", "Llama", "x_1", "vision", "und"])}${this.below(9)}`;
  }
  /** What may be a label or member: operators too. */
  private word(): string {
    return this.chance(0.05) ? this.pick(operators) : this.name();
  }
  private plain(): string {
    return `n${this.below(9)}`;
  }
  private number(): string {
    return this.pick(["0", "16", "128_256", "0.25", "1e-5", "9007199254740991"]);
  }
  private string(): string {
    return this.pick(['"model.{i}.weight"', '"<boi>"', '"a·\\"b\\n"', '""', '"//·no·comment"']);
  }

  private expression(): string {
    if (this.depth > 2) return this.name();
    this.depth++;
    const operand = (): string => (this.chance(0.1) ? this.pick(["- ", "not "]) : "") + this.postfix();
    const text = [operand(), ...Array.from({ length: this.below(3) }, () => `${this.pick(infixes)} ${operand()}`)].join(
      " ",
    );
    this.depth--;
    return text;
  }
  private postfix(): string {
    const of = this.primary();
    return /^[0-9"]/.test(of)
      ? of
      : `${of} ${this.many(0, 2, () => this.pick([this.call, this.index, this.member]).call(this))}`;
  }
  private call(): string {
    return `( ${this.list(0, 3, () => `${this.chance(0.3) ? `${this.word()} : ` : ""}${this.expression()}`)} )`;
  }
  private index(): string {
    return `[ ${this.list(1, 2, () => this.expression())} ]`;
  }
  private member(): string {
    return `. ${this.word()}`;
  }
  private primary(): string {
    const arm = (): string => `${this.chance(0.1) ? "given " : ""}${this.plain()} : ${this.expression()}`;
    return this.pick([
      () => this.name(),
      () => this.name(),
      () => this.number(),
      () => this.string(),
      () => `( ${this.list(1, 2, () => this.expression())} )`,
      () => `[ ${this.list(0, 3, () => this.expression())} ]`,
      () => `${this.pick(["select", "joint", "count", "axes"])} { ${this.list(0, 3, arm)} }`,
    ])();
  }
  private shape(): string {
    return `[ ${this.list(0, 2, () => this.expression())} ]`;
  }
  private glob(first = this.pick([this.name(), "*", "**"])): string {
    const step = (): string => this.pick([`. ${this.word()}`, ". *", ". **", "[ * ]", "[ 3 ]", "[ 2 * i + 1 ]"]);
    return `${first} ${this.many(0, 3, step)}`;
  }
  private parameters(): string {
    const one = (): string =>
      `${this.word()} ${this.chance(0.3) ? `: ${this.word()}` : ""} ${this.chance(0.3) ? `= ${this.expression()}` : ""}`;
    return this.chance(0.7) ? `( ${this.list(0, 4, one)} )` : "";
  }

  private declaration(): string {
    const role = this.pick(["part", "block", "tower"]);
    return this.pick([
      () => `${role} ${this.word()} ${this.parameters()} { ${this.many(0, 5, () => this.item())} }`,
      () => `${role} ${this.word()} = ${this.expression()}`,
      () => `model ${this.word()} = ${this.expression()} with { ${this.list(1, 2, () => `${this.plain()} once`)} }`,
      () => `contract ${this.word()} { ${this.many(0, 4, () => this.contractMember())} }`,
      () => `model ${this.word()} ${this.parameters()} { ${this.many(0, 8, () => this.statement())} }`,
    ])();
  }
  private contractMember(): string {
    const result = `( ${this.list(0, 2, () => this.shape())} ) -> ${this.pick(["", "grid "])}${this.shape()}`;
    return this.pick([
      `${this.word()} ,`,
      `${this.word()} ? : Process`,
      `layers : ${result}`,
      `${this.word()} ? ${result} ,`,
    ]);
  }
  private item(): string {
    return this.pick([
      () => this.weight(),
      () => `layers : ${this.expression()}`,
      () => `part ${this.word()} = ${this.expression()}`,
      () => `${this.name()} = ${this.expression()}`,
      () => `require ( ${this.expression()} , ${this.expression()} ${this.chance(0.5) ? `, ${this.string()}` : ""} )`,
      () => this.function(),
      () => `checkpoint ${this.word()} { ${this.many(0, 3, () => this.entry())} }`,
    ])();
  }
  private weight(): string {
    const one = (): string =>
      `${this.word()} : ${this.shape()} ${this.chance(0.5) ? `= ${this.expression()} if ${this.expression()}` : ""}`;
    return `weight ${this.list(1, 3, one)}`;
  }
  private function(): string {
    const parameter = (): string =>
      this.pick([
        this.word(),
        `${this.word()} ? : ${this.shape()}`,
        `${this.word()} : grid ${this.shape()}`,
        "seen : rows { k , v }",
      ]);
    const bindings = this.many(0, 3, () => this.binding());
    // an expression that begins with a bracket would belong to the binding before it
    const result = `${this.plain()} ${this.chance(0.5) ? `+ ${this.expression()}` : ""}`;
    return `f${this.below(9)} ( ${this.list(0, 3, parameter)} ) -> ${this.shape()} , k { ${bindings} ${result} }`;
  }
  private entry(): string {
    return this.chance(0.2) ? `ignore ${this.string()}` : `${this.glob(this.name())} <- ${this.expression()}`;
  }
  private binding(): string {
    const list = (): string => `[ ${this.list(1, 3, () => this.plain())} ]`;
    return `${this.chance(0.8) ? this.plain() : list()} = ${this.expression()}`;
  }

  private statement(): string {
    const noiseEntry = (): string =>
      this.pick([`given : t = ${this.expression()}`, `drawn : t ~ ${this.expression()}`, "after : never"]);
    const segment = (): string =>
      `${this.word()} : ${this.chance(0.5) ? `${this.name()} ${this.string()}` : this.expression()}`;
    return this.pick([
      () => `modality ${this.word()} = ${this.expression()}`,
      () => `modality ${this.word()} = span { ${this.list(0, 3, segment)} } ${this.pick(["", "aside"])}`,
      () => `group ${this.word()} = ${this.list(1, 3, () => this.expression())}`,
      () =>
        `input ${this.word()} : ${this.pick([this.plain(), this.shape()])} ${this.chance(0.5) ? "per image . patch" : ""}`,
      () => `let ${this.binding()}`,
      () => this.binding(),
      () => this.weight(),
      () => `${this.pick(["freeze", "train"])} ${this.list(1, 3, () => this.glob())}`,
      () =>
        `embed image . patch ${this.chance(0.7) ? `( ${this.list(0, 2, () => this.word())} )` : ""} = ${this.expression()}`,
      () =>
        `layers ${this.word()} ${this.list(1, 2, () => `${this.word()} in ( ${this.expression()} )`)} { ${this.many(0, 3, () => this.binding())} }`,
      () => `mask = ${this.expression()}`,
      () => `position ${this.pick(["", "vision . **"])} = ${this.expression()}`,
      () => `noise ${this.word()} = ( ${this.expression()} ) { ${this.chance(0.7) ? noiseEntry() : ""} }`,
      () => `${this.pick(["head", "guide", "loss"])} ${this.word()} = ${this.expression()}`,
      () => `session = ${this.many(1, 3, () => `${this.plain()} ${this.pick(["", "?", "*", "+"])}`)}`,
      () => `${this.pick(["precision", "quantize"])} ${this.glob()} = ${this.expression()}`,
      () => `when ${this.plain()} { ${this.many(0, 3, () => this.binding())} }`,
    ])();
  }
}
