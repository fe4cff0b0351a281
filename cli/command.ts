// What a command is: its options as data, from which parsing and help are made, and a function that gives its outcome.

/** 0 done, 1 diagnostics, 2 usage, 3 files, 4 verification failed, 70 a bug of ours, 130 interrupted. */
export type Exit = 0 | 1 | 2 | 3 | 4 | 70 | 130;

export interface Option {
  /** what stands for the value in the help; without it the option is a flag */
  readonly value?: string;
  readonly doc: string;
  /** may be given several times */
  readonly many?: true;
}

export interface Command {
  readonly name: string;
  /** what stands for the operand in the help: `[CODE]` may be left out, empty: it takes none */
  readonly operand: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** A command as it was called. */
export interface Call {
  /** a file or folder, or `-`; empty: there is none, where a command can do without */
  readonly operand: string;
  /** values of an option in the order given; empty: it was not given */
  values(option: string): readonly string[];
  value(option: string): string | undefined;
  flag(option: string): boolean;
}

/** Where a command may speak while it runs; what it has found is its outcome. */
export interface Io {
  /** whether messages may have colours */
  readonly colour: boolean;
  /** a part of what is found, for people, on stdout as it comes; nothing where `--json` asks for the whole */
  write(text: string): void;
  /** a line for people, on stderr, such as how far it is */
  note(text: string): void;
  /** a line that the next one replaces, and an empty one takes away; only on a terminal */
  over?(text: string): void;
}

export interface Outcome {
  readonly exit: Exit;
  /** for `--json`, on stdout; `schema` names its form */
  readonly json: { readonly schema: string } & Readonly<Record<string, unknown>>;
  /** for people, on stdout; exactly these characters */
  readonly text: string;
  /** messages for people, on stderr */
  readonly messages?: string;
}

export type Run = (call: Call, io: Io) => Promise<Outcome>;

/** The command was called in a way that has no meaning: exit 2. */
export class UsageError extends Error {
  readonly help: string | undefined;

  constructor(message: string, help?: string) {
    super(message);
    this.name = "UsageError";
    this.help = help;
  }
}
