import { beforeAll, describe, expect, it } from 'vitest';
import { HAS_ASK, HAS_BID } from '../../src/domain/market-table.ts';
import { silentAtFirst, silentWarnings } from '../../src/modes/silent-models.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { explainDecision } from '../../src/research/explain.ts';
import { listDecisions } from '../../src/research/list-decisions.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import type { TraceSection, TraceValue } from '../../src/research/trace-section.ts';
import { sametape } from '../cli/sametape.ts';
import { useTempDir } from '../data/support.ts';
import { type MadeRun, makeRunFolder } from './run-folder.ts';

const temp = useTempDir();
const RUN = {
  synth: { symbols: 3, sessions: 1, from: '2024-07-03', signal: 0.6, seed: 5, spreadBps: 0.8 },
  scenario: { prediction: { standardizeMinSamples: 20, confidenceFloor: 0.15 }, cycle: { minutes: 2 } },
};

async function trace(made: MadeRun, cycle: number, symbol: string) {
  const { sections } = await explainDecision({
    runDir: made.runDir,
    datasetDir: undefined,
    cycle,
    symbol,
    progress: silentProgress,
  });
  return { sections, valuesOf: (stage: string, label?: string) => valuesOf(sections, stage, label) };
}

/** Values of a section, or of a row of it, by name. */
function valuesOf(sections: readonly TraceSection[], stage: string, label?: string) {
  const section = sections.find((each) => each.stage.startsWith(stage))!;
  const values =
    label === undefined ? section.values : section.rows!.find((row) => row.label === label)!.values;
  return Object.fromEntries(values.map(({ name, value }: TraceValue) => [name, value]));
}

describe('a market without volume', () => {
  let made: MadeRun;

  beforeAll(async () => {
    made = await makeRunFolder(temp.path('no-volume'), {
      ...RUN,
      alterTable: ({ volume }) => volume.fill(0),
    });
  });

  it('shows a feature that is missing as missing, and each masked model by what it lacks', async () => {
    const { valuesOf } = await trace(made, 60, 'AAA');
    const features = valuesOf('features');
    expect(features).toMatchObject({ volume_change: null, ret_5d: expect.any(Number) });
    expect(features.ret_5d).not.toBe(0);
    for (const { id, kind } of made.identity.layout.columns) {
      const model = valuesOf('1 prediction', id);
      expect(model).toMatchObject({ inputs: 'masked: no volume_change', raw: null });
      if (kind === 'return') expect(model).toMatchObject({ score: null, state: 'missing', calibrated: null });
    }
    expect(valuesOf('2 blending', '5m')).toMatchObject({
      alpha: null,
      'effective families': null,
      'weight Fast': 0,
      'dropped Fast': 'missing',
    });
  });

  it('counts bars where there are too few, and has no feature before the first', async () => {
    const { valuesOf } = await trace(made, 1, 'AAA');
    expect(valuesOf('features')).toMatchObject({ ret_5d: null, rsi_14: null });
    const [{ id }] = made.identity.layout.columns;
    expect(valuesOf('1 prediction', id).inputs).toMatch(/^masked: no ret_5d, rsi_14, volume_change$/);
  });

  it('is what the run says of its models', async () => {
    const { engine } = await replayRun({
      runDir: made.runDir,
      datasetDir: undefined,
      progress: silentProgress,
    });
    const { layout } = made.identity;
    const [a, b, c] = layout.columns.map(({ id }) => id);
    const silent = silentAtFirst(layout);
    expect(silentWarnings(silent, engine.pipeline.features)).toEqual([
      `models ${a}, ${b}, ${c} and 3 more never answered for any symbol: no symbol ever had volume_change`,
    ]);
  });
});

/** Silent on the slow family for the first symbol, in every other cycle. */
function halfSilent(models: InferencePort): InferencePort {
  const { layout } = models;
  return {
    ...models,
    infer: async (request) => {
      const answer = await models.infer(request);
      layout.columns.forEach(({ family }, c) => {
        if (family === 'Slow' && request.cycle % 2 === 1) answer.valid[c * layout.symbols.length] = 0;
      });
      return answer;
    },
  };
}

describe('a symbol without quotes, and a family without a score', () => {
  let made: MadeRun;

  beforeAll(async () => {
    made = await makeRunFolder(temp.path('gaps'), {
      ...RUN,
      alterTable: ({ symbolIx, flags }) => {
        symbolIx.forEach((symbol, row) => {
          if (symbol === 2) flags[row] &= ~(HAS_BID | HAS_ASK);
        });
      },
      alterRun: (run) => ({ ...run, inference: halfSilent(run.inference!) }),
    });
  });

  it('has nothing where nothing was measured', async () => {
    const { valuesOf } = await trace(made, 60, 'CCC');
    expect(valuesOf('market')).toMatchObject({
      bid: null,
      ask: null,
      spread: null,
      'quote age': null,
      sigma5: null,
      ADV: null,
      'ADV unknown': 'taken as no impact, capacity 1',
      mark: expect.any(Number),
    });
    expect(valuesOf('3 arbitration')).toMatchObject({ 'best score': null, threshold: null });
    expect(valuesOf('3 arbitration', '5m')).toMatchObject({
      'cost of spread': null,
      timing: null,
      impact: null,
      'total cost': null,
      score: null,
    });
    expect(valuesOf('2 blending', '5m')).toMatchObject({ alpha: null, sigma: null });
    expect(valuesOf('4 gating')).toMatchObject({ 'entry gate': 'not_asked', 'gate factor': null });
  });

  it('shows the weights that made the alpha: those of the families that are left', async () => {
    const { valuesOf } = await trace(made, 71, 'AAA');
    const blend = valuesOf('2 blending', '5m') as Record<string, number>;
    const { calibrated } = valuesOf('1 prediction', 'ret_5m/base/Fast') as Record<string, number>;
    expect(blend).toMatchObject({ 'weight Fast': 1, 'weight Slow': 0, 'dropped Slow': 'missing' });
    expect(blend['effective families']).toBeCloseTo(1, 12);
    expect(blend.alpha).not.toBe(0);
    expect(blend.alpha).toBeCloseTo(blend.sigma * blend['weight Fast'] * calibrated, 9);
    const whole = (await trace(made, 72, 'AAA')).valuesOf('2 blending', '5m') as Record<string, number>;
    expect(whole).not.toHaveProperty('dropped Slow');
    expect(whole['weight Fast'] + whole['weight Slow']).toBeCloseTo(1, 12);
    expect(whole['weight Slow']).toBeGreaterThan(0);
  });

  it('calls no check passed that had nothing to measure, in words for people too', async () => {
    const only = ['TRADE'];
    const [first] = listDecisions({ runDir: made.runDir, cycle: undefined, symbol: undefined, only });
    const { valuesOf } = await trace(made, first.cycle, first.symbol);
    const nothing = { result: 'not measured', value: null, limit: null };
    for (const check of ['max_adv_fraction', 'sector_limit', 'cooldown']) {
      expect(valuesOf('6 risk', check)).toEqual(nothing);
    }
    expect(valuesOf('6 risk', 'price_collar')).toMatchObject({ result: 'passed', value: expect.any(Number) });
    const args = ['explain', made.runDir, '--cycle', String(first.cycle), '--symbol', first.symbol];
    const { stdout } = await sametape(args);
    expect(stdout).toMatch(/\n {2}sector_limit +- {2}not measured\n/);
    expect(stdout).toMatch(/\n {4}impact +- {2}bps\n/);
  });
});
