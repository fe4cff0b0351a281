// The runtime: compiled artifacts, weights, text and pictures to results. Knows nothing of the language or the compiler.
export { Failure, type FailureKind } from "./failure.ts";
export { guided } from "./generate/guidance.ts";
export { estimateClean, noisiest } from "./generate/process.ts";
export { type Sampler, type SamplerName, samplerOf, type SamplerOptions } from "./generate/sampler.ts";
export {
  type CacheEntry,
  type Condition,
  type Drawn,
  type GraphFile,
  type LossEntry,
  type Manifest,
  MANIFEST_SCHEMA,
  type Modality,
  type Noise,
  type Port,
  type Process,
  type ProgramEntry,
  type Segment,
  type SessionTerm,
  type TrainedWeight,
  type Training,
  type TrainingEntry,
  type WeightFile,
} from "./manifest.ts";
export { parseManifest, printManifest } from "./parseManifest.ts";
export { decodeImage, encodePng, readImage, writeImage } from "./media/image.ts";
export { fromPatches, type PatchGrid, type Picture, toPatches } from "./media/patches.ts";
export { openProgram, type Program, type ProgramOptions } from "./onnx/session.ts";
export { Context, type Part, type Source as DocumentSource } from "./context.ts";
export type { Decoded, Decoding, Drawer } from "./decoding.ts";
export {
  type Appending,
  type Document,
  type DocumentRow,
  type Layout as RowLayout,
  pack,
  unpack,
  type Values,
} from "./document.ts";
export type { GenerateEvent, Taken } from "./generate/events.ts";
export type { GenerateOptions } from "./generate/generate.ts";
export type { Past } from "./generate/past.ts";
export { type Sampler as TokenSampler, sampler as tokenSampler, type Sampling } from "./generate/sampling.ts";
export type { PromptPart } from "./generate/prompt.ts";
export type { Phase, Phases, Result, Whole } from "./phases.ts";
export { openSession, readManifest, type Session, type SessionOptions } from "./session.ts";
export { type DType, elements, type Tensor, type TensorData } from "./tensor.ts";
export type {
  CacheInputs,
  CacheOutputs,
  CacheType,
  ModelTypes,
  ShapedTensor,
  Sizes,
  TypedDocument,
  TypedPart,
  TypedResult,
  TypedRow,
  TypedSession,
} from "./typed.ts";
export { byteTokenizer, parseTokenizer, readTokenizer, type Tokenizer } from "./text/tokenizer.ts";
export { type Data, openData } from "./train/data.ts";
export type { Cost, StepEvent, TrainEvent, ValidationEvent } from "./train/events.ts";
export type { Settings, TrainOptions } from "./train/options.ts";
export type { Sample, SamplePart, Samples, SampleSource } from "./train/sample.ts";
export {
  type Checkpoint,
  checkpointBytes,
  checkpointF32,
  type CheckpointTensor,
  openCheckpoint,
} from "./weights/checkpoint.ts";
export { decodeF32, itemSize, type StoredDType } from "./weights/dtype.ts";
export { applyLayout, keysOf, type Layout, type Misfit, shapeOfLayout } from "./weights/map.ts";
export { type FileSource, openFile, readWhole, writeWhole } from "./weights/file.ts";
export { readBytes, readF32, readSafetensors, type Safetensors, type StoredTensor } from "./weights/safetensors.ts";
export { memorySource, type Source } from "./weights/source.ts";
export {
  safetensorsBytes,
  type SafetensorsLayout,
  safetensorsLayout,
  safetensorsPieces,
  type WrittenTensor,
} from "./weights/write.ts";
