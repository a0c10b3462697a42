import { describe, expect, it } from 'vitest';
import { statusText } from '../../src/cli/status-text.ts';
import { viewEngine } from '../../src/engine/state-view.ts';
import { warmDesk } from '../engine/desk.ts';

const tUs = 1_704_730_000_000_000;

describe('what an engine says of itself to a person', () => {
  it('begins with whether it trades, and what a person has to do where not', () => {
    const desk = warmDesk();
    expect(statusText(viewEngine(desk.engine))).toMatch(/^entries {4}allowed\n/);
    desk.send({ type: 'OperatorCommanded', command: 'pause', who: 'me', why: 'lunch' });
    expect(statusText(viewEngine(desk.engine))).toMatch(/^entries {4}PAUSED, "resume" goes on\n/);
    desk.send({ type: 'ConnectionLost', source: 'broker', reason: 'gone' });
    desk.send({ type: 'OperatorCommanded', command: 'kill', who: 'me', why: 'odd' });
    expect(statusText(viewEngine(desk.engine))).toMatch(
      /^entries {4}KILLED \(operator\), "reset" trades again; PAUSED, "resume" goes on; held: broker lost\n/,
    );
  });

  it('says what to do where the clock was set back', () => {
    const desk = warmDesk({ scenario: { strict: false } });
    desk.send({ type: 'ConnectionLost', source: 'clock', reason: '3600 s behind' });
    expect(statusText(viewEngine(desk.engine))).toMatch(
      /^entries {4}held: this machine's clock was set back, no cycle runs; set it right\n/,
    );
  });

  it('has no number without its unit, and a line for every position and order', () => {
    const view = {
      ...viewEngine(warmDesk().engine),
      session: '2024-01-08',
      timeUs: tUs,
      equityMicros: 1_000_250_000_000,
      positions: [{ symbol: 'AAA', shares: -200, markE4: 1_000_000, costMicros: -20_100_000_000 }],
      workingOrders: [
        {
          clientOrderId: 'c-1',
          symbol: 'BBB',
          side: 'sell',
          quantity: 500,
          filledQuantity: 200,
          status: 'accepted',
        },
      ],
      differences: [{ item: 'position', symbol: 'BBB', ours: -200, theirs: 0, seen: 1 }],
      models: [{ id: 'ret_5m/X/Ridge', pairs: 1234, ic: 0.2, icShrunk: 0.12345, stability: 1, weight: 0.25 }],
    };
    const lines = statusText(view).split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^equity {5}\$1,000,250\.00, cash \$/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^time {7}2024-01-08 11:06:40 New York, session 2024-01-08/),
    );
    expect(lines).toContain("books      DIFFER from the broker's: position BBB");
    expect(lines).toContainEqual(expect.stringMatching(/^AAA +-200 +100\.00 +-\$20,000\.00 +\+\$100\.00$/));
    expect(lines).toContainEqual(expect.stringMatching(/^c-1 +sell 500 BBB +200 +accepted$/));
    expect(lines).toContainEqual(expect.stringMatching(/^ret_5m\/X\/Ridge +0\.250 +0\.123 +1,234$/));
  });

  it('says so while the engine is starting', () => {
    expect(statusText({ isStarting: true })).toBe('starting');
  });
});
