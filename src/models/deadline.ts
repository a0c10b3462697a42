import type { InferenceRequest } from '../events/inference.ts';
import type { ModelFault, Predictions } from '../events/inputs.ts';
import { modelIdOf, type SignalLayout } from '../events/layout.ts';
import { ln } from '../math/elementary.ts';
import { createPrng } from '../math/prng.ts';
import type { InferencePort } from '../ports/inference.ts';

/** How long a model took for a cycle, milliseconds of logical time. */
export type LatencyOf = (cycle: number, model: { readonly id: string; readonly family: string }) => number;

/**
 * Latencies drawn anew for every (cycle, model), exponential around its family's mean, the same on every run of one
 * seed. Families without a mean answer at once.
 */
export function simulatedLatency(spec: {
  readonly seed: number;
  readonly meanMs: Readonly<Record<string, number>>;
}): LatencyOf {
  return (cycle, { id, family }) => {
    const mean = Object.hasOwn(spec.meanMs, family) ? spec.meanMs[family]! : 0;
    return mean === 0 ? 0 : -mean * ln(1 - createPrng([spec.seed, 'latency', cycle, id])());
  };
}

/**
 * A port whose models must have answered by a deadline after the cycle: what is late is not used, whatever it was, and
 * the answer says so. Which answers were late is part of the answer, so a replay does not ask again.
 */
export function withDeadline(
  port: InferencePort,
  { deadlineMs, latencyOf }: { readonly deadlineMs: number; readonly latencyOf: LatencyOf },
): InferencePort {
  const models = port.layout.columns.map((column) => ({ id: modelIdOf(column), family: column.family }));
  function judge(answer: Predictions): Predictions {
    const late = models.flatMap((model, column): ModelFault[] => {
      const ms = latencyOf(answer.cycle, model);
      if (ms <= deadlineMs) return [];
      return [{ column, reason: 'late', detail: `${ms.toFixed(3)} ms, deadline ${deadlineMs} ms` }];
    });
    return late.length === 0 ? answer : withoutLate(answer, late, port.layout);
  }
  return {
    layout: port.layout,
    infer: (request: InferenceRequest) => {
      const answer = port.infer(request);
      return answer instanceof Promise ? answer.then(judge) : judge(answer);
    },
    close: () => port.close(),
  };
}

function withoutLate(
  answer: Predictions,
  late: readonly ModelFault[],
  { symbols }: SignalLayout,
): Predictions {
  const values = answer.values.slice();
  const valid = answer.valid.slice();
  for (const { column } of late) {
    values.fill(0, column * symbols.length, (column + 1) * symbols.length);
    valid.fill(0, column * symbols.length, (column + 1) * symbols.length);
  }
  const others = (answer.faults ?? []).filter(({ column }) => !late.some((fault) => fault.column === column));
  const faults = [...others, ...late].sort((a, b) => a.column - b.column);
  return { ...answer, values, valid, faults };
}
