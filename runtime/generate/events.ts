// What generation tells while it goes on.
import type { Picture } from "../media/patches.ts";
import type { Past } from "./past.ts";

/** How long the calls of a phase took, and how many there were. */
export interface Taken {
  readonly calls: number;
  readonly rows: number;
  readonly ms: number;
}
export type Phase = "prefill" | "decode" | "read" | "denoise" | "last" | "draft";

export type GenerateEvent =
  /** first: all that is known before anything is computed */
  | {
      readonly is: "start";
      /** of each document */
      readonly prompts: readonly { readonly tokens: number; readonly images: number }[];
      /** the most tokens of each document, and the steps of each image */
      readonly maxTokens: number;
      readonly steps: number;
    }
  /** whole characters, as soon as they are */
  | { readonly is: "text"; readonly document: number; readonly text: string; readonly ids: readonly number[] }
  /** after each step of an image */
  | {
      readonly is: "step";
      readonly document: number;
      /** index among the images of the document, those of the prompt included */
      readonly image: number;
      readonly step: number;
      readonly steps: number;
      /** what the clean image is by now taken to be: the rows of its grid, row after row */
      readonly estimate: Float32Array;
    }
  | {
      readonly is: "image";
      readonly document: number;
      readonly image: number;
      /** the rows of its grid, row after row */
      readonly rows: Float32Array;
      /** absent where rows are no pixels */
      readonly picture: Picture | undefined;
    }
  /** a document is at its end: a stop was written, or the most tokens were, or nothing may follow */
  | {
      readonly is: "end";
      readonly document: number;
      readonly why: "stop" | "length" | "session";
      /** with `keep`: the document as it is now, to go on from */
      readonly past?: Past;
    }
  /** last */
  | {
      readonly is: "usage";
      readonly phases: Readonly<Record<Phase, Taken>>;
      readonly tokens: number;
      readonly images: number;
    };
