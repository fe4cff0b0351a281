// The names of methods: a program's words joined, `forward(text, image)` as `forwardTextImage`.

/** What a model has besides its programs, what every object has, and `then`, which would make a promise of it. */
const TAKEN = [
  ..."manifest run forward start fork gather append close then".split(" "),
  ..."constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf".split(" "),
];

/**
 * A method for each program, in order. A name that is taken gets the least number from 2 that makes it another, so the
 * names are identifiers, differ, and are the same for the same programs.
 */
export const methodsOf = (programs: readonly string[]): readonly string[] => {
  const taken = new Set(TAKEN);
  return programs.map((program) => {
    const words = program.match(/[A-Za-z0-9]+/g) ?? [];
    const joined = words.map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join("");
    // An identifier begins with a letter.
    const plain = /^[A-Za-z]/.test(joined) ? joined : `program${joined}`;
    let name = plain;
    for (let n = 2; taken.has(name); n++) name = `${plain}${n}`;
    taken.add(name);
    return name;
  });
};
