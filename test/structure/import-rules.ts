import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cruise, type ICruiseOptions, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

interface RulesFile extends IFlattenedRuleSet {
  readonly options: ICruiseOptions;
}

export interface ImportReport {
  readonly modules: number;
  readonly problems: readonly string[];
}

/**
 * Checks import directions with dependency-cruiser against the rules in `.dependency-cruiser.cjs`.
 * @param expectedModules how many source files there are: a tool that sees fewer checks nothing, and must not pass
 */
export async function checkImports(root: string, expectedModules: number): Promise<ImportReport> {
  const rules = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as RulesFile;
  const { options, ...ruleSet } = rules;
  const { output } = await cruise(
    ['src'],
    { ...options, ruleSet, validate: true, baseDir: root },
    undefined,
    { tsConfig: extractTSConfig(join(root, 'tsconfig.json')) },
  );
  const result = output as ICruiseResult;
  const modules = result.modules.filter(
    (module) =>
      module.source.startsWith('src/') && module.source.endsWith('.ts') && module.couldNotResolve !== true,
  );
  const problems = result.summary.violations.map(
    (violation) => `${violation.from} -> ${violation.to}: ${violation.rule.name}`,
  );
  if (modules.length < expectedModules) {
    problems.unshift(
      `only ${modules.length} of ${expectedModules} source files were seen; the tool is not reading TypeScript`,
    );
  }
  return { modules: modules.length, problems };
}
