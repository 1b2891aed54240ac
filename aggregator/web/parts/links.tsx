/** Links to what has a view of its own. A name that no path can hold stays a name: it is none that the API server gave. */
import { subjectText } from '../../model/finding.ts';
import type { FindingJson } from '../../http/schemas/finding.ts';
import { isName } from '../places.ts';

export function NodeLink({ name }: { readonly name: string }) {
  return isName(name) ? <a href={`/nodes/${name}`}>{name}</a> : <bdi>{name}</bdi>;
}

/** What a finding is about: a link where that is a Service. */
export function SubjectLink({ subject }: { readonly subject: FindingJson['subject'] }) {
  const text = subjectText(subject);
  if (subject.kind === 'Node') return <NodeLink name={subject.name} />;
  if (subject.kind !== 'Service' || !isName(subject.namespace) || !isName(subject.name)) {
    return <bdi>{text}</bdi>;
  }
  return <a href={`/services/${subject.namespace}/${subject.name}`}>{text}</a>;
}
