import { applyExecution, createLedger } from '../../../src/domain/ledger.ts';
import type { RoundTrip } from '../../../src/domain/lots.ts';
import {
  closeEntry,
  createRewardTracker,
  type emptyTally,
  type RewardTracker,
  trackEntry,
} from '../../../src/learning/reward-tracker.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';

interface Entry {
  readonly op: 'entry';
  readonly t: number;
  readonly id: string;
  readonly arm: number;
  readonly side: string;
  readonly price: number;
  readonly qty: number;
}

type Op =
  | Entry
  | {
      readonly op: 'exit';
      readonly t: number;
      readonly id: string;
      readonly price: number;
      readonly fees: number;
    }
  | { readonly op: 'cleanup' | 'reset'; readonly t: number };

interface TrackerInput {
  readonly fee_bps: number | null;
  readonly slippage_bps: number | null;
  readonly max_pending_age_hours: number;
  readonly history_size: number;
  readonly ops: readonly Op[];
}

const ASSUMED =
  'costs are the actual fees and fills of the round trip, not an assumed fee and slippage on top';
const NO_CLEANUP = 'an open position waits for its close however long it takes; none is dropped by age';
const SOUND_FILLS = 'a fill is a whole number of shares above 0 at a price above 0; anything else is refused';
const ONE_ENTRY = 'a symbol has one position at a time, entered by one order';
/** Their money is in doubles: less than this is even. */
const EVEN_BPS = 1e-9;
/** How many trades the vectors list as recent. */
const RECENT = 5;

export const vectorComponent: VectorComponent = {
  component: 'learning_reward_tracker',
  run: (input: TrackerInput) => track(input),
  deviates: ({ input }) => {
    const { ops, max_pending_age_hours } = input as TrackerInput;
    const isUnsound = (op: Op) =>
      (op.op === 'entry' && !(Number.isInteger(op.qty) && op.qty > 0 && op.price > 0)) ||
      (op.op === 'exit' && !(op.price > 0 && op.fees >= 0));
    if (ops.some(isUnsound)) return SOUND_FILLS;
    const isReused = (op: Op, k: number) =>
      op.op === 'entry' && openEntries(ops.slice(0, k)).some(({ id }) => id === op.id);
    if (ops.some(isReused)) return ONE_ENTRY;
    const isDropping = (op: Op, k: number) =>
      op.op === 'cleanup' &&
      openEntries(ops.slice(0, k)).some(({ t }) => op.t - t > max_pending_age_hours * 3600);
    return ops.some(isDropping) ? NO_CLEANUP : undefined;
  },
  restate: (facts) => restateCosts(facts),
};

/** Each trade of the vectors is one symbol of ours: its own slot of the tracker, and a ledger that books both fills. */
function track({ ops, history_size }: TrackerInput) {
  const ids = [...new Set(ops.flatMap((op) => (op.op === 'entry' ? [op.id] : [])))];
  const entered = ops.flatMap((op) => (op.op === 'entry' ? [op.arm] : []));
  // the vectors ask for the arms that were entered, or the first where none was
  const arms = entered.length === 0 ? [0] : [...new Set(entered)].sort((a, b) => a - b);
  const armCount = Math.max(...arms) + 1;
  let tracker = createRewardTracker(ids.length, armCount);
  let open = new Map<string, Entry>();
  let recent: string[] = [];
  const apply = (op: Op) => {
    switch (op.op) {
      case 'entry':
        open.set(op.id, op);
        enter(tracker, ids.indexOf(op.id), op);
        return null;
      case 'exit': {
        const entry = open.get(op.id);
        if (entry === undefined) return { error: 'not_found' };
        open.delete(op.id);
        recent = [op.id, ...recent].slice(0, history_size);
        const trip = tripOf(entry, op);
        const observed = closeEntry(tracker, ids.indexOf(op.id), { trip, sigmas: 3 })!;
        return {
          net_bps: observed.netReturn * 10_000,
          gross_bps: (trip.grossMicros / trip.entryNotionalMicros) * 10_000,
          cost_bps: (trip.feesMicros / trip.entryNotionalMicros) * 10_000,
          hold_minutes: trip.holdingUs / 60_000_000,
        };
      }
      case 'cleanup':
        return { removed: 0 };
      case 'reset':
        tracker = createRewardTracker(ids.length, armCount);
        open = new Map();
        recent = [];
        return null;
    }
  };
  return {
    steps: ops.map((op) => apply(op)),
    pending: [...open.keys()],
    completed_count: recent.length,
    recent: recent.slice(0, RECENT),
    arm_stats: arms.map((arm) => statsOf(tracker.tallies[arm]!, arm)),
  };
}

function enter(tracker: RewardTracker, slot: number, { arm }: Entry): void {
  trackEntry(tracker, slot, { arm, propensity: 1, sigma: 0.001 });
}

function tripOf(entry: Entry, exit: Extract<Op, { op: 'exit' }>): RoundTrip {
  const ledger = createLedger({ cashMicros: 0, symbols: ['AAA'] });
  const isLong = entry.side.toUpperCase() === 'BUY';
  const fill = (side: 'buy' | 'sell', { price, t }: { price: number; t: number }, fees: number) =>
    applyExecution(ledger, {
      executionId: `${t}`,
      clientOrderId: entry.id,
      symbol: 'AAA',
      side,
      quantity: entry.qty,
      priceE4: Math.round(price * 10_000),
      feeMicros: Math.round(fees * 1_000_000),
      tradeTimeUs: t * 1_000_000,
    });
  fill(isLong ? 'buy' : 'sell', entry, 0);
  return fill(isLong ? 'sell' : 'buy', exit, exit.fees).roundTrip!;
}

function statsOf({ roundTrips, wins, losses, netReturnSum }: ReturnType<typeof emptyTally>, arm: number) {
  return {
    arm,
    total_trades: roundTrips,
    total_pnl_bps: netReturnSum * 10_000,
    avg_pnl_bps: roundTrips === 0 ? 0 : (netReturnSum / roundTrips) * 10_000,
    winning_trades: wins,
    losing_trades: losses,
    win_rate: roundTrips === 0 ? 0 : wins / roundTrips,
  };
}

interface TrackerOutput {
  readonly steps: readonly (Readonly<Record<string, unknown>> | null)[];
  readonly arm_stats: readonly { readonly arm: number }[];
}

/** The vectors without the costs they assume on every trade beside its fees, and what that makes of their sums. */
function restateCosts({ input, output }: VectorFacts): Restated | undefined {
  const { fee_bps, slippage_bps, ops } = input as TrackerInput;
  const assumed = (fee_bps ?? 1) + (slippage_bps ?? 5);
  const theirs = output as TrackerOutput;
  let closed: { arm: number; net: number }[] = [];
  const armOf = new Map<string, number>();
  const steps = theirs.steps.map((step, k) => {
    const op = ops[k]!;
    if (op.op === 'reset') closed = [];
    if (op.op === 'entry') armOf.set(op.id, op.arm);
    if (op.op !== 'exit' || step === null || typeof step.net_bps !== 'number') return step;
    const net = step.net_bps + assumed;
    closed.push({ arm: armOf.get(op.id)!, net });
    return { ...step, net_bps: net, cost_bps: (step.cost_bps as number) - assumed };
  });
  const armStats = theirs.arm_stats.map(({ arm }) => {
    const nets = closed.filter((trade) => trade.arm === arm).map(({ net }) => net);
    return statsOf(
      {
        roundTrips: nets.length,
        wins: nets.filter((net) => net > EVEN_BPS).length,
        losses: nets.filter((net) => net < -EVEN_BPS).length,
        netReturnSum: nets.reduce((sum, net) => sum + net, 0) / 10_000,
      },
      arm,
    );
  });
  return { output: { ...theirs, steps, arm_stats: armStats }, reasons: [ASSUMED] };
}

function openEntries(ops: readonly Op[]): readonly Entry[] {
  const open = new Map<string, Entry>();
  for (const op of ops) {
    if (op.op === 'entry') open.set(op.id, op);
    else if (op.op === 'exit') open.delete(op.id);
    else if (op.op === 'reset') open.clear();
  }
  return [...open.values()];
}
