import { carrySettings } from '../domain/carry-settings.ts';
import { changedSettings, type SettingChanges } from '../domain/setting-changes.ts';
import { refreshOmega } from '../learning/learning-state.ts';
import { forgetOutputs } from '../pipeline/stage-digests.ts';
import { createEngine, type Engine } from './engine-state.ts';

/**
 * Puts changed settings in force, from the next input on: the engine is as it would be had it come to where it stands
 * with its memory and with the new settings. What was worked out on a schedule (the information coefficients) is
 * worked out with them when its time comes.
 * @throws InvariantError for settings that the engine's memory has no shape for: callers refuse those
 */
export function changeSettings(engine: Engine, changes: SettingChanges): void {
  const { runTag, settings, horizons, layout, barSeconds, learningStart } = engine;
  const config = {
    runTag,
    horizons,
    layout,
    barSeconds,
    ...(learningStart === undefined ? {} : { learningStart }),
  };
  carrySettings(engine, {
    before: createEngine({ ...config, settings }),
    after: createEngine({ ...config, settings: changedSettings(settings, changes) }),
  });
  forgetOutputs(engine.pipeline);
  const { learning } = engine.pipeline;
  if (learning !== null) refreshOmega(learning);
}
