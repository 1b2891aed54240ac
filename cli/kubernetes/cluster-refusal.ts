/** What the API server answered on the way to the aggregator, with what to do about it. */
import { type ApiError, apiErrorText } from '../../aggregator/cluster/api-error.ts';
import type { Refusal } from '../refusal.ts';

/** What a step takes, in the words of `kubectl auth can-i`. */
export interface Step {
  /** `find the aggregator in the namespace plumbline`. */
  readonly attempted: string;
  /** `list pods`; verbs with `and` between them where it takes several. */
  readonly right: string;
  readonly namespace: string;
  /** What to do when the thing that is asked for is not there. */
  readonly onMissing: string;
}

/** Why a step could not be done. */
export function clusterRefusal({ attempted, right, namespace, onMissing }: Step, error: ApiError): Refusal {
  return { attempted, cameBack: apiErrorText(error), advice: adviceFor(error, { right, namespace, onMissing }) };
}

function adviceFor({ status }: ApiError, { right, namespace, onMissing }: Omit<Step, 'attempted'>): string {
  switch (status) {
    case 401:
      return 'The API server does not know you: log in anew as you do for kubectl, or choose another --context.';
    case 403:
      return `Your user lacks a right in the namespace ${namespace}: ${right}. The chart has a Role with all that it
takes, <release>-command-line: have yourself added to access.commandLineUsers, or be bound to it.`;
    case 404:
      return onMissing;
    case null:
      return 'Does kubectl reach this cluster? Another one is said with --kubeconfig and --context.';
    default:
      return 'Try again; if it stays, kubectl get --raw /readyz and the log of the API server say more.';
  }
}
