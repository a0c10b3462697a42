import { describe, expect, it } from 'vitest';
import { codeSha256 } from '../../src/modes/code-identity.ts';
import { identityJson, parseIdentity } from '../../src/modes/run-identity.ts';
import { expectForkableRun } from '../../src/research/fork-origin.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';

const identity = { ...syntheticRun().identity, codeSha256: codeSha256() };
const mode = { kind: 'paper', nonce: 'n', source: 'dataset', broker: 'simulated' } as const;

describe('a run can be forked', () => {
  it('where it was made over a dataset by this code', () => {
    expect(() => expectForkableRun('runs/a', identity, 5)).not.toThrow();
    expect(() => expectForkableRun('runs/a', { ...identity, mode }, 5)).not.toThrow();
  });

  it('given one that a market or a broker outside answered, it is refused in a line that says what to do', () => {
    for (const outside of [
      { ...mode, source: 'alpaca' },
      { ...mode, broker: 'alpaca' },
    ] as const) {
      expect(() => expectForkableRun('runs/a', { ...identity, mode: outside }, 5)).toThrow(
        expect.objectContaining({
          code: 'FORK_LIVE',
          message: expect.stringMatching(/^runs\/a: .*run its scenario over a dataset and fork that$/),
        }),
      );
    }
  });

  it('given one that other code made, it is refused and both are named', () => {
    const other = { ...identity, codeSha256: '0123456789abcdef' };
    expect(() => expectForkableRun('runs/a', other, 5)).toThrow(
      expect.objectContaining({
        code: 'FORK_OTHER_CODE',
        message: expect.stringContaining(
          `(0123456789ab), this is ${codeSha256().slice(0, 12)}; fork it with`,
        ),
      }),
    );
  });
});

it('given an identity whose forks are none, the tape is refused, not trusted', () => {
  const fork = { runId: 'a', chainHead: 'b', cycle: 5, changes: { 'risk.maxGrossFrac': 0.2 } };
  expect(parseIdentity(identityJson({ ...identity, forks: [fork] })).forks).toEqual([fork]);
  for (const forks of [
    5,
    {},
    [null],
    [[]],
    [{ ...fork, cycle: 1.5 }],
    [{ ...fork, runId: 1 }],
    [{ ...fork, changes: null }],
    [{ ...fork, changes: { 'risk.none.deeper': 1 } }],
  ]) {
    expect(() => parseIdentity({ ...identityJson(identity), forks })).toThrow(
      expect.objectContaining({ code: 'IDENTITY_INVALID' }),
    );
  }
});
