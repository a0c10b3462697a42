import type { DurationUs } from '../domain/units.ts';
import { createJsonClient, type JsonClientOptions } from './json-client.ts';
import { createJsonService, type JsonService, type JsonServiceOptions } from './json-service.ts';
import { createRequestBudget } from './request-budget.ts';

export interface OpenServiceOptions
  extends Pick<JsonClientOptions, 'baseUrl' | 'headers' | 'maxBodyBytes'>,
    Pick<JsonServiceOptions, 'service' | 'keysAt' | 'codes' | 'clock' | 'random' | 'redact'> {
  readonly settings: {
    readonly requestsPerMinute: number;
    readonly answerUs: DurationUs;
    readonly retryUs: DurationUs;
    readonly maxRetryUs: DurationUs;
  };
  /** How many requests a minute only cancels may use. */
  readonly reservedForCancels: number;
}

/** A service with a client and a budget of its own. */
export function openJsonService(options: OpenServiceOptions): {
  readonly rest: JsonService;
  readonly closeRest: () => void;
} {
  const { settings, reservedForCancels, clock } = options;
  const { requestsPerMinute: perMinute, answerUs: timeoutUs, retryUs, maxRetryUs } = settings;
  const budget = createRequestBudget({ perMinute, reservedForCancels }, clock);
  const client = createJsonClient({ ...options, budget, timeoutUs });
  return {
    rest: createJsonService({ ...options, client, budget, retryUs, maxRetryUs }),
    closeRest: () => {
      budget.close();
      client.close();
    },
  };
}
