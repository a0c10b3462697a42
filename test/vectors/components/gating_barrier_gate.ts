import { barrierGate } from '../../../src/pipeline/4-gating/barrier-gate.ts';
import { exitVerdict } from '../../../src/pipeline/4-gating/exits.ts';
import type { VectorComponent } from '../types.ts';

interface BarrierInput {
  readonly fn: 'long_entry' | 'short_entry' | 'long_exit' | 'short_exit';
  readonly g_min: number | null;
  readonly gamma: number | null;
  readonly delta: number | null;
  readonly peak_threshold: number | null;
  readonly valley_threshold: number | null;
  readonly args: {
    readonly p_peak?: number;
    readonly p_valley?: number;
    readonly secondary_p?: number;
    readonly alpha?: number;
  };
}

const NO_PREFERENCE = 'an allowed entry carries its factor and no second grade of "preferred"';

export const vectorComponent: VectorComponent = {
  component: 'gating_barrier_gate',
  run(input: BarrierInput) {
    return input.fn.endsWith('_exit') ? exit(input) : entry(input);
  },
  restate: ({ output }) => {
    const theirs = output as { readonly kind: string };
    if (theirs.kind !== 'allowed_preferred') return undefined;
    return { output: { ...theirs, kind: 'allowed_normal' }, reasons: [NO_PREFERENCE] };
  },
};

function settingsOf(input: BarrierInput) {
  return {
    gateFloor: input.g_min ?? 0.2,
    peakExponent: input.gamma ?? 1,
    valleyExponent: input.delta ?? 0.5,
    favourableBase: 0.5,
    peakThreshold: input.peak_threshold ?? 0.6,
    valleyThreshold: input.valley_threshold ?? 0.55,
    exitMargin: 0.05,
    opposingAlphaCostFraction: 0.5,
    endOfDayFlattenMinutes: 0,
  };
}

function entry(input: BarrierInput) {
  const { p_peak: peak, p_valley: valley, secondary_p: second } = input.args;
  const isLong = input.fn === 'long_entry';
  const view = {
    peak,
    valley,
    secondPeak: isLong ? second : undefined,
    secondValley: isLong ? undefined : second,
  };
  const verdict = barrierGate(isLong ? 1 : -1, view, settingsOf(input));
  if (verdict.kind !== 'blocked') {
    return { allowed: true, gate_value: verdict.factor, kind: 'allowed_normal' };
  }
  const isSecond = verdict.value === second && verdict.value !== (isLong ? peak : valley);
  return { allowed: false, gate_value: 0, kind: isSecond ? 'blocked_secondary' : 'blocked' };
}

function exit(input: BarrierInput) {
  const isLong = input.fn === 'long_exit';
  const verdict = exitVerdict(
    {
      side: isLong ? 1 : -1,
      adverseP: isLong ? input.args.p_peak : input.args.p_valley,
      alpha: input.args.alpha,
      costBps: 0,
      heldMinutes: 0,
      horizonMinutes: undefined,
      isRenewed: false,
      minutesToClose: 390,
    },
    settingsOf(input),
  );
  if (verdict.kind === 'stay') return { allowed: false, gate_value: 0, kind: 'hold' };
  const kind = verdict.reason === 'exit_alpha_opposes' ? 'exit_on_alpha' : 'exit_on_probability';
  return { allowed: true, gate_value: 1, kind };
}
