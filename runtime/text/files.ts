// The files of a tokenizer, as they lie beside a checkpoint and are copied into compiled folders.

export const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"] as const;
/** Of one of them: a vocabulary of 256,000 takes 34 MB. */
export const MAX_TOKENIZER_BYTES = 128 * 2 ** 20;
