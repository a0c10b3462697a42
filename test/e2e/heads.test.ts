import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  goldenPredictions,
  projectRoot,
  quickstart,
  type RunJson,
  run,
  succeeds,
  useTempFolder,
} from './as-user.ts';
import { nodeOfMajor } from './node-binaries.ts';

const temp = useTempFolder();
const golden = JSON.parse(readFileSync(join(projectRoot, 'golden/quickstart.json'), 'utf8')) as {
  readonly decisionHead: string;
};

const VERSIONS = await Promise.all(
  [20, 22, 24].map(async (major) => ({ major, ...(await nodeOfMajor(major)) })),
);
for (const { missing } of VERSIONS) if (missing !== undefined) console.log(`skipped: ${missing}`);

/** What two runs that are the same share. Time and place are not of it. */
function outcome({ runDir: _, wallSeconds: __, cyclesPerSecond: ___, ...facts }: RunJson): object {
  return facts;
}

describe.concurrent('the same scenario in fresh processes', () => {
  let here: RunJson;

  beforeAll(async () => {
    here = await run(['scenarios/quickstart.yaml', '--out', temp('here')], {
      env: { TZ: 'America/St_Johns', LANG: 'en_US.UTF-8', LC_ALL: 'en_US.UTF-8' },
    });
  });

  it('gives the same heads with another time zone, language and working directory', async () => {
    const there = await run([quickstart, '--out', 'there'], {
      cwd: temp(),
      env: { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', LC_NUMERIC: 'de_DE.UTF-8' },
    });
    expect(outcome(there)).toEqual(outcome(here));
    expect(there.runDir).not.toBe(here.runDir);
  });

  it.for(VERSIONS)('replays to the same heads under Node $major', async (version, test) => {
    if (version.missing !== undefined) test.skip(version.missing);
    const { node = process.execPath } = version;
    const replay = JSON.parse(await succeeds(['replay', here.runDir, '--json'], { node }));
    expect(replay).toMatchObject({ ok: true, chainHead: here.chainHead, decisionHead: here.decisionHead });
  });
});

describe.concurrent('a run on the recorded predictions', () => {
  const recorded = new Map<number, RunJson>();

  beforeAll(async () => {
    const runs = VERSIONS.map(async ({ major, node }) => {
      if (node === undefined) return;
      const out = temp(`recorded-${major}`);
      recorded.set(
        major,
        await run([quickstart, '--predictions', goldenPredictions, '--out', out], { node }),
      );
    });
    await Promise.all(runs);
  });

  it.for(VERSIONS)('has the golden decision head under Node $major', ({ major, missing }, test) => {
    if (missing !== undefined) test.skip(missing);
    const { decisionHead, runDir } = recorded.get(major) as RunJson;
    expect(decisionHead).toBe(golden.decisionHead);
    const host = JSON.parse(readFileSync(join(runDir, 'host.json'), 'utf8'));
    expect(host.node).toMatch(new RegExp(`^v${major}\\.`));
  });

  it('has one chain head under all of them', () => {
    expect(recorded.size).toBeGreaterThan(0);
    expect(new Set([...recorded.values()].map(({ chainHead }) => chainHead)).size).toBe(1);
  });
});
