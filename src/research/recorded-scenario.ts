import { type LoadedScenario, loadScenario } from '../config/load-scenario.ts';
import { InputError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Json, JsonObject } from '../events/record.ts';
import { identityJson, parseIdentity } from '../modes/run-identity.ts';
import { readTape } from '../tape/read-tape.ts';
import { openRunFolder } from '../tape/run-folder.ts';

/**
 * The scenario a run was made with: the one in its folder, once it has been seen to give the settings on the tape.
 * @param dir folder of the run, as the user named it
 * @throws InputError RUN_NOT_FOUND, TAPE_NOT_A_RUN, RUN_SCENARIO_CHANGED; TapeFaultError when the tape is damaged
 */
export function loadRecordedScenario(dir: string): LoadedScenario {
  const { tapeDir } = openRunFolder(dir);
  const loaded = loadScenario({ file: `${dir.replace(/[/\\]+$/, '')}/scenario.yaml` });
  const { scenario, horizons, settings } = recordedIdentity(tapeDir);
  const onTape = canonicalJson({ scenario, horizons, settings });
  const { name, ...ours } = loaded.settings;
  const asJson = ours as unknown as { readonly horizons: Json; readonly engine: Json };
  if (onTape === canonicalJson({ scenario: name, horizons: asJson.horizons, settings: asJson.engine }))
    return loaded;
  throw new InputError(
    'RUN_SCENARIO_CHANGED',
    `${dir}/scenario.yaml: does not give the settings recorded on the tape; it was changed, or another version of sametape made the run`,
  );
}

function recordedIdentity(tapeDir: string): { readonly [key: string]: Json } {
  for (const { record } of readTape(tapeDir, { torn: 'report', storedHead: 'leave' })) {
    if (record.type === 'RunStarted')
      return identityJson(parseIdentity(record.payload.identity as JsonObject));
    break;
  }
  throw new InputError('TAPE_NOT_A_RUN', `${tapeDir}: the tape does not start with RunStarted`);
}
