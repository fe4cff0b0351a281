// Texts of strangers in messages: in quotes, short, and without anything that could steer a terminal.

const LONGEST = 120;
/** Control characters, and those that turn the direction of what follows; JSON escapes only the first 32. */
const STEERING = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The first 32 but tabs and ends of lines too. */
const STEERING_TEXT = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f]|${STEERING.source}`, "g");

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A text as a terminal may show it, whole. */
export const steerless = (text: string): string => text.replace(STEERING_TEXT, escaped);

/** A key, a name or a number of a file as a message may show it. */
export const quote = (text: string): string => {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(short).replace(STEERING, escaped);
};
