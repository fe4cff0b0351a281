// The one error class for what a user can cause and cure: a wrong file, a missing package, a wrong call. Anything else
// that is thrown is a bug of ours. The kind lets a shell choose its exit code; `help` is the sentence that says what to do.

/**
 * `file`: something read from disk is not as it must be; `package`: an optional package is missing; `device`: there is no
 * GPU, it cannot do what is asked, or it was lost; `call`: wrong arguments; `numbers`: what was computed is not finite.
 */
export type FailureKind = "file" | "package" | "device" | "call" | "numbers";

export class Failure extends Error {
  readonly kind: FailureKind;
  readonly help: string | undefined;

  constructor(kind: FailureKind, message: string, help?: string, cause?: unknown) {
    super(help === undefined ? message : `${message}\n  help: ${help}`, cause === undefined ? {} : { cause });
    this.name = "Failure";
    this.kind = kind;
    this.help = help;
  }

  /** Whether the cause is a file that does not exist. */
  get missing(): boolean {
    return this.cause instanceof Error && "code" in this.cause && this.cause.code === "ENOENT";
  }
}

/** The text of anything that was thrown. */
export const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
