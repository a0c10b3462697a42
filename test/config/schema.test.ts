import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type SchemaNode, scenarioJsonSchema, scenarioJsonSchemaText } from '../../src/config/json-schema.ts';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { showScenario } from '../../src/config/show-scenario.ts';
import { load, MINIMAL, newFolder, writeIn } from './workspace.ts';

const scenarios = fileURLToPath(new URL('../../scenarios/', import.meta.url));
const scenarioFiles = readdirSync(scenarios).filter((name) => name.endsWith('.yaml'));

/** Every key of the schema with its path, however deep. */
function keysOf(node: SchemaNode, path: string[] = []): [string, SchemaNode][] {
  const own = Object.entries(node.properties ?? {}).flatMap(([name, child]): [string, SchemaNode][] => [
    [[...path, name].join('.'), child],
    ...keysOf(child, [...path, name]),
  ]);
  return [...own, ...(node.oneOf ?? node.anyOf ?? []).flatMap((branch) => keysOf(branch, path))];
}

describe('the JSON Schema', () => {
  it('is committed as it is made; "npm run schema" writes it', () => {
    expect(readFileSync(`${scenarios}scenario.schema.json`, 'utf8')).toBe(scenarioJsonSchemaText());
  });

  it('describes every key and gives a default to every one that may be left out', () => {
    const keys = keysOf(scenarioJsonSchema()).filter(([, node]) => node.const === undefined);
    expect(keys.length).toBeGreaterThan(80);
    expect(keys.filter(([, node]) => node.description === undefined).map(([path]) => path)).toEqual([]);
    const withoutDefault = keys.filter(([, node]) => node.default === undefined).map(([path]) => path);
    expect(withoutDefault).toEqual([
      'name',
      'description',
      'extends',
      'data',
      'data.dataset',
      'data.from',
      'data.to',
      'data.symbols',
      'data.alpaca.dataUrl',
      'data.alpaca.streamUrl',
      'models.runRoot',
      'models.predictions',
      'models.families',
      'models.excludeFamilies',
      'models.views',
      'warmStart',
      'prediction.standardizeWindowCycles',
      'prediction.deadlineMilliseconds',
      'risk.maxSector',
      'risk.lossVelocity',
      'broker.fee.bps',
      'broker.fee.perShareDollars',
      'broker.credentials',
      'broker.credentials.keyId',
      'broker.credentials.secretKey',
      'broker.alpaca.tradingUrl',
      'broker.alpaca.streamUrl',
      'broker.ibkr.account',
      'learning.warmStart',
      'alerts.webhook',
      'alerts.webhook.url',
      'alerts.webhook.token',
    ]);
  });

  it('refuses keys it does not know, so that editors mark typos', () => {
    const objects = [scenarioJsonSchema(), ...keysOf(scenarioJsonSchema()).map(([, node]) => node)];
    const open = objects.filter(
      (node) => node.properties !== undefined && node.additionalProperties !== false,
    );
    expect(open).toEqual([]);
  });
});

describe('the scenarios that come with sametape', () => {
  it.each(scenarioFiles)('%s loads and names its schema in the first line', (name) => {
    const text = readFileSync(scenarios + name, 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./scenario.schema.json');
    expect(loadScenario({ file: scenarios + name }).name).not.toBe('');
  });
});

describe('showing a scenario', () => {
  it('gives text that is a scenario with the same settings and paths', () => {
    const folder = newFolder();
    const loaded = load(
      `${MINIMAL}horizons: [1d, 45m, 5m]\nmodels: { runRoot: m }\nextends: reference\nblending: { temperature: { 45m: 0.5 } }\n`,
      ['data.symbols=[SPY, IBM]'],
      folder,
    );
    const again = loadScenario({
      file: writeIn(folder, 'shown/again.yaml', showScenario(loaded, `${folder}/shown`)),
    });
    expect(again.settings).toEqual(loaded.settings);
    expect(again.resolvedPaths.datasetDir).toBe(loaded.resolvedPaths.datasetDir);
    expect(again.resolvedPaths.runRootDir).toBe(loaded.resolvedPaths.runRootDir);
  });

  it('fills in every default and says where the rest was written', () => {
    const folder = newFolder();
    const text = showScenario(load(MINIMAL, ['sizing.band=0.01'], folder), folder);
    expect(parse(text)).toMatchObject({
      risk: { drawdown: 0.1 },
      prediction: { standardizeWindowCycles: 3900 },
    });
    expect(text).toContain('band: 0.01 # --set sizing.band=0.01');
    expect(text).toMatch(/name: a # .*s\.yaml:1:7/);
    expect(text).toMatch(/^ {2}grossTarget: 0\.5$/m);
  });
});

describe('a scenario as it is shown', () => {
  it('is a scenario of the same settings, or was refused, whatever the cycle', () => {
    const folder = newFolder();
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 389 }),
        fc.constantFrom(1, 10, 65, 100, 4000),
        (minutes, minSamples) => {
          const sets = [`cycle.minutes=${minutes}`, `prediction.standardizeMinSamples=${minSamples}`];
          const isRefused = Math.max(1, Math.round(3900 / minutes)) < minSamples;
          if (isRefused) {
            expect(() => load(MINIMAL, sets, folder)).toThrow('expected at least standardizeMinSamples');
            return;
          }
          const loaded = load(MINIMAL, sets, folder);
          expect(load(showScenario(loaded, folder), [], folder).settings).toEqual(loaded.settings);
        },
      ),
      { numRuns: 40 },
    );
  });
});
