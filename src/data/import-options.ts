import { InputError } from '../domain/errors.ts';
import type { ImportFormat, ImportOptions } from './import-types.ts';

/** Options that only some formats have a use for, by the name the command line gives them. */
const ONLY_FOR: readonly {
  readonly option: keyof ImportOptions;
  readonly flag: string;
  readonly formats: readonly ImportFormat[];
}[] = [
  { option: 'resolution', flag: '--resolution', formats: ['lean'] },
  { option: 'columns', flag: '--columns', formats: ['csv', 'parquet'] },
  { option: 'symbol', flag: '--symbol', formats: ['csv', 'parquet'] },
  { option: 'timeUnit', flag: '--time-unit', formats: ['csv', 'parquet'] },
  { option: 'timeZone', flag: '--time-zone', formats: ['csv', 'parquet'] },
  { option: 'priceUnit', flag: '--price-unit', formats: ['csv', 'parquet'] },
  { option: 'barSeconds', flag: '--bar-seconds', formats: ['csv', 'parquet'] },
  { option: 'delimiter', flag: '--delimiter', formats: ['csv'] },
];

/** What to give instead, where a neighbour of the option is likely meant. */
const INSTEAD: Readonly<Record<string, string>> = {
  symbol: '; to take only some symbols, give --symbols',
  barSeconds: '; LEAN has --resolution',
  resolution: '; the length of a bar is --bar-seconds',
};

/**
 * Refuses an option that the format would not heed: what is asked for and not done would be silent.
 * @throws InputError IMPORT_OPTION
 */
export function checkImportOptions(options: ImportOptions): void {
  const { format, from, to, delimiter } = options;
  for (const { option, flag, formats } of ONLY_FOR) {
    if (options[option] === undefined || formats.includes(format)) continue;
    throw new InputError(
      'IMPORT_OPTION',
      `${flag}: is for ${formats.join(' and ')}, and this import reads ${format}${INSTEAD[option] ?? ''}`,
    );
  }
  if (delimiter !== undefined && [...delimiter].length !== 1) {
    throw new InputError(
      'IMPORT_OPTION',
      `--delimiter ${JSON.stringify(delimiter)}: expected one character, such as ";"`,
    );
  }
  if (from !== undefined && to !== undefined && from > to) {
    throw new InputError('IMPORT_OPTION', `--from ${from} is after --to ${to}: no day is left to take`);
  }
}
