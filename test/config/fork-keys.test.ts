import { describe, expect, it } from 'vitest';
import { expectForkable } from '../../src/config/fork-keys.ts';
import { parseSetOption } from '../../src/config/overrides.ts';

function check(set: string): () => void {
  return () => expectForkable(parseSetOption(set, '/'));
}

describe('keys of a fork', () => {
  it.each(['arbitration.entryThresholdBps=3', 'broker.fee.bps=2', 'risk={ maxGross: 0.2 }', 'strict=false'])(
    '%s can change while a run goes on',
    (set) => {
      expect(check(set)).not.toThrow();
    },
  );

  it.each([
    ['prediction.icWindowPairs=300', 'prediction.icWindowPairs', /length of a window/],
    ['risk={ maxGross: 0.2, sectors: {} }', 'risk.sectors', /remembered by sector/],
    ['account.initialCashDollars=5', 'account.initialCashDollars', /starts with/],
    ['horizons=[5m]', 'horizons', /one place for each/],
    ['learning.algorithm=off', 'learning.algorithm', /learning\.blend=0/],
    ['data={ from: 2024-01-02 }', 'data', /goes into a run/],
    ['data.from=2024-01-02', 'data.from', /goes into a run/],
    ['broker={ credentials: { keyId: x } }', 'broker.credentials', /simulated exchange/],
    ['broker.credentials.keyId=x', 'broker.credentials.keyId', /simulated exchange/],
  ])('%s cannot: the message names the key, why, and what to do', (set, key, why) => {
    expect(check(set)).toThrow(why);
    expect(check(set)).toThrow(`--set ${key}: cannot change while a run goes on`);
    expect(check(set)).toThrow(/run the scenario anew with it$/);
  });

  it('leaves keys that no scenario has to loading, which names the nearest', () => {
    expect(check('arbitraton.k1=2')).not.toThrow();
    expect(check('arbitration.entryTreshold=2')).not.toThrow();
  });
});
