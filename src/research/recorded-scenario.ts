import { type LoadedScenario, loadScenario } from '../config/load-scenario.ts';
import { resolveSettings, type ScenarioSettings } from '../config/resolve.ts';
import { openDataset } from '../data/dataset.ts';
import { InputError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Json, JsonObject } from '../events/record.ts';
import { finalSettings, parseIdentity, type RunIdentity } from '../modes/run-identity.ts';
import type { MarketDataset } from '../ports/market-data.ts';
import { TapeFaultError } from '../tape/faults.ts';
import { readTape } from '../tape/read-tape.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { verifyTape } from '../tape/verify.ts';

/**
 * The scenario a run was made with: the one in its folder, once it has been seen to give the settings on the tape.
 * Sessions and symbols that it leaves to the dataset are looked up there, where the dataset of the run still is.
 * @param dir folder of the run, as the user named it
 * @throws InputError RUN_NOT_FOUND, TAPE_NOT_A_RUN, RUN_SCENARIO_CHANGED; TapeFaultError when the tape is damaged
 */
export async function loadRecordedScenario(dir: string): Promise<LoadedScenario> {
  const { tapeDir } = openRunFolder(dir);
  const loaded = loadScenario({ file: `${dir.replace(/[/\\]+$/, '')}/scenario.yaml` });
  const identity = recordedIdentity(tapeDir);
  // horizons that were discovered are on the tape only
  const settings = resolveSettings(loaded.scenario, identity.horizons);
  const dataset = await openDataset(loaded.resolvedPaths.datasetDir).catch(() => undefined);
  const same = dataset?.sha256 === identity.datasetSha256 ? dataset : undefined;
  const changed = changedPart(identity, settings, same);
  if (changed === undefined) return { ...loaded, settings };
  throw new InputError(
    'RUN_SCENARIO_CHANGED',
    `${dir}/scenario.yaml: does not give the ${changed} recorded on the tape; it was changed, or another version of sametape made the run`,
  );
}

/** @param dataset the one of the run, undefined where it cannot be found */
function changedPart(
  identity: RunIdentity,
  settings: ScenarioSettings,
  dataset: MarketDataset | undefined,
): 'settings' | 'incidents' | 'symbols' | 'sessions' | undefined {
  const { scenario, horizons, script, layout, sessions } = identity;
  const engine = finalSettings(identity);
  const isSame = (a: unknown, b: unknown): boolean =>
    canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json);
  if (!isSame([scenario, horizons, engine], [settings.name, settings.horizons, settings.engine]))
    return 'settings';
  if (!isSame(script ?? null, settings.script ?? null)) return 'incidents';
  const symbols = settings.symbols ?? dataset?.symbols;
  if (symbols !== undefined && !isSame(symbols, layout.symbols)) return 'symbols';
  const { from = '', to = '9999' } = settings;
  const dates = dataset?.sessions.map(({ date }) => date) ?? sessions;
  return isSame(
    dates.filter((date) => date >= from && date <= to),
    sessions,
  )
    ? undefined
    : 'sessions';
}

/**
 * What the tape says a run was made from.
 * @throws InputError TAPE_NOT_A_RUN; TapeFaultError, as `verify` reports it, for a tape without a record
 */
export function recordedIdentity(tapeDir: string): RunIdentity {
  for (const { record } of readTape(tapeDir, { torn: 'report', storedHead: 'leave' })) {
    if (record.type === 'RunStarted') return parseIdentity(record.payload.identity as JsonObject);
    break;
  }
  const { fault } = verifyTape(tapeDir);
  if (fault !== null) throw new TapeFaultError(fault);
  throw new InputError('TAPE_NOT_A_RUN', `${tapeDir}: the tape does not start with RunStarted`);
}
