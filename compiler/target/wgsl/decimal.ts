// A finite f32 as WGSL writes it, without a suffix: never a whole number, which would be of another type.
export const decimal = (x: number): string => {
  const text = String(Math.fround(x));
  return /[.e]/.test(text) ? text : `${text}.0`;
};
