import { applyExecution, createLedger, equityMicros } from '../../src/domain/ledger.ts';
import type { MarketTable, Session } from '../../src/domain/market-table.ts';
import { universeIndexOf } from '../../src/domain/marks.ts';
import { US_PER_MINUTE } from '../../src/domain/units.ts';
import {
  closeSession,
  createSessionClock,
  openSession,
  sessionMinutes,
} from '../../src/engine/session-clock.ts';
import * as exchange from '../../src/exchange/exchange.ts';
import { createExchange } from '../../src/exchange/state.ts';
import type { RunIdentity } from '../../src/modes/run-identity.ts';
import * as features from '../../src/pipeline/0-features/feature-engine.ts';
import { orderRequestOf } from '../../src/pipeline/6-risk/assess-order.ts';
import * as pipeline from '../../src/pipeline/pipeline.ts';
import { createPipeline } from '../../src/pipeline/pipeline-state.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { sessionTimeline } from '../../src/sources/session-timeline.ts';

/**
 * The same stages over the same data with nothing around them: no tape, no digests, no event encoding, no RxJS, no
 * order book. What the run loop costs is measured against this.
 */
export async function bareLoop(spec: {
  readonly identity: RunIdentity;
  readonly sessions: readonly Session[];
  readonly loadSession: (date: string) => Promise<MarketTable>;
  readonly inference: InferencePort;
}): Promise<{ readonly cycles: number; readonly fills: number }> {
  const { identity, inference } = spec;
  const { settings, layout, barSeconds } = identity;
  const stages = createPipeline({ settings, layout, barSeconds });
  const venue = createExchange(settings.exchange, {
    symbols: layout.symbols,
    initialCashMicros: settings.initialCashMicros,
  });
  const ledger = createLedger({
    cashMicros: settings.initialCashMicros,
    symbols: layout.symbols,
  });
  const clock = createSessionClock();
  const none = new Float64Array(layout.symbols.length);
  const reconciled = new Uint8Array(none.length);
  let cycle = 1;
  let fills = 0;
  let orders = 0;
  for (const session of spec.sessions) {
    const table = await spec.loadSession(session.date);
    const universeIxOf = universeIndexOf(layout.symbols, table.symbols);
    for (const event of sessionTimeline({
      session,
      table,
      cycleMinutes: settings.cycleMinutes,
      firstCycle: cycle,
    })) {
      const { tUs } = event;
      if (event.type === 'SessionOpened') {
        openSession(clock, session);
        exchange.openSession(venue, session);
        pipeline.openSession(stages, session);
      } else if (event.type === 'MarketSlice') {
        for (const report of exchange.applySlice(venue, event.slice, universeIxOf, tUs)) {
          if (!('execution' in report)) continue;
          applyExecution(ledger, report.execution);
          fills += 1;
        }
        pipeline.applySlice(stages, event.slice, universeIxOf);
      } else if (event.type === 'CycleDue') {
        const { batches, usable } = features.buildBatches(stages.features);
        const answer = inference.infer({ cycle: event.cycle, batches, usable });
        if (answer instanceof Promise) throw new Error('the bench reads recorded predictions');
        const { approved } = pipeline.runStages(stages, {
          cycle: event.cycle,
          tUs,
          predictions: answer,
          positionShares: ledger.shares,
          workingShares: none,
          working: [],
          equityMicros: equityMicros(ledger, stages.marksE4),
          sessionMinutes: sessionMinutes(clock, tUs),
          minutesToClose: (session.closeUs - tUs) / US_PER_MINUTE,
          isSessionOpen: true,
          isKilled: false,
          isPaused: false,
          isDisconnected: false,
          unreconciled: reconciled,
          isCashUnreconciled: false,
          isFlattening: false,
        });
        for (const verdict of approved) {
          exchange.submitOrder(venue, orderRequestOf(verdict, `b-${orders}`), tUs);
          orders += 1;
        }
        cycle += 1;
      } else {
        exchange.closeSession(venue, tUs);
        pipeline.closeSession(stages);
        closeSession(clock);
      }
    }
  }
  return { cycles: cycle - 1, fills };
}
