import type { MarketTable } from '../../src/domain/market-table.ts';
import { createPrng } from '../../src/math/prng.ts';
import { runSessions, type SessionRun } from '../../src/modes/run-sessions.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { cyclesIn } from '../../src/sources/session-timeline.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';

/** A market of six days; the forecasts of one horizon are right for three of them and upside down for the rest. */
export const WORLD = {
  symbols: 6,
  sessions: 6,
  horizons: ['5m', '15m'],
  brokenHorizon: '15m',
  brokenFromSession: 3,
  /** Correlation of a forecast with the return it is about; its negative once broken. */
  skill: 0.3,
  cycleMinutes: 5,
} as const;

export interface BrokenRun {
  /** Dollars gained over the whole run, and after the break. */
  readonly gain: number;
  readonly gainAfter: number;
  /** Omega of the broken horizon when its forecasts broke, and at the end. */
  readonly omegaAtBreak: number;
  readonly omegaAtEnd: number;
  readonly rewards: number;
}

export interface BrokenWorld {
  readonly seed: number;
  /** Scenario keys under `learning`. */
  readonly learning: Readonly<Record<string, unknown>>;
  /** False: the forecasts stay right, for comparison. */
  readonly breaks?: boolean;
  /** True: what the scenario's default broker charges, which no forecast of this skill pays for. */
  readonly hasDefaultCosts?: boolean;
}

/** Costs that a right forecast pays for, so that right and wrong can be told apart. */
const SMALL_COSTS = { broker: { slippageBps: 0, impactBps: 0, fee: { kind: 'bps', bps: 0.5 } } };

export async function runBroken(world: BrokenWorld): Promise<BrokenRun> {
  const { seed, learning } = world;
  const run = syntheticRun({
    synth: { symbols: WORLD.symbols, sessions: WORLD.sessions, signal: 0, seed, spreadBps: 1 },
    horizons: WORLD.horizons,
    families: ['Oracle'],
    barriers: false,
    scenario: {
      seed,
      cycle: { minutes: WORLD.cycleMinutes },
      prediction: { standardizeMinSamples: 30 },
      ...(world.hasDefaultCosts === true ? {} : SMALL_COSTS),
      learning,
    },
  });
  const tables = await Promise.all(run.sessions.map(({ date }) => run.loadSession(date)));
  const inference = oracle(run, tables, { seed, breaks: world.breaks !== false });
  let session = -1;
  let rewards = 0;
  const equityMicros: number[] = [];
  let omega = 1 / WORLD.horizons.length;
  let omegaAtBreak = omega;
  await runSessions({
    ...run,
    inference,
    tape: memoryTape(),
    attach: ({ inputs$, derived$ }) => {
      inputs$.subscribe(({ event }) => {
        if (event.type !== 'SessionOpened') return;
        session += 1;
        if (session === WORLD.brokenFromSession) omegaAtBreak = omega;
      });
      derived$.subscribe(({ event }) => {
        if (event.type === 'RewardObserved') rewards += 1;
        if (event.type === 'LearningUpdated') omega = event.omega[event.arms.indexOf(WORLD.brokenHorizon)]!;
        if (event.type === 'CycleCompleted') equityMicros[session] = event.equityMicros;
      });
    },
  });
  const start = run.identity.settings.initialCashMicros;
  const atBreak = equityMicros[WORLD.brokenFromSession - 1]!;
  const atEnd = equityMicros.at(-1)!;
  return {
    gain: (atEnd - start) / 1e6,
    gainAfter: (atEnd - atBreak) / 1e6,
    omegaAtBreak,
    omegaAtEnd: omega,
    rewards,
  };
}

export interface SeedCounts {
  readonly seeds: number;
  /** Seeds in which the broken horizon weighs less at the end than when it broke. */
  readonly weightFell: number;
  /** Seeds that gained more than with learning off: over the whole run, and after the break. */
  readonly gainedMore: number;
  readonly gainedMoreAfter: number;
  readonly meanWeightAtBreak: number;
  readonly meanWeightAtEnd: number;
  /** Dollars more than with learning off, mean over seeds. */
  readonly meanGain: number;
  readonly meanRewards: number;
}

/** Runs of the same seeds with learning on and off, compared pair by pair. */
export function countSeeds(on: readonly BrokenRun[], off: readonly BrokenRun[]): SeedCounts {
  const count = (holds: (run: BrokenRun, without: BrokenRun) => boolean): number =>
    on.filter((run, k) => holds(run, off[k]!)).length;
  return {
    seeds: on.length,
    weightFell: count((run) => run.omegaAtEnd < run.omegaAtBreak),
    gainedMore: count((run, without) => run.gain > without.gain),
    gainedMoreAfter: count((run, without) => run.gainAfter > without.gainAfter),
    meanWeightAtBreak: mean(on.map((run) => run.omegaAtBreak)),
    meanWeightAtEnd: mean(on.map((run) => run.omegaAtEnd)),
    meanGain: mean(on.map((run, k) => run.gain - off[k]!.gain)),
    meanRewards: mean(on.map((run) => run.rewards)),
  };
}

export function countsText(name: string, counts: SeedCounts): string {
  const { seeds, meanWeightAtBreak, meanWeightAtEnd, meanGain } = counts;
  return `${name.padEnd(34)} weight fell ${counts.weightFell}/${seeds} (${meanWeightAtBreak.toFixed(3)} -> ${meanWeightAtEnd.toFixed(3)}), gained more ${counts.gainedMore}/${seeds}, after the break ${counts.gainedMoreAfter}/${seeds}, mean ${meanGain < 0 ? '-' : '+'}$${Math.abs(meanGain).toFixed(0)}, rewards ${counts.meanRewards.toFixed(0)}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Forecasts made from the future itself and noise, so that their skill is what the test says, and nothing else. */
function oracle(
  run: SessionRun,
  tables: readonly MarketTable[],
  { seed, breaks }: { readonly seed: number; readonly breaks: boolean },
): InferencePort {
  const { layout } = run.identity;
  const n = layout.symbols.length;
  const days = tables.map((table, k) => ({
    mids: midsByMinute(table, run.sessions[k]!.openUs),
    cycles: cyclesIn(run.sessions[k]!, WORLD.cycleMinutes),
  }));
  const gaussian = createGaussian(seed);
  return {
    layout,
    infer: ({ cycle }) => {
      const { day, minute } = placeOf(days, cycle);
      const { mids } = days[day]!;
      const values = new Float32Array(layout.columns.length * n);
      layout.columns.forEach(({ horizon }, c) => {
        const isBroken = breaks && horizon.label === WORLD.brokenHorizon && day >= WORLD.brokenFromSession;
        const scale = 0.0014 * Math.sqrt(horizon.minutes / 5);
        const noise = scale * Math.sqrt(1 / (WORLD.skill * WORLD.skill) - 1);
        for (let i = 0; i < n; i += 1) {
          const later = mids[i]![Math.min(minute + horizon.minutes, mids[i]!.length - 1)]!;
          const realized = later / mids[i]![minute]! - 1;
          values[c * n + i] = (isBroken ? -realized : realized) + noise * gaussian();
        }
      });
      return { cycle, values, valid: new Uint8Array(values.length).fill(1) };
    },
    close: () => Promise.resolve(),
  };
}

function placeOf(
  days: readonly { readonly cycles: number }[],
  cycle: number,
): { day: number; minute: number } {
  let before = 0;
  for (const [day, { cycles }] of days.entries()) {
    if (cycle <= before + cycles) return { day, minute: (cycle - before) * WORLD.cycleMinutes };
    before += cycles;
  }
  throw new Error(`no cycle ${cycle}`);
}

/** By symbol, the mid at each minute since the open; a minute without a quote has the one before. */
function midsByMinute(table: MarketTable, openUs: number): Float64Array[] {
  const mids = table.symbols.map(() => new Float64Array(391));
  for (let row = 0; row < table.rowCount; row += 1) {
    const mid = (table.bidCloseE4[row]! + table.askCloseE4[row]!) / 2;
    mids[table.symbolIx[row]!]![(table.endUs[row]! - openUs) / 60_000_000] = mid;
  }
  for (const series of mids) {
    let last = series.find((mid) => mid > 0)!;
    for (let k = 0; k < series.length; k += 1) {
      if (series[k]! > 0) last = series[k]!;
      else series[k] = last;
    }
  }
  return mids;
}

/** Sums of twelve uniforms: near enough to a normal distribution for noise. */
function createGaussian(seed: number): () => number {
  const random = createPrng(['oracle', seed]);
  return () => {
    let sum = -6;
    for (let k = 0; k < 12; k += 1) sum += random();
    return sum;
  };
}
