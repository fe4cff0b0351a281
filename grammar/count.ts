// Counts as people read them: `1,235,814,400`. Not by `Intl`, whose tables take longer to load than a small model takes to
// compile.
export const count = (n: number): string => String(n).replace(/\B(?=(?:\d{3})+$)/g, ",");
