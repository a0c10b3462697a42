import { scenarioSchema } from '../../src/config/schema.ts';
import { toAlertSettings } from '../../src/config/sections/alerts.ts';
import type { AlertSettings } from '../../src/domain/alert-settings.ts';

/** Settings of a section as a scenario would have it, alerts on. */
export function alertSettings(section: object = {}): AlertSettings {
  const { alerts } = scenarioSchema.parse({
    name: 'any',
    data: { dataset: '.' },
    alerts: { enabled: true, ...section },
  });
  const settings = toAlertSettings(alerts);
  if (settings === undefined) throw new Error('alerts are off');
  return settings;
}
