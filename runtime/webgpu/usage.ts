// Flags of WebGPU, by the values of the standard: Node has no global objects that hold them.

export const BUFFER = {
  MAP_READ: 0x1,
  MAP_WRITE: 0x2,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  INDIRECT: 0x100,
  QUERY_RESOLVE: 0x200,
} as const;

export const MAP = { READ: 0x1, WRITE: 0x2 } as const;

export const STAGE = { COMPUTE: 0x4 } as const;
