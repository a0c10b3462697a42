import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Execution, Side } from '../../src/domain/orders.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { currentEquityMicros } from '../../src/report/collect.ts';
import { gainsByHorizon, gainsBySymbol, STILL_OPEN, TAKEN_OVER } from '../../src/report/gains.ts';
import type { ReportFacts } from '../../src/report/html/facts.ts';
import { renderReport } from '../../src/report/html/page.ts';
import { createRunStory, type RunStory, tellDerived, tellInput } from '../../src/report/run-story.ts';
import { statisticsOf } from '../../src/report/statistics.ts';
import { OPEN_US, SESSION } from '../exchange/bars.ts';

const CASH = 1_000_000_000_000;

function storyOf(symbols: readonly string[]): RunStory {
  const story = createRunStory({ symbols, initialCashMicros: CASH, fromUs: 0 });
  tellInput(story, { type: 'SessionOpened', tUs: OPEN_US, session: SESSION });
  return story;
}

function fill(number: number, rest: Pick<Execution, 'symbol' | 'side' | 'quantity' | 'priceE4'>): Execution {
  const ids = { executionId: `x${number}`, clientOrderId: `c${number}` };
  return { ...ids, ...rest, feeMicros: 1_234_567, tradeTimeUs: OPEN_US + number };
}

/** What may move cash, on fills numbered as they come. */
const STEP = fc.record({
  kind: fc.constantFrom('fill', 'fill', 'correct', 'bust', 'fee', 'borrow', 'dividend', 'adopt'),
  symbol: fc.constantFrom('AAA', 'BBB', 'CCC'),
  side: fc.constantFrom<Side>('buy', 'sell'),
  quantity: fc.integer({ min: 1, max: 500 }),
  priceE4: fc.integer({ min: 100, max: 3_000_000 }),
  of: fc.nat(20),
});

describe('gains by part', () => {
  it('add up to the net P&L exactly, whatever is corrected, charged, paid or taken over', () => {
    fc.assert(
      fc.property(fc.array(STEP, { minLength: 1, maxLength: 25 }), (steps) => {
        const story = storyOf(['AAA', 'BBB', 'CCC']);
        const fills: Execution[] = [];
        steps.forEach(({ kind, symbol, side, quantity, priceE4, of }, number) => {
          const tUs = OPEN_US + number;
          const known = fills[of % Math.max(1, fills.length)];
          const tell = (event: InputEvent): void => tellInput(story, event);
          if (kind === 'fill') {
            const execution = fill(number, { symbol, side, quantity, priceE4 });
            fills.push(execution);
            tell({ type: 'OrderFilled', tUs, execution });
          } else if (kind === 'borrow') {
            tell({ type: 'BorrowFeeCharged', tUs, symbol, shares: 1, nights: 1, feeMicros: priceE4 });
          } else if (kind === 'dividend') {
            const terms = { cashMicros: priceE4, referencePriceE4: 5_000_000 };
            const action = { kind, symbol, exDate: SESSION.date, ...terms } as const;
            tell({ type: 'CorporateActionApplied', tUs, action });
          } else if (kind === 'adopt') tellDerived(story, { type: 'CashAdopted', cashMicros: -priceE4 }, tUs);
          else if (known !== undefined && kind === 'fee') {
            tell({ type: 'CommissionReported', tUs, executionId: known.executionId, feeMicros: priceE4 });
          } else if (known !== undefined) {
            const execution = {
              ...known,
              executionId: `y${number}`,
              ...(kind === 'bust' ? { quantity: 0 } : { priceE4 }),
            };
            tell({ type: 'ExecutionCorrected', tUs, execution, corrects: known.executionId });
          }
        });
        const net = currentEquityMicros(story.collector) - CASH;
        const adopted = story.collector.ledger.adoptedMicros;
        const rest = gainsBySymbol(story).find(({ name }) => name === TAKEN_OVER)?.netMicros ?? 0;
        expect(rest).toBe(adopted);
        for (const gains of [gainsBySymbol(story), gainsByHorizon(story, [])]) {
          expect(gains.reduce((sum, { netMicros }) => sum + netMicros, 0)).toBe(net);
        }
      }),
      { endOnFailure: true },
    );
  });

  it('of many symbols are shown as the best, the worst, and a row for the others', () => {
    const symbols = Array.from({ length: 60 }, (_, k) => `S${String(k).padStart(2, '0')}<i>`);
    const story = storyOf(symbols);
    symbols.forEach((symbol, k) => {
      const bought = fill(2 * k, { symbol, side: 'buy', quantity: 1, priceE4: 1_000_000 });
      const sold = fill(2 * k + 1, { symbol, side: 'sell', quantity: 1, priceE4: 1_000_000 + k * 10_000 });
      for (const execution of [bought, sold]) {
        tellInput(story, { type: 'OrderFilled', tUs: execution.tradeTimeUs, execution });
      }
    });
    const page = renderReport(factsOf(story));
    const rows = [...page.matchAll(/<th scope="row">(S\d\d&lt;i&gt;|30 others)<\/th><td class="bar">/g)];
    expect(rows.map(([, name]) => name!.slice(0, 3))).toEqual([
      ...symbols
        .slice(45)
        .reverse()
        .map((name) => name.slice(0, 3)),
      '30 ',
      ...symbols
        .slice(0, 15)
        .reverse()
        .map((name) => name.slice(0, 3)),
    ]);
    expect(page).not.toContain('<i>');
    expect(page).toContain('by no order of this run');
    expect(gainsByHorizon(story, []).map(({ name }) => name)).not.toContain(STILL_OPEN);
  });
});

function factsOf(story: RunStory): ReportFacts {
  const hash = '0'.repeat(64);
  return {
    ...{ scenario: 'many', runId: hash, chainHead: hash, decisionHead: hash, mode: 'backtest' },
    ...{ codeSha256: hash, datasetSha256: hash, models: 1, horizons: [], records: 1 },
    ...{ isClosed: true, tornBytes: 0, story, statistics: statisticsOf(story.collector) },
    ...{ shellDir: 'runs/many', formatTime: String },
  };
}
