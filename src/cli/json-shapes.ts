import { RESEARCH_SHAPES } from './json-shapes-research.ts';

/** What a key holds, by its path: `[]` stands for each row, `*` for any name, `?` ends one that may be absent or null. */
export type JsonShape = Readonly<Record<string, string>>;

const RUN: JsonShape = {
  runId: 'SHA-256 of all that decides the run',
  runDir: 'folder of the run',
  chainHead: 'SHA-256 of the last record of its tape',
  decisionHead: 'SHA-256 over its decisions and fills',
  cycles: 'number',
  'decisions.*': 'number of each kind: TRADE, HOLD, BLOCKED, EXIT',
  orders: 'number',
  fills: 'number',
  finalEquity: 'dollars',
  maxDrawdown: 'fraction of the highest equity',
  wallSeconds: 'seconds',
  cyclesPerSecond: 'number',
};

const IDENTIFIED: JsonShape = {
  dir: 'folder of the dataset',
  sha256: 'its identity',
  'symbols[]': 'names',
  sessions: 'number',
  rows: 'number',
};

/**
 * The objects that `--json` prints, by command: what `sametape help json` shows. A key without keys below it may hold
 * more, which is not promised.
 */
export const JSON_SHAPES: Readonly<Record<string, JsonShape>> = {
  'run, paper, live': RUN,
  runs: {
    'runs[].name': 'name of the folder',
    'runs[].state': 'ended, running, partial or unreadable',
    'runs[].problem?': 'why it is unreadable, or has no result',
    'runs[].madeAt?': 'time by the clock of its host, ISO 8601',
    'runs[].runId?': 'SHA-256 of all that decides the run',
    'runs[].scenario?': 'its name',
    'runs[].mode?': 'backtest, paper or live',
    'runs[].firstSession?': 'date',
    'runs[].lastSession?': 'date',
    'runs[].forkOf?': 'runId and cycle it was forked at',
    'runs[].decisionHead?':
      'SHA-256 over its decisions and fills, as its summary says, like all that follows',
    'runs[].cycles?': 'number',
    'runs[].fills?': 'number',
    'runs[].pnl?': 'dollars',
    'runs[].totalReturn?': 'fraction',
    'runs[].sharpe?': 'annualised',
    'runs[].maxDrawdown?': 'fraction of the highest equity',
  },
  replay: {
    ok: 'whether every record came out as recorded',
    records: 'number compared',
    cycles: 'number',
    chainHead: 'SHA-256',
    decisionHead: 'SHA-256',
    'divergence?': 'the first difference: seq, tUs, cycle, stage, expected, found',
    'datasetChanges[]?': 'files that are not those of the run: file, expectedSha256, foundSha256',
  },
  'explain, of one decision': {
    cycle: 'number, from 1',
    tUs: 'time it was due, microseconds since 1970 UTC',
    symbol: 'name',
    decision: 'kind, reason and the other keys of a decision in a list',
    'sections[].stage': 'name',
    'sections[].values[]?': 'name, value (null where nothing was measured), unit',
    'sections[].rows[]?': 'one for each model, horizon or check: label, values',
  },
  'explain, a list': {
    'decisions[].cycle': 'number, from 1',
    'decisions[].tUs': 'time it was due, microseconds since 1970 UTC',
    'decisions[].symbol': 'name',
    'decisions[].kind': 'TRADE, HOLD, BLOCKED or EXIT',
    'decisions[].reason': 'code',
    'decisions[].exitReason?': 'reason of an exit that risk refused or cut',
    'decisions[].horizon?': 'label',
    'decisions[].side?': 'long or short',
    'decisions[].targetShares?': 'shares',
    'decisions[].targetWeight?': 'fraction of equity',
    'decisions[].value?': 'what the reason was measured at',
    'decisions[].limit?': 'what it was held against',
  },
  ...RESEARCH_SHAPES,
  verify: {
    ok: 'whether the tape is what was written',
    runDir: 'folder of the run',
    records: 'number',
    segments: 'number of files',
    chainHead: 'SHA-256',
    decisionHead: 'SHA-256',
    closed: 'whether the run ended in order',
    'fault?': 'what is wrong: code, problem, file, line, seq, byteOffset, expected, found',
  },
  'any command, of a damaged tape': {
    ok: 'false',
    fault: 'what is wrong, as verify says it',
  },
  recover: {
    records: 'number of whole records found',
    tornBytes: 'number',
    'savedAs?': 'file that holds them',
    appended: 'number of records recomputed',
    isClosed: 'whether the run had ended in order',
  },
  'ctl, status': {
    ok: 'true',
    status: 'what the engine says of itself; read by name, new ones may come',
  },
  'ctl, other commands': {
    ok: 'true',
    'recorded.seq': 'sequence number on the tape',
    'recorded.tUs': 'microseconds since 1970 UTC',
  },
  flatten: {
    isFlat: 'whether nothing is left',
    'cancelled[]?': 'orders that were at work and are no more',
    'closings[]?': 'orders that close: clientOrderId, symbol, side, quantity',
    'left.orders[]?': 'orders at work still',
    'left.positions': 'shares by symbol',
    'troubles[]?': 'what went wrong on the way, in words',
  },
  'golden check': {
    ok: 'whether all of them are as pinned',
    'checks[].scenario': 'name',
    'checks[].ok': 'whether it is as pinned',
    'checks[].decisionHead': 'expected, found',
    'checks[].difference?': 'cycle, stage, and the first decisions that differ: changedCycle, changed',
    'checks[].changedTotals[]?': 'name, expected, found',
    'checks[].changedInputs[]?': 'models or data that are other ones',
    'checks[].inference': 'verdict (same_bits, close, different, not_run), largest, firstCycle',
    'unchecked[]?': 'scenarios that could not be checked: scenarioFile, message',
    'skipped[]?': 'scenario files whose data is not on this machine',
  },
  'audit look-ahead': {
    ok: 'whether the past never moved',
    'cuts[].date': 'session',
    'cuts[].minute': 'of the session',
    'cuts[].recordsBefore': 'number compared',
    'cuts[].hasChangedFuture': 'whether anything after it moved: if not, it proves nothing',
    'cuts[].leak?': 'the first record that moved: seq, tUs, cycle, stage, expected, found',
  },
  promote: {
    format: 'of the certificate',
    scenario: 'name',
    facts: 'what was certified: settings, symbols, and SHA-256 of code, models, data and golden file',
    results: 'what the checks came to: golden, lookAhead, parity, dryFire',
    issuedAt: 'ISO 8601',
    sha256: 'of all the rest',
  },
  report: {
    file: 'page that was written',
    bytes: 'its length',
    runId: 'SHA-256 of all that decides the run',
    chainHead: 'SHA-256 of the last record of its tape',
    decisionHead: 'SHA-256 over its decisions and fills',
    cycles: 'number',
    closed: 'whether the run ended in order',
    'comparedWith?': 'id of the run of --compare',
  },
  export: { 'files[].path': 'file', 'files[].rows': 'number' },
  'data import': {
    ...IDENTIFIED,
    firstSession: 'date',
    lastSession: 'date',
    rowsRead: 'number',
    rowsFiltered: 'number left out by --symbols, --from and --to',
    rowsRejected: 'number of bad rows left out',
    'rejected[]?': 'the first of them: kind, file, line, detail',
    pricesRounded: 'number of prices that were finer than 1e-4 dollars',
    'columnsLeftOut[]?': 'columns of CSV and Parquet files that nothing was read from',
    'filesLeftOut[]?': 'files and folders among the data that were not read',
    'sessionsLeftOut[]?': 'of a tape: sessions that had not ended',
    'badRows.*': 'number of each kind',
    actions: 'number of splits and dividends',
    actionsLeftOut: 'number outside symbols and range',
  },
  'data inspect': {
    dir: 'folder of the dataset',
    manifest: 'what its manifest.json holds',
    'missingSessions[]?': 'sessions of the calendar that it lacks',
    'symbols[].symbol': 'name',
    'symbols[].sessions': 'number',
    'symbols[].rows': 'number',
    'symbols[].quotes': 'rows with a quote',
    'symbols[].trades': 'rows with a trade',
    'symbols[].halted': 'rows that are halted',
    'symbols[].volume': 'shares',
    'symbols[].firstPriceE4?': '1e-4 dollars',
    'symbols[].lastPriceE4?': '1e-4 dollars',
    'symbols[].meanSpreadBps?': 'bps',
    'mismatches[]?': 'where files and manifest differ, in words',
  },
  'data synth': IDENTIFIED,
  'models train': {
    outDir: 'run root',
    'sessions[]': 'dates',
    rows: 'number',
    'models[].id': 'target/view/family',
    'models[].bytes': 'number',
    'models[].sha256': 'of the file',
    'models[].metrics':
      'rows_train, rows_validation, and ic_train, ic_validation or auc_train, auc_validation',
  },
  'models inspect': {
    runRoot: 'folder',
    'sha256?': 'its identity',
    'manifest?': 'what its manifest holds',
    'models[].id': 'target/view/family',
    'models[].kind': 'return or barrier',
    'models[].horizon': 'label',
    'models[].used': 'whether runs use it, unless a scenario chooses otherwise',
    'models[].sha256': 'of the file',
    'models[].checksumMatches': 'whether that is the one its metadata names',
    'models[].bytes': 'number',
    'models[].features[]': 'names',
    'models[].intervalMinutes': 'minutes of a bar',
    'models[].sequenceLength?': 'bars of a sequence model',
    'models[].crossSectionalRanking': 'whether outputs are ranked over the universe',
    'models[].metrics?': 'as in models train',
    'warnings[]?': 'in words',
  },
  'config show': {
    name: 'of the scenario',
    'from?': 'first session',
    'to?': 'last session',
    'horizons[]?': 'label, minutes, sessions',
    engine: 'settings in units of the engine, as the identity of a run has them',
  },
  'config diff': {
    same: 'whether no setting differs',
    'differences[].key': 'key of a scenario',
    'differences[].a': 'value and from (where it was written)',
    'differences[].b': 'value and from',
  },
};

const INTRODUCTION = `With --json a command prints one JSON object on one line, and nothing else, to standard output; messages
go to standard error. Exit code 0 or 1: the object is there, but where a command stops at the first failure (run, paper,
live, fork, explain, recover, promote). Where it stops at a damaged tape, there is one with ok: false and the fault.
Exit codes 2 and 3: there is none. Keys may be added; those below stay.

[] is each row of a list, * any name, ? a key that may be absent, null or empty.
`;

/** The page of `sametape help json`. */
export function jsonHelp(): string {
  const sections = Object.entries(JSON_SHAPES).map(([command, shape]) => {
    const width = Math.max(...Object.keys(shape).map((key) => key.length));
    const lines = Object.entries(shape).map(([key, text]) => `  ${key.padEnd(width)}  ${text}`);
    return `${command}\n${lines.join('\n')}\n`;
  });
  return [INTRODUCTION, ...sections].join('\n');
}
