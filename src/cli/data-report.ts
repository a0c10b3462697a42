import { type BadRow, totalBadRows } from '../data/bad-rows.ts';
import type { ImportReport } from '../data/import-types.ts';
import type { DatasetInspection } from '../data/inspect.ts';
import { BAD_ROW_KINDS, type DatasetManifest, REJECTED_FILE } from '../data/manifest.ts';
import { DAILY_BAR_SECONDS } from '../data/market-columns.ts';
import { formatNumber, renderTable } from './terminal.ts';

const PLAIN = [{ title: '' }, { title: '' }] as const;
const SHOWN_NAMES = 12;
const SHOWN_SESSIONS = 20;

/** What an import leaves for a person to read. */
export function importText(report: ImportReport): string {
  const { manifest } = report;
  const blocks = [
    datasetBlock(report.dir, manifest),
    renderTable(PLAIN, [
      ['rows read', formatNumber(report.rowsRead)],
      ['not asked for', formatNumber(report.rowsFiltered)],
      ['rejected', `${formatNumber(report.rowsRejected)}${badRowsSuffix(manifest)}`],
      ...roundedRow(report),
      ...(report.columnsLeftOut.length === 0 ? [] : [['columns left out', shorten(report.columnsLeftOut)]]),
      ...(report.filesLeftOut.length === 0 ? [] : [['files left out', shorten(report.filesLeftOut)]]),
      ...(report.sessionsLeftOut.length === 0
        ? []
        : [['sessions left out', `${shorten(report.sessionsLeftOut)}: not ended on the tape`]]),
      ...(report.actionsLeftOut === 0
        ? []
        : [
            [
              'actions left out',
              `${formatNumber(report.actionsLeftOut)}: of other symbols or days, or before the first price`,
            ],
          ]),
    ]),
  ];
  if (report.rejected.length > 0) {
    blocks.push(
      `First rejected rows of each kind (all in ${report.dir}/${REJECTED_FILE}):\n${badRowTable(report.rejected)}`,
    );
  }
  return `${blocks.join('\n\n')}\n`;
}

export function synthText(dir: string, manifest: DatasetManifest): string {
  return `${datasetBlock(dir, manifest)}\n`;
}

/** The whole of `data inspect`. */
export function inspectionText(inspection: DatasetInspection): string {
  const { dir, manifest, symbols, missingSessions, mismatches } = inspection;
  const blocks = [
    datasetBlock(dir, manifest),
    provenanceBlock(manifest),
    symbolTable(symbols),
    ...actionTable(manifest),
    sessionTable(manifest),
    ...(missingSessions.length === 0 ? [] : [`Exchange sessions without data: ${shorten(missingSessions)}`]),
    ...mismatches.map(
      ({ file, expectedSha256, foundSha256 }) =>
        `CHANGED  ${file}: sha256 ${foundSha256}, manifest ${expectedSha256}`,
    ),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function datasetBlock(dir: string, manifest: DatasetManifest): string {
  const bytes = manifest.sessions.reduce((sum, session) => sum + session.bytes, 0);
  return renderTable(PLAIN, [
    ['dataset', dir],
    ['sha256', manifest.sha256],
    ['bars', manifest.barSeconds === DAILY_BAR_SECONDS ? 'daily' : `${manifest.barSeconds} s`],
    ['sessions', `${manifest.sessions.length}, ${manifest.firstSession} to ${manifest.lastSession}`],
    ['symbols', `${manifest.symbols.length}: ${shorten(manifest.symbols)}`],
    ['rows', formatNumber(manifest.rows)],
    ['actions', actionCounts(manifest)],
    ['size', `${formatNumber(bytes / 1024, 0)} KiB`],
  ]);
}

function actionCounts({ actions = [] }: DatasetManifest): string {
  if (actions.length === 0) return 'none';
  const splits = actions.filter(({ kind }) => kind === 'split').length;
  return `${counted(splits, 'split')}, ${counted(actions.length - splits, 'dividend')}`;
}

function counted(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function provenanceBlock(manifest: DatasetManifest): string {
  const { provenance, policy, badRows, importerVersion } = manifest;
  const options = Object.entries(provenance.options).map(([name, value]) => `${name}=${String(value)}`);
  const files = provenance.files.map(({ file }) => file);
  return renderTable(PLAIN, [
    ['source', `${provenance.source}, importer version ${importerVersion}`],
    ['options', options.join(' ') || 'none'],
    ['files', files.length === 0 ? 'none' : `${files.length}: ${shorten(files)}`],
    ['policy', `bad rows ${policy.onBad}, outside session ${policy.outsideSession}`],
    ['left out', `${formatNumber(totalBadRows(badRows))}${badRowsSuffix(manifest)}`],
    ...roundedRow(manifest),
  ]);
}

function roundedRow({ pricesRounded = 0 }: Pick<DatasetManifest, 'pricesRounded'>): string[][] {
  if (pricesRounded === 0) return [];
  const how = 'finer than 1e-4 dollars; bids down, asks up, trades to the nearest';
  return [['prices rounded', `${formatNumber(pricesRounded)}: ${how}`]];
}

function badRowsSuffix({ badRows }: DatasetManifest): string {
  const parts = BAD_ROW_KINDS.filter((kind) => badRows[kind] > 0).map(
    (kind) => `${formatNumber(badRows[kind])} ${kind}`,
  );
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

function badRowTable(rows: readonly BadRow[]): string {
  return renderTable(
    [{ title: 'kind' }, { title: 'file' }, { title: 'line', align: 'right' }, { title: 'detail' }],
    rows.map(({ kind, file, line, detail }) => [kind, file, String(line), detail]),
  );
}

function symbolTable(symbols: DatasetInspection['symbols']): string {
  const right = (title: string, isExtra = false) => ({ title, align: 'right', isExtra }) as const;
  return renderTable(
    [
      { title: 'symbol' },
      right('sessions', true),
      right('rows'),
      right('quotes', true),
      right('trades', true),
      right('halted', true),
      right('volume'),
      right('spread bps', true),
      right('first $', true),
      right('last $'),
    ],
    symbols.map((each) => [
      each.symbol,
      formatNumber(each.sessions),
      formatNumber(each.rows),
      formatNumber(each.quotes),
      formatNumber(each.trades),
      formatNumber(each.halted),
      formatNumber(each.volume),
      each.meanSpreadBps === undefined ? '-' : formatNumber(each.meanSpreadBps, 2),
      dollars(each.firstPriceE4),
      dollars(each.lastPriceE4),
    ]),
  );
}

function dollars(priceE4: number | undefined): string {
  return priceE4 === undefined ? '-' : formatNumber(priceE4 / 1e4, 2);
}

function sessionTable({ sessions }: DatasetManifest): string {
  const shown = sessions.slice(0, SHOWN_SESSIONS);
  const table = renderTable(
    [{ title: 'session' }, { title: 'rows', align: 'right' }, { title: '' }, { title: 'sha256' }],
    shown.map(({ date, rows, isHalfDay, sha256 }) => [
      date,
      formatNumber(rows),
      isHalfDay ? 'half day' : '',
      sha256.slice(0, 16),
    ]),
  );
  return sessions.length === shown.length ? table : `${table}\n… and ${sessions.length - shown.length} more`;
}

/** Splits and dividends, where there are any. */
function actionTable({ actions = [] }: DatasetManifest): string[] {
  if (actions.length === 0) return [];
  const shown = actions.slice(0, SHOWN_SESSIONS);
  const table = renderTable(
    [
      { title: 'ex-date' },
      { title: 'symbol' },
      { title: 'action' },
      { title: 'per share', align: 'right' },
      { title: 'price before $', align: 'right' },
    ],
    shown.map((action) => [
      action.exDate,
      action.symbol,
      action.kind,
      action.kind === 'split'
        ? `${action.newShares} for ${action.oldShares}`
        : `$ ${formatNumber(action.cashMicros / 1e6, 3)}`,
      dollars(action.referencePriceE4),
    ]),
  );
  return [actions.length === shown.length ? table : `${table}\n… and ${actions.length - shown.length} more`];
}

function shorten(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES).join(' ');
  return names.length > SHOWN_NAMES ? `${shown} … ${names[names.length - 1]}` : shown;
}
