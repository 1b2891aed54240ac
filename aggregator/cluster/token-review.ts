/** Asks the API server whose a token is: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/ */
import type { ReviewOutcome, TokenReviewStatus } from '../model/token-review.ts';
import type { ApiClient } from './api-client.ts';
import { apiErrorText } from './api-error.ts';
import { type Field, flag, member, rootField, text, textList, textListMap } from './api-object.ts';

const path = '/apis/authentication.k8s.io/v1/tokenreviews';

/** @param audiences those that the token must have one of; none = the API server's own. The token itself gets into no message. */
export async function reviewToken(
  client: ApiClient,
  token: string,
  audiences: readonly string[],
): Promise<ReviewOutcome> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
  const answer = await client.post(path, review);
  if (!answer.ok) return { ok: false, message: apiErrorText(answer.error) };
  const problems: string[] = [];
  const object = rootField(answer.value, 'TokenReview', problems);
  const kind = text(member(object, 'kind'));
  const status = readStatus(member(object, 'status'));
  if (kind === 'TokenReview' && problems.length === 0) return { ok: true, status };
  const told = problems[0] ?? `the answer is a ${kind ?? 'thing without kind'}`;
  return { ok: false, message: `${client.attempted('POST', path)}: expected a TokenReview, but ${told}` };
}

function readStatus(status: Field): TokenReviewStatus {
  const user = member(status, 'user');
  const uid = text(member(user, 'uid'));
  return {
    authenticated: flag(member(status, 'authenticated')) ?? false,
    username: text(member(user, 'username')) ?? '',
    ...(uid === null ? {} : { uid }),
    groups: textList(member(user, 'groups')),
    extra: textListMap(member(user, 'extra')),
    audiences: textList(member(status, 'audiences')),
    error: text(member(status, 'error')),
  };
}
