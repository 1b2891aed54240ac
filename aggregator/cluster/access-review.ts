/** Asks the API server what somebody may: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/ */
import type { AccessOutcome, AccessQuestion } from '../model/access.ts';
import type { ApiClient } from './api-client.ts';
import { apiErrorText } from './api-error.ts';
import { flag, member, rootField, text } from './api-object.ts';

const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

/** Whether the person may: rules of ClusterRoles about `nonResourceURLs` decide it. */
export async function reviewAccess(client: ApiClient, question: AccessQuestion): Promise<AccessOutcome> {
  const answer = await client.post(path, reviewOf(question));
  if (!answer.ok) return { ok: false, message: apiErrorText(answer.error) };
  const problems: string[] = [];
  const object = rootField(answer.value, 'SubjectAccessReview', problems);
  const kind = text(member(object, 'kind'));
  const status = member(object, 'status');
  const allowed = flag(member(status, 'allowed'));
  const denied = flag(member(status, 'denied')) ?? false;
  if (kind === 'SubjectAccessReview' && problems.length === 0 && allowed !== null) {
    return { ok: true, allowed: allowed && !denied };
  }
  const told = problems[0] ?? (kind === 'SubjectAccessReview' ? 'it has no verdict' : `it is a ${kind ?? 'thing'}`);
  return { ok: false, message: `${client.attempted('POST', path)}: expected a SubjectAccessReview, but ${told}` };
}

function reviewOf({ person, path: asked, verb }: AccessQuestion) {
  const { username, uid, groups, extra } = person;
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: username,
      ...(uid === null ? {} : { uid }),
      groups,
      extra,
      nonResourceAttributes: { path: asked, verb },
    },
  };
}
