// Tables of Markdown whose rows speak of names that the code has: each name in some row, and no row of a name that is gone.

export const table = (head, rows) =>
  [
    `| ${head.join(" | ")} |`,
    `|${"---|".repeat(head.length)}`,
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");

/** Throws where `said` and `there` are not the same names. */
export const match = (what, said, there) => {
  const names = [...there];
  const missing = names.filter((name) => !said.includes(name));
  const gone = said.filter((name) => !names.includes(name));
  if (missing.length > 0) throw new Error(`the page says nothing of the ${what} ${missing.join(", ")}`);
  if (gone.length > 0) throw new Error(`the page speaks of the ${what} ${gone.join(", ")}, which are not there`);
};
