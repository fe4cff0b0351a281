// A plan as text.
import type { Plan } from "./plan.ts";

export const parsePlan = (given: string, _path: string): Plan => JSON.parse(given) as Plan;
export const printPlan = (plan: Plan): string => `${JSON.stringify(plan)}\n`;
