import { z } from 'zod';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import { type Horizon, parseHorizon } from '../domain/horizon.ts';
import type { ModelKind } from '../events/layout.ts';
import { parseArtifactJson } from './model-meta.ts';

/** What a target's name says: what its models forecast, and over which horizon. */
export interface TargetSpec {
  /** `barriers`: one model gives the probabilities of a peak and of a valley. */
  readonly kind: ModelKind | 'barriers';
  readonly horizon: Horizon;
}

export const TARGET_PATTERNS =
  '<prefix_>ret_<horizon>, will_peak_<horizon>, will_valley_<horizon> or will_peak_valley_<horizon> (y_ in front allowed)';

const RETURN_TARGET = /(?:^|_)ret_([1-9][0-9]{0,3}[mhd])$/;
/** A barrier may carry its level after the horizon, as in `y_will_peak_60m_0.8`. */
const BARRIER_TARGET = /^(?:y_)?will_(peak_valley|peak|valley)_([1-9][0-9]{0,3}[mhd])(?:_[0-9.]+)?$/;

/** @returns undefined for a name that follows none of {@link TARGET_PATTERNS} */
export function parseTarget(name: string): TargetSpec | undefined {
  const barrier = BARRIER_TARGET.exec(name);
  if (barrier !== null) {
    const kind = barrier[1] === 'peak' || barrier[1] === 'valley' ? barrier[1] : 'barriers';
    return { kind, horizon: parseHorizon(barrier[2]!) };
  }
  const label = RETURN_TARGET.exec(name)?.[1];
  return label === undefined ? undefined : { kind: 'return', horizon: parseHorizon(label) };
}

const BLOCKED = 'BLOCKED';

/**
 * `routing_decision.json` inside a view folder. `route` names the view that serves the target, or is `BLOCKED`: this
 * view must not be used. `families` limits which families of the view are used.
 */
const routingSchema = z.object({
  route: z.string().min(1).max(64),
  families: z.array(z.string().min(1).max(64)).min(1).max(256).optional(),
});

export interface RoutingDecision {
  readonly route: string;
  readonly families?: readonly string[];
}

/** @throws InputError ROUTING_INVALID naming file and field */
export function parseRoutingDecision(text: string, file: string): RoutingDecision {
  const { route, families } = parseArtifactJson(text, file, routingSchema, 'ROUTING_INVALID');
  return families === undefined ? { route } : { route, families };
}

/** One view of a target: its families and, where training left one, its routing decision. */
export interface ViewRoute {
  readonly view: string;
  readonly families: readonly string[];
  readonly decision?: RoutingDecision;
}

/** The view that serves a target, with the families to use; undefined when every view is blocked. */
export interface ChosenView {
  readonly view: string;
  readonly families: readonly string[];
}

export function isOpenView({ decision }: ViewRoute): boolean {
  return decision?.route !== BLOCKED;
}

/**
 * Picks the one view of a target: the first of `wanted` that it has, where a scenario names views; else the view its routing decisions name, otherwise the only view, otherwise the first
 * in code-unit order. Blocked views are never picked.
 * @throws InputError ROUTING_INVALID when decisions contradict each other or name a view or family that does not exist
 */
export function chooseView(
  target: string,
  views: readonly ViewRoute[],
  wanted?: readonly string[],
): ChosenView | undefined {
  const open = views.filter(isOpenView).toSorted((a, b) => compareCodeUnits(a.view, b.view));
  if (wanted !== undefined) {
    const name = wanted.find((view) => open.some((route) => route.view === view));
    const found = open.find(({ view }) => view === name);
    return found === undefined ? undefined : { view: found.view, families: chosenFamilies(target, found) };
  }
  const named = [
    ...new Set(open.flatMap((view) => (view.decision === undefined ? [] : [view.decision.route]))),
  ];
  if (named.length > 1) {
    throw new InputError(
      'ROUTING_INVALID',
      `target ${target}: routing decisions name several views (${named.join(', ')}), expected one`,
    );
  }
  const chosen = named.length === 0 ? open[0] : open.find((view) => view.view === named[0]);
  if (chosen === undefined) {
    if (named.length === 0) return undefined;
    const found = views.map((view) => view.view).join(', ');
    throw new InputError(
      'ROUTING_INVALID',
      `target ${target}: routing_decision.json routes to view "${named[0]}", expected one that is there and not blocked: ${found}`,
    );
  }
  return { view: chosen.view, families: chosenFamilies(target, chosen) };
}

function chosenFamilies(target: string, view: ViewRoute): readonly string[] {
  const wanted = view.decision?.families;
  if (wanted === undefined) return view.families;
  for (const family of wanted) {
    if (!view.families.includes(family)) {
      throw new InputError(
        'ROUTING_INVALID',
        `target ${target}: view ${view.view}/routing_decision.json names family "${family}", found ${view.families.join(', ')}`,
      );
    }
  }
  return view.families.filter((family) => wanted.includes(family));
}
