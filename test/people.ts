/** An HTTP side that asks the API's stand-in who may: people with tokens, and what was asked about them. */
import { ApiClient } from '../aggregator/cluster/api-client.ts';
import { reviewAccess } from '../aggregator/cluster/access-review.ts';
import { reviewToken } from '../aggregator/cluster/token-review.ts';
import type { AccessOptions } from '../aggregator/http/access/options.ts';
import type { AccessQuestion } from '../aggregator/model/access.ts';
import { ApiStandIn } from '../cli/demo/api-server/stand-in.ts';
import { inProcessTransport } from './in-process-api.ts';
import { ManualTiming } from './manual-timing.ts';

export interface People {
  readonly api: ApiStandIn;
  readonly access: AccessOptions;
  /** What the API server was asked about access, in order. */
  readonly questions: readonly AccessQuestion[];
  /** Somebody who may `get` these non-resource URLs. @returns a token of theirs. */
  person(name: string, paths: readonly string[]): string;
}

/** A stand-in that knows nobody yet. */
export function people(): People {
  const timing = new ManualTiming();
  const api = new ApiStandIn({ timing });
  const client = new ApiClient(inProcessTransport(api), timing);
  const questions: AccessQuestion[] = [];
  return {
    api,
    questions,
    access: {
      mode: 'kubernetes',
      audience: 'plumbline-http',
      reviewToken: (token, audiences) => reviewToken(client, token, audiences),
      reviewAccess: (question) => {
        questions.push(question);
        return reviewAccess(client, question);
      },
    },
    person: (name, paths) => {
      const token = `token-of-${name}`;
      const groups = ['system:authenticated'];
      api.addToken({ token, username: name, uid: `uid-of-${name}`, groups, extra: {}, audiences: [], pod: null });
      for (const path of paths) api.grant({ user: name, verb: 'get', path });
      return token;
    },
  };
}
