import { type Progress, silentProgress } from '../ports/progress.ts';
import type { AnnouncedAction } from './actions.ts';
import { writeDataset } from './dataset-writer.ts';
import type { DatasetManifest, Provenance } from './manifest.ts';
import { synthesize } from './synth.ts';
import { planSynth, type SynthOptions, type SynthPlan } from './synth-options.ts';

/** Changes when the same options would give other bars. */
export const SYNTH_VERSION = 1;

/**
 * Writes a synthetic universe as a dataset. The manifest records every option, so that it can be made again.
 * @throws InputError SYNTH_OPTION, CALENDAR_RANGE, OUTPUT_EXISTS
 */
export async function synthDataset(input: {
  readonly dir: string;
  readonly options: SynthOptions;
  readonly progress?: Progress;
}): Promise<DatasetManifest> {
  const { dir, options, progress = silentProgress } = input;
  const plan = planSynth(options);
  try {
    return await writeDataset({
      dir,
      tables: withProgress(plan, options, progress),
      actions: plan.actions.map((action) => ({ action, at: 'synth' })),
      facts: { provenance: { source: 'synthetic', files: [], options: provenanceOf(plan) } },
    });
  } finally {
    progress.stop();
  }
}

function* withProgress(plan: SynthPlan, options: SynthOptions, progress: Progress) {
  let done = 0;
  for (const table of synthesize(options)) {
    progress.update(done++, plan.sessions.length, table.session);
    yield table;
  }
}

function provenanceOf(plan: SynthPlan): Provenance['options'] {
  const { seed, signal, annualVol, correlation, spreadBps, haltRate, missingRate } = plan;
  const prices = Object.entries(plan.priceLevels).map(([symbol, price]) => `${symbol}=${price}`);
  return {
    synthVersion: SYNTH_VERSION,
    seed,
    symbols: [...plan.symbols],
    from: plan.sessions[0].date,
    sessions: plan.sessions.length,
    signal,
    annualVol,
    correlation,
    spreadBps,
    haltRate,
    missingRate,
    ...(prices.length === 0 ? {} : { priceLevels: prices.sort() }),
    ...(plan.actions.length === 0 ? {} : { actions: plan.actions.map(describe) }),
  };
}

/** As `--splits` and `--dividends` take it. */
function describe(action: AnnouncedAction): string {
  const { symbol, exDate } = action;
  if (action.kind === 'split') return `split ${symbol}=${action.newShares}:${action.oldShares}@${exDate}`;
  return `dividend ${symbol}=${action.cashMicros / 1e6}@${exDate}`;
}
