// A session on a GPU over its life: what it says of itself, devices that fail or are lost, limits of memory and time, and
// that nothing is left behind.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../runtime/failure.ts";
import type { Plan } from "../../runtime/plan.ts";
import type { Adapter, Loss } from "../../runtime/webgpu/adapter.ts";
import { openPlan, type PlanSession, type SessionOptions } from "../../runtime/webgpu/session.ts";
import { smallModels } from "../verify/examples.ts";
import { counted, type Counted } from "./counted.ts";
import { ownGpu } from "./gpu.ts";
import { bitsOf, callOf, plannedModel, SIZES } from "./planned.ts";

const made = plannedModel("LlamaModel");
const { plan, files } = made;
const PROGRAM = "decode(text)";
const program = plan.programs.find(({ name }) => name === PROGRAM)!;
const sizes = { ...SIZES, batch: 1, text: 1, "past.text": 5 };
const call = callOf(made, program, sizes);

let device: Counted;
beforeAll(async () => {
  device = counted(await ownGpu());
});
afterAll(() => device.close());

const opened: PlanSession[] = [];
// What a test that fails leaves open must not fail others.
afterEach(() => opened.splice(0).forEach((session) => session.close()));
const open = async (options?: SessionOptions, adapter: Adapter = device, of: Plan = plan): Promise<PlanSession> => {
  const session = await openPlan(adapter, of, files, options);
  opened.push(session);
  return session;
};
const failure = async (promise: Promise<unknown>): Promise<Failure> => {
  const thrown: unknown = await promise.then(
    () => "nothing",
    (cause: unknown) => cause,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure;
};

describe("what a session says", () => {
  test("what is allocated, where, and in how many dispatches", async () => {
    const session = await open();
    const before = device.live();
    await session.run(PROGRAM, call);
    const report = session.report();
    expect(report.device).not.toBe("");
    expect(report.together).toBe(!device.info.software);
    expect(report.precision).toEqual({ f32: plan.weights.length });
    const [ready] = report.programs;
    expect(ready).toMatchObject({ program: PROGRAM, steps: program.steps.length, dispatches: program.steps.length });
    expect(ready!.sizes).toMatchObject({ batch: 1, text: 1, "past.text": 5 });
    expect(ready!.arena).toBeLessThanOrEqual(1.1 * ready!.live);
    // A heap is a multiple of 256 bytes.
    expect(report.memory.state - ready!.arena).toBeLessThan(256);
    expect(Object.values(report.memory).reduce((sum, bytes) => sum + bytes, 0)).toBe(device.live().bytes);
    expect(device.live().bytes).toBeGreaterThan(before.bytes);
    session.close();
    expect(device.live()).toEqual({ buffers: 0, bytes: 0 });
  });

  test.each(smallModels)(
    "of %s every byte that is allocated, whatever is called",
    { timeout: 120_000 },
    async (name) => {
      const model = plannedModel(name);
      // What kernels compute changes nothing of it: these compute nothing, and are compiled at once.
      const kernels = model.plan.kernels.map((kernel) => ({
        ...kernel,
        wgsl: `@compute @workgroup_size(1) fn main() {} // ${kernel.heaps.join(" ")}`,
      }));
      const session = await openPlan(device, { ...model.plan, kernels }, model.files);
      opened.push(session);
      let most = 0;
      for (const each of model.plan.programs) {
        await session.run(each.name, callOf(model, each));
        const { memory, programs } = session.report();
        expect(Object.values(memory).reduce((sum, bytes) => sum + bytes, 0)).toBe(device.live().bytes);
        expect(programs.at(-1)!.program).toBe(each.name);
        // The arena is as large as the program that needs the most of it, in whole multiples of 256 bytes.
        most = Math.max(most, programs.at(-1)!.arena);
        expect(memory.state).toBe(256 * Math.ceil(most / 256));
        expect(programs.at(-1)!.arena).toBeLessThanOrEqual(1.1 * programs.at(-1)!.live);
      }
    },
  );

  test("how long each step takes, by its place in the specification", async () => {
    const session = await open();
    const times = await session.profile(PROGRAM, call);
    expect(times.map(({ name }) => name)).toEqual(program.steps.map(({ name }) => name));
    expect(times.every(({ at, work, ms }) => /^std\/llama:\d+:\d+$/.test(at) && work > 0 && ms >= 0)).toBe(true);
    expect(times.reduce((sum, { ms }) => sum + ms, 0)).toBeGreaterThan(0);
    session.close();
    const blind = await open({}, { ...device, features: new Set() });
    expect((await failure(blind.profile(PROGRAM, call))).message).toMatch(
      /program decode\(text\): this GPU tells no times/,
    );
    blind.close();
  });
});

describe("limits", () => {
  test("by a slow rate no dispatch is planned above 100 ms, and the numbers stay", async () => {
    const usual = await open();
    const wanted = bitsOf(await usual.run(PROGRAM, call));
    const [quick] = usual.report().programs;
    usual.close();
    const rate = 10_000;
    const slow = await open({ rate });
    expect(bitsOf(await slow.run(PROGRAM, call))).toEqual(wanted);
    const times = await slow.profile(PROGRAM, call);
    const single = Math.max(...times.map(({ work, dispatches }) => work / dispatches / rate));
    expect(slow.report().programs[0]!.dispatches).toBeGreaterThan(3 * quick!.dispatches);
    expect(single).toBeLessThanOrEqual(0.1);
    slow.close();
  });

  test("what would take too much memory is refused with its sizes, before anything is allocated", async () => {
    const session = await open({ budget: 2 << 20 });
    const before = device.live();
    const many = { ...SIZES, batch: 1, text: 1, "past.text": 4000 };
    const { kind, message } = await failure(session.run(PROGRAM, callOf(made, program, many)));
    expect(kind).toBe("device");
    expect(message).toMatch(
      /program decode\(text\) of batch 1, text 1, past\.text 4000 needs \d+\.\d MiB \(.*keys and values.*\), and 2\.0 MiB may be used/,
    );
    expect(device.live()).toEqual(before);
    expect(Object.keys(await session.run(PROGRAM, call)).length).toBeGreaterThan(0);
    session.close();
    expect((await failure(open({ budget: 1000 }))).message).toMatch(/the model needs .* of weights.*may be used/);
    expect(device.live().buffers).toBe(0);
  });

  test("a kernel is compiled once for all sessions of a device, and progress is told", async () => {
    const first = await open();
    await first.run(PROGRAM, call);
    first.close();
    const before = device.pipelines();
    const told: string[] = [];
    const second = await open({ onProgress: (done, all) => told.push(`${done}/${all}`) });
    await second.run(PROGRAM, call);
    second.close();
    expect(device.pipelines()).toBe(before);
    const kernels = new Set(program.steps.map(({ kernel }) => kernel)).size;
    expect(told).toEqual(Array.from({ length: kernels + 1 }, (_, i) => `${i}/${kernels}`));
  });
});

describe("faults of a device", () => {
  /** The plan with another text of the kernel of the third step. */
  const broken = (wgsl: (text: string) => string): { readonly plan: Plan; readonly step: string } => {
    const { kernel, name } = program.steps[2]!;
    const kernels = plan.kernels.map((each, i) => (i === kernel ? { ...each, wgsl: wgsl(each.wgsl) } : each));
    const first = program.steps.find((step) => step.kernel === kernel)!;
    expect(name).toBeDefined();
    return { plan: { ...plan, kernels }, step: first.name };
  };

  test("a kernel that its compiler refuses", async () => {
    const { plan: bad, step } = broken((text) => text.replace("fn main(", "fn main( nothing"));
    const session = await open({}, device, bad);
    const { kind, message } = await failure(session.run(PROGRAM, call));
    expect(kind).toBe("device");
    expect(message).toContain(`program ${PROGRAM}: the step ${step}: the GPU refuses the kernel`);
    session.close();
  });

  test("a dispatch that is not valid", async () => {
    const { plan: bad, step } = broken((text) =>
      text.replace(/state: array<vec4<f32>>/, "state: array<vec4<f32>, 1000000>"),
    );
    const session = await open({}, device, bad);
    const { message } = await failure(session.run(PROGRAM, call));
    expect(message).toContain(`program ${PROGRAM}: the step ${step}: the GPU refuses this`);
    session.close();
  });

  test("memory that is used up leaves the session as it was", async () => {
    const session = await open();
    const wanted = bitsOf(await session.run(PROGRAM, call));
    const before = device.live();
    device.failNext("out-of-memory");
    const more = callOf(made, program, { ...sizes, "past.text": 50 });
    const { kind, message } = await failure(session.run(PROGRAM, more));
    expect(kind).toBe("device");
    expect(message).toMatch(
      /^program decode\(text\) of .*past\.text 50: the GPU is out of memory: nothing is left\n {2}help:/,
    );
    expect(device.live()).toEqual(before);
    expect(bitsOf(await session.run(PROGRAM, call))).toEqual(wanted);
    await session.run(PROGRAM, more);
    session.close();
    expect(device.live().buffers).toBe(0);
  });
});

describe("a device is lost", () => {
  const lossy = async () => {
    const others: Adapter[] = [];
    const reopen = async (): Promise<Adapter> => {
      const next = await ownGpu();
      others.push(next);
      return next;
    };
    const first = await ownGpu();
    return { first, others, session: await open({ reopen }, first) };
  };

  test("between calls: the next one works on another", { timeout: 120_000 }, async () => {
    const { first, others, session } = await lossy();
    const wanted = bitsOf(await session.run(PROGRAM, call));
    first.device.destroy();
    await first.lost;
    expect(bitsOf(await session.run(PROGRAM, call))).toEqual(wanted);
    expect(others).toHaveLength(1);
    expect(session.report().losses).toBe(1);
    session.close();
    expect((await others[0]!.lost).reason).toBe("closed");
  });

  test("during a call: it fails with its program and steps, and the next one works", { timeout: 120_000 }, async () => {
    const { first, session } = await lossy();
    const wanted = bitsOf(await session.run(PROGRAM, call));
    const flying = session.run(PROGRAM, call);
    const behind = session.run(PROGRAM, call);
    first.device.destroy();
    const { kind, message } = await failure(flying);
    expect(kind).toBe("device");
    expect(message).toMatch(/program decode\(text\).*: the GPU .* was lost: /);
    expect(bitsOf(await behind)).toEqual(wanted);
    session.close();
  });

  test("told by a promise while results are waited for: nothing hangs, and the steps are named", async () => {
    let lose: (loss: Loss) => void = () => undefined;
    const lost = new Promise<Loss>((resolve) => {
      lose = resolve;
    });
    const session = await open({}, { ...device, lost });
    const { device: own } = device;
    const { createBuffer } = own;
    // Results never come.
    own.createBuffer = (descriptor) => {
      const buffer = createBuffer(descriptor);
      if (descriptor.label?.endsWith("outputs")) {
        buffer.mapAsync = () => {
          lose({ reason: "lost", message: "it fell off" });
          return new Promise(() => undefined);
        };
      }
      return buffer;
    };
    const { message } = await failure(session.run(PROGRAM, call));
    own.createBuffer = createBuffer;
    const [head, tail] = [program.steps[0]!.name, program.steps.at(-1)!.name];
    expect(message).toContain(`program ${PROGRAM}: between the steps ${head} and ${tail}: the GPU`);
    expect(message).toContain("was lost: it fell off");
    expect((await failure(session.run(PROGRAM, call))).message).toContain("open the model again");
    session.close();
    expect(device.live().buffers).toBe(0);
  });

  test("a session that is closed ends its calls", async () => {
    const session = await open();
    const flying = session.run(PROGRAM, call);
    session.close();
    const messages = [await failure(flying), await failure(session.run(PROGRAM, call))].map(({ message }) => message);
    expect(messages.every((message) => /closed/.test(message))).toBe(true);
    expect(device.live().buffers).toBe(0);
  });
});

describe("nothing is left behind", () => {
  const runs = Number(process.env["RUNS"] ?? 20);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const settled = async (): Promise<number> => {
    for (let i = 0; i < 3; i++) {
      collect();
      await new Promise((go) => setTimeout(go, 20));
    }
    return process.memoryUsage().rss;
  };
  /** What is there after the first few, which fill caches, and at the end. */
  const grown = async (times: number, body: () => Promise<void>): Promise<number> => {
    let before = 0;
    for (let i = 0; i < times; i++) {
      if (i === Math.floor(times / 4)) before = await settled();
      await body();
    }
    return (await settled()) - before;
  };
  const MOST = 20 * 2 ** 20;

  test(`${runs} loads`, { timeout: 600_000 }, async () => {
    const growth = await grown(runs, async () => {
      const session = await open();
      await session.run(PROGRAM, call);
      session.close();
      expect(device.live()).toEqual({ buffers: 0, bytes: 0 });
    });
    expect(growth).toBeLessThan(MOST);
  });

  test(`${5 * runs} steps`, { timeout: 600_000 }, async () => {
    const session = await open();
    await session.run(PROGRAM, call);
    const { buffers } = device.live();
    const growth = await grown(5 * runs, async () => {
      await session.run(PROGRAM, call);
      expect(device.live().buffers).toBe(buffers);
    });
    session.close();
    expect(growth).toBeLessThan(MOST);
    expect(device.live()).toEqual({ buffers: 0, bytes: 0 });
  });
});
