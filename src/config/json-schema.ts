import { z } from 'zod';
import { scenarioSchema } from './schema.ts';

/** The parts of a JSON Schema node that messages and completion use. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | false;
  readonly propertyNames?: SchemaNode;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  /** A word or a list: shapes that no key tells apart. */
  readonly anyOf?: readonly SchemaNode[];
  readonly enum?: readonly (string | number)[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly examples?: readonly string[];
  /** The value is a secret: given as `${env:NAME}`, never shown. */
  readonly secret?: boolean;
}

let cached: SchemaNode | undefined;

/** JSON Schema (draft 2020-12) of scenario files as people write them: what editors complete from. */
export function scenarioJsonSchema(): SchemaNode {
  cached ??= { title: 'sametape scenario', ...z.toJSONSchema(scenarioSchema, { io: 'input' }) } as SchemaNode;
  return cached;
}

/** The schema as committed in `scenarios/scenario.schema.json`. */
export function scenarioJsonSchemaText(): string {
  return `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`;
}
