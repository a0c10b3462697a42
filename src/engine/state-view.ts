import { limitOf, TIGHTENABLE_LIMITS } from '../domain/tighten.ts';
import type { Json } from '../events/record.ts';
import { lossStatus } from '../pipeline/6-risk/kill-switch.ts';
import { currentEquityMicros, type Engine } from './engine-state.ts';

/** The engine as people and scripts want to read it: account, positions, orders, risk, and what the models have earned. */
export function viewEngine(engine: Engine): { readonly [key: string]: Json } {
  const { ledger, layout, pipeline, clock, kill } = engine;
  const equityMicros = currentEquityMicros(engine);
  const losses = lossStatus(kill, { equityMicros, tUs: engine.nowUs });
  const { confidence } = pipeline.prediction;
  return {
    session: clock.date,
    isSessionOpen: clock.isOpen,
    timeUs: engine.nowUs,
    isPaused: engine.isPaused,
    lost: Object.entries(engine.isLost).flatMap(([source, isLost]) => (isLost ? [source] : [])),
    cashMicros: ledger.cashMicros,
    equityMicros,
    realizedMicros: ledger.realizedMicros,
    dividendsMicros: ledger.dividendsMicros,
    feesMicros: ledger.feesMicros,
    borrowFeesMicros: ledger.borrowFeesMicros,
    positions: layout.symbols.flatMap((symbol, i): Json[] =>
      ledger.shares[i] === 0
        ? []
        : [
            {
              symbol,
              shares: ledger.shares[i],
              markE4: pipeline.marksE4[i],
              costMicros: ledger.costMicros[i],
            },
          ],
    ),
    workingOrders: engine.orders.working.map(
      ({ request, status, filledQuantity, brokerOrderId, progress }) => ({
        clientOrderId: request.clientOrderId,
        symbol: request.symbol,
        side: request.side,
        quantity: request.quantity,
        filledQuantity,
        status,
        brokerOrderId,
        progress,
      }),
    ),
    differences: engine.reconciliation.open.map(({ difference, seen }) => ({ ...difference, seen })),
    risk: {
      tripped: Object.entries(kill.tripped).flatMap(([cause, isTripped]) => (isTripped ? [cause] : [])),
      dailyLossFrac: losses.dailyLossFrac,
      drawdownFrac: losses.drawdownFrac,
      lossVelocityFrac: losses.lossVelocityFrac,
      peakMicros: losses.peakMicros,
      limits: Object.fromEntries(
        TIGHTENABLE_LIMITS.map((limit) => [limit, limitOf(engine.settings.risk, limit)]),
      ),
    },
    models: layout.columns.flatMap(({ id, kind }, c): Json[] =>
      kind === 'return'
        ? [
            {
              id,
              pairs: confidence.tracks[c]?.pairs.count ?? 0,
              ic: confidence.ic[c],
              icShrunk: confidence.icShrunk[c],
              stability: confidence.stability[c],
              weight: weightOf(engine, c),
            },
          ]
        : [],
    ),
  };
}

function weightOf({ pipeline }: Engine, column: number): number {
  for (const [h, plan] of pipeline.blendPlan.horizons.entries()) {
    const at = plan.columns.indexOf(column);
    if (at >= 0) return pipeline.work.blend.families[h].weights[at];
  }
  return 0;
}
