import { describe, expect, it } from 'vitest';
import { load, MINIMAL, problems } from './workspace.ts';

describe('risk settings that do not fit together', () => {
  it.each([
    [
      'gating: { endOfDayFlattenMinutes: 4 }\ncycle: { minutes: 5 }\n',
      's.yaml:3:35: gating.endOfDayFlattenMinutes: expected 0 or at least cycle.minutes 5, found 4; no decision may fall that close to the close',
    ],
    [
      'execution: { orderType: limit, limitOffsetBps: 60 }\n',
      's.yaml:3:48: execution.limitOffsetBps: expected at most risk.priceCollarBps 50, found 60; every order would be blocked',
    ],
    [
      'risk: { subDollarTickDollars: 0.02 }\n',
      's.yaml:3:31: risk.subDollarTickDollars: expected at most tickDollars 0.01, found 0.02',
    ],
    [
      'risk: { maxSector: 0.3 }\n',
      's.yaml:3:20: risk.maxSector: a limit needs to know the sectors; set risk.sectors',
    ],
    [
      'risk: { sectors: { energy: [XOM] } }\n',
      's.yaml:3:18: risk.sectors: sectors without a limit say nothing; set risk.maxSector',
    ],
    [
      'risk: { maxSector: 1, sectors: { energy: [XOM, CVX], metals: [AA, XOM] } }\n',
      's.yaml:3:67: risk.sectors.metals: XOM is in energy already; keep one',
    ],
  ])('%j', (text, expected) => {
    expect(problems(MINIMAL + text)).toEqual([expected]);
  });

  it('a listed universe must be in the sectors, all of it', () => {
    const text = (symbols: string) =>
      `name: a\ndata: { dataset: x, symbols: ${symbols} }\nrisk: { maxSector: 1, sectors: { energy: [XOM, CVX] } }\n`;
    expect(problems(text('[AA, XOM]'))).toEqual([
      's.yaml:3:32: risk.sectors: AA is in no sector; list every symbol of data.symbols',
    ]);
    expect(load(text('[XOM]')).settings.engine.risk).toMatchObject({
      maxSectorFrac: 1,
      sectors: [{ name: 'energy', symbols: ['CVX', 'XOM'] }],
    });
  });

  it('are off or neutral by default, and flattening may fall on the last cycle', () => {
    const { engine } = load(MINIMAL).settings;
    expect(engine.risk).toMatchObject({ sectors: [], noBorrowSymbols: [], subDollarTickE4: 1 });
    expect(engine.risk.lossVelocityFrac).toBeUndefined();
    expect(engine.exchange).toMatchObject({ displayedSizeCap: 1, borrow: { annualBps: 0 } });
    const flat = load(`${MINIMAL}gating: { endOfDayFlattenMinutes: 5 }\ncycle: { minutes: 5 }\n`);
    expect(flat.settings.engine.gating.endOfDayFlattenMinutes).toBe(5);
  });

  it('lending is one place: what the broker does not lend, risk does not short', () => {
    const { engine } = load(
      `${MINIMAL}broker: { borrow: { annualBps: 30, annualBpsBySymbol: { GME: 2500, AMC: 900 }, unavailable: [ZZZ, GME] } }\n`,
    ).settings;
    expect(engine.risk.noBorrowSymbols).toEqual(['GME', 'ZZZ']);
    expect(engine.exchange.borrow.noBorrowSymbols).toEqual(['GME', 'ZZZ']);
    expect(Object.keys(engine.exchange.borrow.annualBpsBySymbol)).toEqual(['AMC', 'GME']);
  });
});
