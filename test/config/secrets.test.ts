import { execFileSync } from 'node:child_process';
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSecret, secretKeys, secretReferences, withoutSecrets } from '../../src/config/secrets.ts';
import { effectiveScenario, showScenario } from '../../src/config/show-scenario.ts';
import { withoutSecretValues } from '../../src/files/secret-values.ts';
import { failure, load, MINIMAL, newFolder, problems } from './workspace.ts';

const reference = (name: string): string => `\${env:${name}}`;
const PLANTED = 'pl4nted-v4lue';
const NAMED = `${MINIMAL}broker: { credentials: { keyId: "${reference('KEY')}", secretKey: "${reference('SECRET')}" } }\n`;

describe('secrets of a scenario', () => {
  it('are named by environment variable, and read only when used', () => {
    const references = secretReferences(load(NAMED).scenario);
    expect(references).toEqual([
      { key: 'broker.credentials.keyId', variable: 'KEY' },
      { key: 'broker.credentials.secretKey', variable: 'SECRET' },
    ]);
    expect(readSecret(references[1]!, { SECRET: PLANTED })).toBe(PLANTED);
  });

  it.each([
    ['not set', {}],
    ['empty', { KEY: '' }],
  ])('that are %s are named with their variable', (state, environment) => {
    const [key] = secretReferences(load(NAMED).scenario);
    expect(() => readSecret(key!, environment)).toThrow(
      `broker.credentials.keyId: the environment variable KEY is ${state}; set it to the secret`,
    );
  });

  it('are in no settings, so that they change no identity, and are shown as references', () => {
    const loaded = load(NAMED);
    expect(loaded.settings).toEqual(load(MINIMAL).settings);
    expect(showScenario(loaded, newFolder())).toContain(reference('SECRET'));
    expect(effectiveScenario(loaded, '.').broker).toMatchObject({ credentials: { keyId: reference('KEY') } });
  });

  it('written out are refused without being quoted, in a file as in an option', () => {
    const inFile = failure(`${MINIMAL}broker: { credentials: { secretKey: ${PLANTED} } }\n`);
    expect(inFile.message).toBe(
      `s.yaml:3:37: broker.credentials.secretKey: expected the environment variable or the file (absolute, or from ~/) that holds it, as ${reference('BROKER_SECRET_KEY')} or $${'{file:~/.sametape/broker_secret_key}'}, found a value that is not shown`,
    );
    for (const set of [
      `broker.credentials.secretKey=${PLANTED}`,
      `broker={credentials: {secretKey: ${PLANTED}}}`,
      `broker.credentials.secretKey=[${PLANTED}`,
      `broker.credentials.secretkey=${PLANTED}`,
      `broker.credentials=${PLANTED}`,
      `credentials.secretKey=${PLANTED}`,
      `broker.credentials.secretKey:${PLANTED}`,
      `broker.credentials.secretKey=*${PLANTED}`,
      `broker.keyId=${PLANTED}`,
      `broker.pass=${PLANTED}`,
      `broker.sekret=${PLANTED}`,
      `broker={sekret: ${PLANTED}}`,
      `brokr.key=${PLANTED}`,
      `brokr.key=${PLANTED} secret`,
      `broker.keyId ${PLANTED}`,
      `broker.keyId ${PLANTED}=1`,
      `broker.credentials.${PLANTED}=1`,
      `broker.credentials={${PLANTED}: 1}`,
      `broker={credentials: {${PLANTED}: 1}}`,
    ]) {
      const { message } = failure(MINIMAL, [set]);
      expect(message).not.toContain(PLANTED);
      expect(message).toMatch(/^--set (broke?r|credentials)/);
    }
    const keyInFile = failure(`${MINIMAL}broker: { credentials: { ${PLANTED}: 1 } }\n`);
    expect(keyInFile.message).toBe(
      's.yaml:3:26: unknown key that is not shown in broker.credentials; its keys are keyId, secretKey',
    );
  });

  it('have a word in every key by which options hide them', () => {
    expect(secretKeys().length).toBeGreaterThan(0);
    for (const key of secretKeys()) expect(withoutSecrets(`${key}=${PLANTED}`)).toBe(`${key}...`);
    expect(withoutSecrets('sizing.band=0.01')).toBe('sizing.band=0.01');
    expect(withoutSecrets('sizing.bamd=0.01')).toBe('sizing.bamd=...');
    expect(withoutSecrets('blending.temperature.5m=2')).toBe('blending.temperature.5m=2');
    expect(withoutSecrets('broker.fee.bps=2')).toBe('broker.fee.bps=2');
  });
});

describe('secrets in files', () => {
  const inFile = (path: string): string =>
    `${MINIMAL}broker: { credentials: { keyId: "$${`{file:${path}}`}", secretKey: "${reference('SECRET')}" } }\n`;
  const read = (path: string): string => readSecret(secretReferences(load(inFile(path)).scenario)[0]!, {});

  function secretFile(text: string | Buffer, mode = 0o600): string {
    const path = join(newFolder(), 'key');
    writeFileSync(path, text, { mode });
    chmodSync(path, mode);
    return path;
  }

  it('are read when they are used, without the end of their line, and hidden from then on', () => {
    for (const text of [PLANTED, `${PLANTED}\n`, `${PLANTED}\r\n`])
      expect(read(secretFile(text))).toBe(PLANTED);
    expect(read(secretFile(PLANTED, 0o400))).toBe(PLANTED);
    expect(withoutSecretValues(`GET /?key=${PLANTED} failed`)).toBe('GET /?key=[secret] failed');
    const base64 = Buffer.from(PLANTED).toString('base64');
    expect(withoutSecretValues(`Basic ${base64}`)).toBe('Basic [secret]');
  });

  it('are no part of settings, and shown as references', () => {
    const loaded = load(inFile('/etc/keys/id'));
    expect(loaded.settings).toEqual(load(MINIMAL).settings);
    expect(showScenario(loaded, newFolder())).toContain('{file:/etc/keys/id}');
  });

  it.each<[string, () => string, string]>([
    ['that others may read', () => secretFile(PLANTED, 0o640), 'has mode 640, expected 600; run "chmod 600"'],
    ['that others may write', () => secretFile(PLANTED, 0o602), 'has mode 602, expected 600'],
    ['that are programs', () => secretFile(PLANTED, 0o700), 'has mode 700, expected 600'],
    ['that are empty', () => secretFile('\n'), 'is empty'],
    ['of several lines', () => secretFile(`${PLANTED}\n${PLANTED}\n`), 'holds more than one line of text'],
    [
      'that are no text',
      () => secretFile(Buffer.from([0x70, 0xff, 0xfe])),
      'holds more than one line of text',
    ],
    [
      'that are too large',
      () => secretFile(PLANTED.repeat(1000)),
      'holds 13000 bytes, expected at most 4096',
    ],
    ['that are folders', () => newFolder(), 'is not a regular file'],
    ['that are missing', () => join(newFolder(), 'none'), 'does not exist'],
    [
      'behind a symbolic link',
      () => {
        const link = join(newFolder(), 'link');
        symlinkSync(secretFile(PLANTED), link);
        return link;
      },
      'is a symbolic link; name the file itself',
    ],
    [
      'that are pipes',
      () => {
        const pipe = join(newFolder(), 'pipe');
        execFileSync('/bin/sh', ['-c', 'mkfifo -m 600 "$0"', pipe]);
        return pipe;
      },
      'is not a regular file',
    ],
  ])('%s are refused, saying how to fix it and nothing of what they hold', (_, make, problem) => {
    const path = make();
    let message = '';
    try {
      read(path);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(`broker.credentials.keyId: the file ${path} ${problem}`.slice(0, 400));
    expect(message).not.toContain(PLANTED);
  });

  it.each(['relative/key', '../key', 'key', ''])('named as %j are refused: where would they be?', (path) => {
    expect(failure(inFile(path)).message).toContain('or the file (absolute, or from ~/)');
  });

  it('anywhere else are refused with their place', () => {
    expect(problems(`name: a\ndata: { dataset: "$${'{file:/data}'}" }\n`)[0]).toContain(
      's.yaml:2:18: data.dataset: $' + '{file:PATH} is accepted in secrets only',
    );
  });
});

describe('environment references anywhere else', () => {
  const refused =
    'is accepted in secrets only (broker.credentials.keyId, broker.credentials.secretKey, alerts.webhook.url, alerts.webhook.token)';

  it.each([
    [`${MINIMAL}description: "at ${reference('HOME')}"\n`, 's.yaml:3:14: description: '],
    [`name: a\ndata: { dataset: "${reference('DATA')}" }\n`, 's.yaml:2:18: data.dataset: '],
    [
      `name: a\ndata: { dataset: x, symbols: [SPY, "${reference('S')}"] }\n`,
      's.yaml:2:36: data.symbols[1]: ',
    ],
    [`${MINIMAL}extends: "${reference('BASE')}"\n`, 's.yaml:3:10: extends: '],
    [`${MINIMAL}seed: "${reference('SEED')}"\n`, 's.yaml:3:7: seed: '],
  ])('are refused with their place: %j', (text, place) => {
    expect(problems(text)).toEqual([`${place}${reference('NAME')} ${refused}; write the value out`]);
  });

  it('are refused in an option and where a higher layer covers them', () => {
    expect(failure(MINIMAL, [`description="${reference('X')}"`]).message).toContain(refused);
  });
});
