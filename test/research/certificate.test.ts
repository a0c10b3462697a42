import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadedScenario, loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { dryFire } from '../../src/modes/dry-fire.ts';
import { lastPrice } from '../../src/modes/last-price.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { type Certificate, compareCertificate, readCertificate } from '../../src/research/certificate.ts';
import { updateGolden } from '../../src/research/golden.ts';
import { factsOf, promote } from '../../src/research/promote.ts';
import { wallClock } from '../../src/sources/wall-clock.ts';
import { scriptedBroker } from '../modes/scripted-broker.ts';

const scenarioFile = 'scenarios/quickstart.yaml';
const SET = ['data.symbols=[AAA]', 'data.to=2024-01-10', 'models.runRoot=null'];
const folder = mkdtempSync(join(tmpdir(), 'sametape-certificate-'));
const goldenDir = join(folder, 'golden');
const passed: string[] = [];
let certificate: Certificate;

const broker = scriptedBroker();

function promoteHere(set: readonly string[] = SET): Promise<Certificate> {
  return promote({
    scenarioFile,
    set,
    goldenDir,
    cuts: 1,
    seed: 1,
    dryFire: async (scenario) => {
      const price = await lastPrice(scenario);
      return dryFire({ broker, clock: wallClock, ...price, clientOrderId: 'dry-1', withinUs: 5_000_000 });
    },
    clock: wallClock,
    progress: silentProgress,
    passed: (check) => passed.push(check),
  });
}

beforeAll(async () => {
  await updateGolden({ scenarioFile, goldenDir, set: SET, reason: 'test', date: '2026-11-26' });
  certificate = await promoteHere();
});

afterAll(() => rmSync(folder, { recursive: true }));

function load(...more: readonly string[]): LoadedScenario {
  return loadScenario({
    file: scenarioFile,
    overrides: [...SET, ...more].map((text) => parseSetOption(text, process.cwd())),
  });
}

const differenceWith = async (...more: readonly string[]) =>
  compareCertificate(certificate, await factsOf(load(...more), goldenDir));

describe('a promotion', () => {
  it('passes four checks, the one that reaches a broker last, and says what they came to', () => {
    expect(passed).toEqual(['golden', 'lookAhead', 'parity', 'dryFire']);
    expect(broker.log).toEqual(['connect', 'submit buy 1 AAA', 'cancel dry-1', 'close']);
    const { golden, parity, dryFire: fired } = certificate.results;
    expect(parity.decisionHead).toBe(golden.decisionHead);
    expect(parity.cycles).toBe(389);
    expect(fired).toMatchObject({ kind: 'fired', broker: 'scripted', symbol: 'AAA' });
  });

  it('is refused at the first check that fails, before anything reaches a broker', async () => {
    const before = broker.log.length;
    await expect(promoteHere([...SET, 'account.initialCashDollars=5'])).rejects.toMatchObject({
      code: 'PROMOTE_FAILED',
      message: expect.stringContaining('the golden check: cycle 1 differs'),
    });
    expect(broker.log.length).toBe(before);
  });
});

describe('a certificate', () => {
  it('fits the scenario it was made for, and the same with another broker, data source and who is told', async () => {
    expect(await differenceWith()).toBeUndefined();
    const others = [
      'broker.source=alpaca',
      'data.source=alpaca',
      'broker.slippageBps=3',
      'alerts.enabled=true',
    ];
    expect(await differenceWith(...others)).toBeUndefined();
    const credentials = 'broker.credentials={keyId: "$' + '{env:ID}", secretKey: "$' + '{env:KEY}"}';
    expect(await differenceWith(credentials)).toBeUndefined();
  });

  it.each([
    ['sizing.band=0.02', 'settings.sizing.band', '0.02'],
    ['risk.maxOrderShares=7', 'settings.risk.maxOrderShares', '7'],
    // a limit of risk, though it stands in the section of the broker
    ['broker.allowShort=false', 'settings.broker.allowShort', 'false'],
    ['seed=9', 'settings.seed', '9'],
  ])('does not fit %s, and names the field with both values', async (change, field, found) => {
    const difference = await differenceWith(change);
    expect(difference).toMatchObject({ field, found });
    expect(difference!.certified).not.toBe(found);
  });

  it('does not fit other symbols, models, code, data, lock or golden file', async () => {
    expect(await differenceWith('data.symbols=[AAA, BBB]')).toMatchObject({
      field: 'data.symbols',
      certified: 'AAA',
      found: 'AAA, BBB',
    });
    const { facts } = certificate;
    const other = 'f'.repeat(64);
    const changes = [
      [{ codeSha256: other }, 'code'],
      [{ lockFileSha256: other }, 'package-lock.json'],
      [{ modelSha256: { 'ret_5m/base/Ridge': other } }, 'model ret_5m/base/Ridge'],
      [{ startSha256: { learning: other } }, 'starting state of learning'],
      [{ datasetSha256: other }, 'dataset'],
      [{ goldenSha256: other }, 'golden file'],
    ] as const;
    for (const [change, field] of changes) {
      expect(compareCertificate(certificate, { ...facts, ...change })).toMatchObject({ field, found: other });
    }
    // every fact is compared: one that is left out here would be one that nobody looks at
    const compared = new Set(changes.flatMap(([change]) => Object.keys(change)));
    const rest = Object.keys(facts).filter((key) => !compared.has(key));
    expect(rest.sort()).toEqual(['scenarioSha256', 'settings', 'symbols']);
  });

  it('is read back as it was written, and not when a byte of it was changed', () => {
    const file = join(folder, 'certificate.json');
    const text = JSON.stringify(certificate, null, 2);
    writeFileSync(file, text);
    expect(readCertificate(file)).toEqual(certificate);
    const edited = text.replace('"sizing.band": "', '"sizing.band": "9');
    expect(edited).not.toBe(text);
    writeFileSync(file, edited);
    expect(() => readCertificate(file)).toThrow(/its content is not what its hash says/);
    writeFileSync(file, text.replace('"cycles": 389', '"cycles": 390'));
    expect(() => readCertificate(file)).toThrow(/its content is not what its hash says/);
    writeFileSync(file, text.replace('"golden": {', '"goldn": {'));
    expect(() => readCertificate(file)).toThrow(/results.golden is missing or not what it should be/);
    writeFileSync(file, text.slice(0, -5));
    expect(() => readCertificate(file)).toThrow(/it is not JSON/);
    expect(() => readCertificate(join(folder, 'none'))).toThrow(
      /no such file; expected what "sametape promote" wrote/,
    );
  });

  it('holds no path of this machine', () => {
    expect(JSON.stringify(certificate)).not.toContain(process.cwd());
    expect(readFileSync(scenarioFile, 'utf8')).toContain('quickstart');
  });
});
