import { relative, resolve } from 'node:path';
import { Document, isMap, isPair, isScalar, visit } from 'yaml';
import { type ConfigPath, formatOrigin } from './config-tree.ts';
import type { LoadedScenario } from './load-scenario.ts';

/**
 * A scenario with every default filled in, as text that is itself a scenario file. Values that were written
 * somewhere carry a comment that says where.
 * @param folder where the text will stand: paths in it are relative to this
 */
export function showScenario(loaded: LoadedScenario, folder: string): string {
  const document = new Document(effectiveScenario(loaded, folder));
  annotate(document, loaded);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/**
 * The keys of a scenario with every default filled in, in human units. Secrets stay references.
 * @param folder what paths are relative to
 */
export function effectiveScenario(
  { scenario, settings, resolvedPaths }: LoadedScenario,
  folder: string,
): Readonly<Record<string, unknown>> {
  const from = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : relative(resolve(folder), path) || '.';
  const { extends: _merged, ...values } = scenario;
  const isDiscovering = values.horizons === 'discover';
  return {
    ...values,
    data: { ...values.data, dataset: from(resolvedPaths.datasetDir), symbols: settings.symbols },
    models: {
      ...values.models,
      runRoot: from(resolvedPaths.runRootDir),
      predictions: from(resolvedPaths.predictionsFile),
    },
    warmStart: from(resolvedPaths.warmStartDir),
    horizons: isDiscovering ? values.horizons : settings.horizons.map((horizon) => horizon.label),
    prediction: {
      ...values.prediction,
      standardizeWindowCycles: settings.engine.prediction.standardizeWindow,
      freshnessTauSeconds: isDiscovering
        ? values.prediction.freshnessTauSeconds
        : settings.engine.prediction.freshnessTauSeconds,
    },
    blending: {
      ...values.blending,
      temperature: isDiscovering ? values.blending.temperature : settings.engine.blending.temperature,
    },
    learning: { ...values.learning, warmStart: from(resolvedPaths.learningStartFile) },
  };
}

function annotate(document: Document, { originOf }: LoadedScenario): void {
  visit(document, {
    Seq: (_, node) => {
      node.flow = true;
    },
    Pair: (_, pair, ancestors) => {
      const { value } = pair;
      if (!isScalar(value) && !(isMap(value) === false && value !== null)) return;
      const path: ConfigPath = [
        ...ancestors.flatMap((node) => (isPair(node) && isScalar(node.key) ? [String(node.key.value)] : [])),
        ...(isScalar(pair.key) ? [String(pair.key.value)] : []),
      ];
      const origin = originOf(path);
      if (origin !== undefined) (value as { comment?: string }).comment = ` ${formatOrigin(origin)}`;
    },
  });
}
