// What is said to people, on stderr: lines, and on a terminal one line that is written over until something else is said.

const { stderr } = process;
const CLEAR = "\r\u001b[K";
let shown = false;

export const isTerminal = (): boolean => stderr.isTTY === true && process.env["TERM"] !== "dumb";

/** Replaces the line of the last call; empty: takes it away. */
const over = (text: string): void => {
  if (text === "" && !shown) return;
  shown = text !== "";
  stderr.write(`${CLEAR}${text}`);
};

/** `over`, where there is a terminal. */
export const overwriting = (): ((text: string) => void) | undefined => (isTerminal() ? over : undefined);

export const say = (text: string): void => {
  over("");
  stderr.write(text.endsWith("\n") ? text : `${text}\n`);
};
