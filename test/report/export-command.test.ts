import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registerExportCommand } from '../../src/cli/export.ts';
import { encodeDerived, encodeInput } from '../../src/events/encode.ts';
import { createFileTape } from '../../src/tape/file-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sametape-export-command-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const T0 = 1_709_562_600_000_000;

function writeRun(runDir: string): void {
  const { tapeDir } = runFolderAt(runDir);
  mkdirSync(tapeDir, { recursive: true });
  const tape = createFileTape({ dir: tapeDir, durable: false });
  const order = {
    clientOrderId: 'a',
    symbol: 'AAA',
    side: 'buy',
    type: 'market',
    timeInForce: 'day',
    quantity: 10,
    purpose: 'open',
  } as const;
  const execution = {
    executionId: 'x1',
    clientOrderId: 'a',
    symbol: 'AAA',
    side: 'buy',
    quantity: 10,
    priceE4: 1_234_567,
    feeMicros: 5,
    tradeTimeUs: T0,
  } as const;
  const records = [
    encodeInput({ type: 'RunStarted', tUs: T0, identity: {} }),
    encodeDerived({ type: 'OrderIntended', order, cycle: 1, reason: 'score_best' }),
    encodeInput({ type: 'OrderFilled', tUs: T0, execution }),
    encodeInput({ type: 'RunStopped', tUs: T0, reason: 'completed' }),
  ];
  for (const record of records) tape.append({ seq: tape.nextSeq, t: T0, ...record });
  tape.close();
}

describe('sametape export', () => {
  it('reads the tape of a run and writes Parquet files another tool reads', async () => {
    const runDir = join(dir, 'run');
    const outDir = join(dir, 'out');
    writeRun(runDir);
    const program = new Command();
    registerExportCommand(program);
    await program.parseAsync(['export', runDir, '--out', outDir], { from: 'user' });
    const [fill] = await parquetReadObjects({
      file: await asyncBufferFromFile(join(outDir, 'fills.parquet')),
    });
    expect(fill).toMatchObject({ symbol: 'AAA', quantity: 10n, price_usd: 123.4567, fee_usd: 0.000005 });
    const [order] = await parquetReadObjects({
      file: await asyncBufferFromFile(join(outDir, 'orders.parquet')),
    });
    expect(order).toMatchObject({ status: 'filled', reason: 'score_best', cycle: 1n });
  });

  it('a folder without a run is an input error', async () => {
    const program = new Command();
    registerExportCommand(program);
    const parsed = program.parseAsync(['export', dir, '--out', join(dir, 'out')], { from: 'user' });
    await expect(parsed).rejects.toMatchObject({ code: 'RUN_NOT_FOUND', exitCode: 2 });
  });
});
