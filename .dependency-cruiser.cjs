// Import directions of src/, one line a folder: what it may import besides itself. See ARCHITECTURE.
const CORE = ['events', 'domain', 'math'];
const ENGINE = ['engine', 'pipeline', 'learning', 'exchange', ...CORE];
const ADAPTER = ['ports', 'files', 'net', ...CORE];
const ADAPTERS = ['tape', 'data', 'sources', 'models', 'brokers', 'observability'];

const MAY_IMPORT = {
  domain: [],
  math: [],
  files: [],
  net: ['ports', 'domain'],
  config: ['domain', 'files'],
  events: ['domain', 'math'],
  learning: ['domain', 'math'],
  ports: CORE,
  exchange: CORE,
  pipeline: ['learning', ...CORE],
  engine: ENGINE,
  tape: ADAPTER,
  data: ADAPTER,
  sources: ['data', ...ADAPTER],
  models: ADAPTER,
  brokers: ['exchange', ...ADAPTER],
  observability: ADAPTER,
  runtime: ['ports', ...ENGINE],
  report: ['ports', 'files', ...ENGINE],
  modes: ['runtime', 'config', 'report', 'ports', 'files', 'net', ...ADAPTERS, ...ENGINE],
  research: ['modes', 'runtime', 'config', 'report', 'ports', 'files', 'net', ...ADAPTERS, ...ENGINE],
};

const PURE_ZONE = ['domain', 'math', 'events', 'learning', 'pipeline', 'exchange', 'engine'];

const directions = Object.entries(MAY_IMPORT).map(([folder, others]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import ${others.length === 0 ? 'nothing of ours' : others.join(', ')}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...others].join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...directions,
    {
      name: 'known-folders',
      comment: 'a new folder of src needs a line in the table of import directions',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${[...Object.keys(MAY_IMPORT), 'cli'].join('|')})/` },
      to: {},
    },
    {
      name: 'no-cycles',
      comment: 'imports point one way',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'pure-zone-no-node',
      comment: 'the pure zone has no I/O, no clock, no process',
      severity: 'error',
      from: { path: `^src/(${PURE_ZONE.join('|')})/` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-zone-npm',
      comment: 'the pure zone takes npm packages for arithmetic only',
      severity: 'error',
      from: { path: `^src/(${PURE_ZONE.join('|')})/` },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg'],
        pathNot: 'node_modules/(@stdlib/math-base-special-[a-z0-9]+|ml-matrix|seedrandom|@types/seedrandom)/',
      },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'src runs with --omit=dev',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: 'node_modules/@types/',
      },
    },
    {
      name: 'resolvable',
      comment: 'every import resolves to something that is declared',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'src-without-tests',
      comment: 'src never imports tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
    },
  },
};
