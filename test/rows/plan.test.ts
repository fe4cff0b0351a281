// Which programs a model has, what they read and leave, and which masks forbid them: as LANGUAGE section 9 states it.
import { describe, expect, test } from "vitest";
import type { Mask, Model, Noise, Seq, SessionTerm } from "../../compiler/analyze/model.ts";
import { maskText } from "../../compiler/analyze/printMask.ts";
import { planOf, type Phase, type Plan } from "../../compiler/rows/phase.ts";
import { printPlan } from "../../compiler/rows/print.ts";
import { model, project } from "../lower/build.ts";
import {
  add,
  all,
  and,
  call,
  causal,
  h0,
  joint,
  key,
  map,
  mul,
  not,
  or,
  parameter,
  patch,
  plainBlock,
  query,
  select,
  und,
  weight,
  within,
} from "../oracle/build.ts";

type Layer = (h: Seq, i: number) => Seq;
const language: Layer = (h, i) => call(plainBlock(`language.layers[${i}]`), h);
const vision: Layer = (h, i) => call(plainBlock(`vision.layers[${i}]`), h);
const dual: Layer = (h, i) => select([und, language(h, i)], [patch, vision(h, i)]);
const met: Layer = (h, i) => joint([und, language(h, i)], [patch, vision(h, i)]);
const fused: Layer = (h, i) => {
  const seen = vision(h, i);
  const mixed = add(mul(weight("alpha", []), parameter(0, 4)), mul(weight("beta", []), parameter(1, 4)));
  return select([und, map(mixed, language(h, i), seen)], [patch, seen]);
};
const DEPTH = 3;
const spanMask = or(causal, within("image.patch"));

const sessionOf = (text: string): SessionTerm[] =>
  text.split(" ").map((term) => {
    const repeat = /[?*+]$/.exec(term)?.[0] ?? "";
    return { modality: term.replace(/[?*+]$/, ""), repeat: repeat as SessionTerm["repeat"] };
  });
const modelOf = (layer: Layer, session?: string, mask: Mask = spanMask, after: Noise["after"] = "given"): Model => {
  let h: Seq = h0;
  for (let i = 0; i < DEPTH; i++) h = layer(h, i);
  const heads = { text: project("logits", h, 7, "text"), image: project("leave", h, 2, "image.patch") };
  return model({ steps: [h], mask, after, ...heads, ...(session !== undefined && { session: sessionOf(session) }) });
};

const designs = { dual, joint: met, fused };
const sessions = {
  none: undefined,
  "text-image-text": "text image text",
  "text-image-text-image": "text image text image",
  "text-image": "text image",
};

describe.each(Object.entries(designs))("%s", (design, layer) => {
  test.each(Object.entries(sessions))("%s", async (name, session) => {
    await expect(`${printPlan(planOf(modelOf(layer, session)))}\n`).toMatchFileSnapshot(`golden/${design}.${name}.txt`);
  });
});

// ── What the language reference says, apart from goldens ───────────────────────────────────────
const caches = ({ caches }: Plan): string[] => caches.map(({ name }) => name).sort();
const all3 = (tower: string, stream: string): string[] => [0, 1, 2].map((i) => `${tower}.layers[${i}]/${stream}`);
const phase = (plan: Plan, name: string): Phase => {
  const found = plan.phases.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no ${name} among ${plan.phases.map((p) => p.name).join("; ")}`);
  return found;
};
const names = (plan: Plan): string[] => plan.phases.map((p) => p.name);
/** At how many layers the blocks of a tower compute more than keys and values. */
const computed = ({ demand }: Phase, tower: string): string[] =>
  demand.order.flatMap((seq) =>
    seq.op === "call" && seq.attrs.block.path.startsWith(tower)
      ? [...demand.streams.get(seq)!].map((stream) => `${seq.attrs.block.path}/${stream.name}`)
      : [],
  );

describe("the caches of a dual tower", () => {
  const text = [...all3("language", "image.patch"), ...all3("language", "text"), ...all3("vision", "text")].sort();
  test("text, an image, text: language over all rows, vision over text rows", () => {
    expect(caches(planOf(modelOf(dual, "text image text")))).toEqual(text);
  });
  test("vision over image rows only where another image may follow", () => {
    const more = [...text, ...all3("vision", "image.patch")].sort();
    expect(caches(planOf(modelOf(dual, "text image text image")))).toEqual(more);
    expect(caches(planOf(modelOf(dual, "text image* text")))).toEqual(more);
    expect(caches(planOf(modelOf(dual)))).toEqual(more);
  });
  test("or where text is fused with it", () => {
    const more = [...text, ...all3("vision", "image.patch")].sort();
    expect(caches(planOf(modelOf(fused, "text image text")))).toEqual(more);
  });
  test("one a kind in a joint, at its owner", () => {
    const owners = [...all3("language", "text"), ...all3("vision", "image.patch")].sort();
    expect(caches(planOf(modelOf(met, "text image text")))).toEqual(owners);
    expect(caches(planOf(modelOf(met)))).toEqual(owners);
  });
});

describe("what phases compute", () => {
  test("denoise does not run the language tower, nor does it leave anything", () => {
    for (const session of Object.values(sessions)) {
      const denoise = phase(planOf(modelOf(dual, session)), "denoise(image)");
      expect(computed(denoise, "language")).toEqual([]);
      expect(computed(denoise, "vision")).toEqual(all3("vision", "image.patch"));
      expect(denoise.demand.reads.filter(({ call }) => call.attrs.block.path.startsWith("language"))).toEqual([]);
      expect(denoise.writes).toEqual([]);
    }
  });
  test("in read the last layer makes keys and values alone", () => {
    const read = phase(planOf(modelOf(dual)), "read(image)");
    expect(computed(read, "vision")).toEqual(all3("vision", "image.patch").slice(0, 2));
    expect(read.writes.map(({ name }) => name)).toContain("vision.layers[2]/image.patch");
    expect(read.writes.map(({ name }) => name)).toContain("language.layers[2]/image.patch");
  });
  test("for an image alone, the last vision layer's keys of text rows, but not the last text layer", () => {
    const plan = planOf(modelOf(dual, "text image"));
    const prefill = phase(plan, "prefill(text)");
    expect(prefill.writes.map(({ name }) => name)).toContain("vision.layers[2]/text");
    expect(computed(prefill, "language")).toEqual(all3("language", "text").slice(0, 2));
  });
});

describe("what later rows see of a drawing", () => {
  const ended = (after: Noise["after"], session?: string): Plan => planOf(modelOf(dual, session, spanMask, after));
  test("given: a reading gives it, and a drawing has no other end", () => {
    expect(names(ended("given")).filter((name) => /last|draft/.test(name))).toEqual([]);
  });
  test("last: a step that leaves what a reading leaves, from the rows of the step", () => {
    for (const session of Object.values(sessions)) {
      const plan = ended("last", session);
      const [last, read, denoise] = [
        phase(plan, "last(image)"),
        phase(plan, "read(image)"),
        phase(plan, "denoise(image)"),
      ];
      expect(last.writes).toEqual(read.writes);
      expect(last.heads).toEqual(denoise.heads);
      expect(computed(last, "vision")).toEqual(all3("vision", "image.patch"));
      expect(denoise.writes).toEqual([]);
      expect(caches(plan)).toEqual(caches(ended("given", session)));
      expect(names(plan)).not.toContain("draft(image)");
    }
    // Where nothing follows, nothing is left.
    expect(phase(ended("last", "text image"), "last(image)").writes).toEqual([]);
  });
  test("never: a phase that computes nothing and leaves nothing; images of a prompt are read all the same", () => {
    for (const session of Object.values(sessions)) {
      const plan = ended("never", session);
      const draft = phase(plan, "draft(image)");
      expect([draft.demand.order, draft.demand.reads, draft.writes, draft.heads]).toEqual([[], [], [], []]);
      expect(caches(plan)).toEqual(caches(ended("given", session)));
      expect(names(plan)).not.toContain("last(image)");
    }
  });
});

describe("masks that forbid phases", () => {
  const refused = (mask: Mask): { terms: string[]; plan: Plan } => {
    const plan = planOf(modelOf(dual, undefined, mask));
    return { plan, terms: plan.refusals.map(({ atom }) => maskText(atom.because!.mask)) };
  };
  test("all: every row sees later ones", () => {
    const { plan, terms } = refused(all);
    expect(terms).toEqual(["all"]);
    expect(names(plan)).toEqual(["forward(text)", "forward(text, image)"]);
    expect(plan.caches).toEqual([]);
    expect(printPlan(plan)).toContain("refused: prefill, decode, read and denoise, by all");
  });
  test("text that sees a later image", () => {
    const term = and(query("text"), key("image.patch"));
    const { plan, terms } = refused(or(spanMask, term));
    expect(terms).toEqual(["(query is text and key is image.patch)"]);
    expect(names(plan).every((name) => name.startsWith("forward"))).toBe(true);
  });
  test("what is not forbidden by a term that masks itself out", () => {
    expect(refused(or(spanMask, and(query("text"), and(key("image.patch"), causal)))).terms).toEqual([]);
    expect(refused(and(all, causal)).terms).toEqual([]);
    expect(refused(or(causal, not(all))).terms).toEqual([]);
  });
  test("half an image is appended by no phase, and the plan names the term that joins its rows", () => {
    const { plan } = refused(or(causal, within("image.open", "image.patch")));
    const atom = plan.atoms.find(({ streams }) => streams.some(({ name }) => name === "image.patch"))!;
    expect(atom.streams.map(({ name }) => name).sort()).toEqual(["image.open", "image.patch"]);
    expect(atom.reach).toBe("span");
    expect(maskText(atom.because!.mask)).toBe("within(image.open, image.patch)");
    expect(printPlan(plan)).toContain(
      "image.open, image.patch: the rows of a span, by within(image.open, image.patch)",
    );
    for (const { appends, name } of plan.phases.filter(({ kind }) => kind !== "forward")) {
      const own = atom.streams.filter((stream) => appends.includes(stream));
      expect([0, atom.streams.length], name).toContain(own.length);
    }
    expect(names(plan)).toContain("read(image)");
    // A marker that is no part of it stands alone.
    expect(plan.atoms.find(({ streams }) => streams.some(({ name }) => name === "text"))!.reach).toBe("row");
  });
});
