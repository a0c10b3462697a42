import type { AlpacaBroker } from '../../src/brokers/alpaca/broker.ts';
import type { OrderRequest } from '../../src/domain/orders.ts';
import type { BrokerNews } from '../../src/ports/broker.ts';
import { brokerOf } from '../twins/alpaca/fast-settings.ts';
import { type AlpacaTwin, startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { CHECKS, type Invariant, isSettled, type Outcome } from './alpaca-checks.ts';
import { type Action, MID_E4, type Plan, planOf, SYMBOLS } from './alpaca-plan.ts';

export interface FaultViolation {
  readonly script: number;
  readonly invariant: string;
  readonly detail: string;
  /** The line that runs this script alone. */
  readonly reproduce: string;
}

export interface FaultsReport {
  readonly scripts: number;
  readonly checks: number;
  readonly violations: readonly FaultViolation[];
}

export interface FaultsOptions {
  readonly seed: number;
  readonly scripts: number;
  /** Only this one of them. */
  readonly only?: number;
}

const AT_A_TIME = 6;
const MAX_CYCLES = 60;
const MAX_ASKS = 8;

/**
 * Runs drawn fault scripts: the adapter as it is, over real sockets, against a twin that does what the script says. Once
 * the faults stop, what was told must catch up with the twin's books, and every invariant must hold.
 */
export async function runAlpacaFaults({ seed, scripts, only }: FaultsOptions): Promise<FaultsReport> {
  const wanted = only === undefined ? Array.from({ length: scripts }, (_, n) => n) : [only];
  const violations: FaultViolation[] = [];
  let checks = 0;
  const work = async (): Promise<void> => {
    for (let script = wanted.shift(); script !== undefined; script = wanted.shift()) {
      const failed = await runPlan(planOf(seed, script));
      checks += Object.keys(CHECKS).length;
      for (const [invariant, detail] of failed) {
        const reproduce = `npm run faults -- --seed ${seed} --broker alpaca --script ${script}`;
        violations.push({ script, invariant, detail, reproduce });
      }
    }
  };
  const count = wanted.length;
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return { scripts: count, checks, violations: violations.sort((a, b) => a.script - b.script) };
}

/** Runs one plan. @returns the invariants that do not hold, each with what was found */
export async function runPlan(plan: Plan): Promise<[Invariant, string][]> {
  const { faults, acceptsUsedIds } = plan;
  const twin = await startAlpacaTwin({ faults, acceptsUsedIds });
  for (const symbol of SYMBOLS) setQuote(twin, { symbol, bidE4: MID_E4, size: 100 });
  const broker = brokerOf(twin);
  const news: BrokerNews[] = [];
  const errors: string[] = [];
  broker.news$.subscribe((one) => news.push(one));
  const submitted: OrderRequest[] = [];
  const outcome = (positions = {}, cashMicros = 0): Outcome => {
    return { twin, submitted, news, errors, positions, cashMicros };
  };
  try {
    await connected(broker, errors);
    await act({ plan, broker, twin, submitted, errors });
    twin.dealer.stop();
    twin.stream.settle();
    for (let cycle = 0; cycle < MAX_CYCLES; cycle++) {
      await broker.reconcileNow();
      if (isSettled(outcome(twin.book.positions()))) break;
      await wait(5);
    }
    const last = outcome(await broker.getPositions(), await broker.getCash());
    return Object.entries(CHECKS).flatMap(([name, check]): [Invariant, string][] => {
      const problem = check(last);
      return problem === undefined ? [] : [[name as Invariant, problem]];
    });
  } finally {
    await broker.close();
    await twin.close();
  }
}

/** Tries again where trying again can help, as who starts a run would. */
async function connected(broker: AlpacaBroker, errors: string[]): Promise<void> {
  for (let attempt = 0; attempt < MAX_ASKS; attempt++) {
    try {
      await broker.connect();
      return;
    } catch (error) {
      errors.push(String(error));
    }
  }
}

interface Act {
  readonly plan: Plan;
  readonly broker: AlpacaBroker;
  readonly twin: AlpacaTwin;
  readonly submitted: OrderRequest[];
  readonly errors: string[];
}

async function act({ plan, broker, twin, submitted, errors }: Act): Promise<void> {
  const pending: Promise<void>[] = [];
  const start = (work: Promise<void>): void => {
    pending.push(work.catch((error: unknown) => void errors.push(String(error))));
  };
  const place = async (order: OrderRequest): Promise<void> => {
    for (let ask = 0; ask < MAX_ASKS; ask++) {
      try {
        await broker.submitOrder(order, { mayBePlaced: ask > 0 });
        return;
      } catch (error) {
        errors.push(String(error));
      }
    }
  };
  const doIt: { [K in Action['kind']]: (action: Extract<Action, { kind: K }>) => void | Promise<void> } = {
    submit: ({ order }) => {
      submitted.push(order);
      start(place(order));
    },
    cancel: ({ clientOrderId }) => start(broker.cancelOrder(clientOrderId)),
    replace: ({ kind: _, ...change }) => start(broker.replaceOrder(change)),
    quote: (quote) => setQuote(twin, quote),
    drop: () => twin.stream.dropAll(),
    wait: ({ ms }) => wait(ms),
  };
  for (const action of plan.actions) {
    await (doIt[action.kind] as (one: Action) => void | Promise<void>)(action);
    await wait(1);
  }
  await Promise.all(pending);
}

function setQuote(
  twin: AlpacaTwin,
  { symbol, bidE4, size }: { symbol: string; bidE4: number; size: number },
): void {
  twin.book.setQuote(symbol, { bidE4, askE4: bidE4 + 500, bidSize: size, askSize: size });
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
